"""Tables for programs: long-form CSV, and JSON with everything a leaderboard holds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from spfem_bench.tables.check import AVERAGE, check
from spfem_bench.tables.model import Column, Leaderboard, Place, Published, SystemRow
from spfem_bench.tables.notes import tie_letters
from spfem_bench.tables.numbers import finite_or_none, significant
from spfem_metrics import Failed, Outcome, Score, Scored, Unscored

SCHEMA_VERSION = 1
FIELDS = (
    "system", "role", "metric", "emotion", "value", "half_width",
    "scored", "total", "unit", "direction", "signature", "reason", "rank_low", "rank_high", "ties",
)  # fmt: skip
"""Columns of the CSV, one row per system, metric and emotion (``average`` last).

Published numbers follow with the role ``reported``, their definition's id as signature and their table as
reason: no two of them, and none of them and a measured one, may be ranked unless the signatures are equal.
"""


def render_csv(leaderboard: Leaderboard) -> str:
    """Long form, `FIELDS` as header, numbers with five significant figures, lines ended by one newline.

    Raises:
        BenchError: the leaderboard holds what must not be printed.
    """
    check(leaderboard)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(_rows(leaderboard))
    writer.writerows(row for table in leaderboard.published for row in _published_rows(table))
    return stream.getvalue()


def _rows(leaderboard: Leaderboard) -> Iterator[list[str]]:
    for system in leaderboard.systems:
        for column in leaderboard.columns:
            by_emotion = system.scores.get(column.info.name, {})
            for emotion in (*leaderboard.emotions, AVERAGE):
                if emotion in by_emotion:
                    standing = leaderboard.standings.get(column.info.name) if emotion == AVERAGE else None
                    place = standing.places.get(system.name) if standing else None
                    yield [*_row(system, column, emotion, by_emotion[emotion]), *_place(place)]


def _place(place: Place | None) -> list[str]:
    return ["", "", ""] if place is None else [str(place.low), str(place.high), tie_letters(place)]


def _published_rows(table: Published) -> Iterator[list[str]]:
    for row in table.rows:
        for column in table.columns:
            numbers = row.cells.get(column.label, {})
            for emotion in (*table.emotions, AVERAGE):
                if emotion in numbers:
                    told = [row.model, "reported", column.label, emotion, significant(numbers[emotion])]
                    yield [*told, "", "", "", "", column.direction, column.definition, table.name, "", "", ""]


def _row(system: SystemRow, column: Column, emotion: str, score: Score) -> list[str]:
    info = column.info
    numbers = [significant(_value(score.outcome)), significant(score.half_width)]
    counts = [str(score.scored), str(score.total)]
    definition = [info.unit, info.direction, column.signature.line]
    return [
        system.name,
        system.role,
        info.name,
        emotion,
        *numbers,
        *counts,
        *definition,
        _reason(score.outcome),
    ]


def _value(outcome: Outcome) -> float | None:
    return outcome.value if isinstance(outcome, Scored) else None


def _reason(outcome: Outcome) -> str:
    if isinstance(outcome, Unscored):
        return outcome.reason
    return f"failed: {outcome.error}" if isinstance(outcome, Failed) else ""


def render_json(leaderboard: Leaderboard) -> str:
    """One document with a ``schema_version``; numbers in full, null with a reason where there is none.

    Raises:
        BenchError: the leaderboard holds what must not be printed.
    """
    document = as_document(leaderboard)
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def as_document(leaderboard: Leaderboard) -> dict[str, Any]:
    """The leaderboard as plain JSON values, lists in the order of the table."""
    check(leaderboard)
    return {
        "schema_version": SCHEMA_VERSION,
        "title": leaderboard.title,
        "trials_digest": leaderboard.trials_digest,
        "emotions": list(leaderboard.emotions),
        "columns": [_column(column) for column in leaderboard.columns],
        "systems": [_system(system) for system in leaderboard.systems],
        "footer": list(leaderboard.footer),
        "certificates": dict(leaderboard.certificates),
        "reasons": {metric: dict(reasons) for metric, reasons in leaderboard.reasons.items()},
        "standings": {metric: asdict(standing) for metric, standing in leaderboard.standings.items()},
        "published": [asdict(table) for table in leaderboard.published],
    }


def _column(column: Column) -> dict[str, Any]:
    info = column.info
    return {
        "metric": info.name,
        "label": info.label,
        "unit": info.unit,
        "direction": info.direction,
        "bounds": [finite_or_none(bound) for bound in info.bounds],
        "weak": info.weak,
        "signature": column.signature.line,
        "digest": column.signature.digest,
    }


def _system(system: SystemRow) -> dict[str, Any]:
    return {
        "name": system.name,
        "role": system.role,
        "generated": system.generated,
        "trials": system.trials,
        "failures": dict(system.failures),
        "notes": list(system.notes),
        "time": None if system.time is None else {**vars(system.time), "rates": dict(system.time.rates)},
        "picture": system.picture and {name: dict(found) for name, found in vars(system.picture).items()},
        "scores": {
            metric: {emotion: _score(score) for emotion, score in by_emotion.items()}
            for metric, by_emotion in system.scores.items()
        },
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "outcome": type(score.outcome).__name__.lower(),
        "value": _value(score.outcome),
        "reason": _reason(score.outcome) or None,
        "half_width": score.half_width,
        "interval": score.interval,
        "scored": score.scored,
        "total": score.total,
        "notes": list(score.notes),
    }

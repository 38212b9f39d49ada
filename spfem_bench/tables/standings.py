"""Which models a table can tell apart: the rows of its bundles, compared pair by pair on the same trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from spfem_bench.errors import IntegrityError, UsageError
from spfem_bench.tables.check import AVERAGE
from spfem_bench.tables.model import Column, Leaderboard, Place, Standing, SystemRow, TrialValue
from spfem_metrics import Scored

ALPHA = 0.05
"""Chance that a column tells any two models apart that are alike."""

MIN_COVERAGE = 0.9
"""A model measured on less than this share of its trials is neither marked best or second nor ranked."""

Question = Literal["any-actors", "these-actors"]
QUESTIONS: tuple[Question, ...] = ("any-actors", "these-actors")

_UNITS: Mapping[Question, str] = {
    "any-actors": "any actors: speakers as the units",
    "these-actors": "these actors: speakers given, clips as the units",
}

_FIELDS = ["system", "metric", "trial", "side", "speaker", "value"]


def with_values(board: Leaderboard, bundle: Path) -> Leaderboard:
    """The table with every trial's values from the rows of its bundle, which `ranked` needs.

    Args:
        board: of this bundle alone, not yet merged.
        bundle: its folder.

    Raises:
        UsageError: the bundle has no rows.
        IntegrityError: its rows are damaged.
    """
    found: dict[str, dict[str, list[TrialValue]]] = {}
    for row in _read(bundle / "rows.parquet"):
        value = row["value"]
        if row["side"] == "generated" and isinstance(value, float):
            one = TrialValue(str(row["trial"]), str(row["speaker"]), value)
            found.setdefault(str(row["system"]), {}).setdefault(str(row["metric"]), []).append(one)
    systems = [replace(system, values=found.get(system.name, {})) for system in board.systems]
    return replace(board, systems=systems)


def _read(path: Path) -> list[dict[str, object]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise UsageError(f"{path.parent} has no {path.name}, which ranks need: pass --ranks none")
    try:
        rows: list[dict[str, object]] = pq.read_table(path, columns=_FIELDS).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise IntegrityError(f"{path} cannot be read ({error}): the bundle was damaged, run again") from error
    return rows


def ranked(board: Leaderboard, question: Question = "any-actors", *, seed: int = 0) -> Leaderboard:
    """The table with the standing of its models in every column that has values per trial.

    Models under `MIN_COVERAGE` are left out; bounds never take part. The order of systems and of trials
    changes nothing.

    Args:
        board: with values, see `with_values`; merged or not.
        question: whether it would hold on new people, or on the people of the benchmark.
        seed: of what the statistics draw.

    Returns:
        The table as given where fewer than two models have values.
    """
    standings = {column.info.name: _standing(board, column, question, seed) for column in board.columns}
    return replace(board, standings={name: found for name, found in standings.items() if found})


def _standing(board: Leaderboard, column: Column, question: Question, seed: int) -> Standing | None:
    from spfem_bench.judging.statistics import rank_intervals

    name = column.info.name
    models = [system for system in board.systems if system.role == "model" and may_rank(system, name)]
    values = {system.name: system.values[name] for system in models if system.values.get(name)}
    if len(values) < 2:
        return None
    table, speakers = _aligned(values)
    found = rank_intervals(
        table, speakers, direction=column.info.direction, question=question, alpha=ALPHA, seed=seed
    )
    places = {system: Place(rank.low, rank.high, rank.ties) for system, rank in found.ranks.items()}
    return Standing(places, _basis(question), found.note)


def _basis(question: Question) -> str:
    return (
        "models that share a capital letter are not told apart (every pair on the trials both have; "
        f"{_UNITS[question]}; Holm over the pairs of a column, alpha {ALPHA:g})"
    )


def may_rank(system: SystemRow, metric: str, emotion: str = AVERAGE) -> bool:
    """Whether a model's score stands for enough of its trials to be marked or ranked."""
    score = system.scores.get(metric, {}).get(emotion)
    if score is None or system.role != "model" or not isinstance(score.outcome, Scored):
        return False
    return score.scored >= MIN_COVERAGE * score.total


def _aligned(values: Mapping[str, Sequence[TrialValue]]) -> tuple[dict[str, list[float]], list[str]]:
    """System -> a value per trial of any of them, NaN where it has none; and each trial's speaker."""
    speakers = {value.trial: value.speaker for own in values.values() for value in own}
    trials = sorted(speakers)
    by_trial = {name: {value.trial: value.value for value in own} for name, own in values.items()}
    table = {name: [own.get(trial, math.nan) for trial in trials] for name, own in by_trial.items()}
    return table, [speakers[trial] for trial in trials]

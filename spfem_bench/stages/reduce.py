"""Rows in, scores out: float64 over rows sorted by trial id, whatever order they arrived in.

One system, metric and emotion at a time; matrices are read as the metric goes through the rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from spfem_bench.stages.rows import REAL, MetricRow, WholeRows
from spfem_metrics import Metric, Row, Score, Scored, Unscored
from spfem_metrics.functional import cluster_interval
from spfem_metrics.metrics.reducing import NO_INTERVAL, interval_notes, interval_words, speaker_values

AVERAGE = "average"
"""The pseudo-emotion under which the plain mean over emotions is kept."""

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")

Scores = Mapping[str, Mapping[str, Mapping[str, Score]]]
"""system -> metric -> emotion (and `AVERAGE`) -> score."""


def reduce_rows(rows: Iterable[MetricRow], metrics: Sequence[Metric], emotions: Sequence[str]) -> Scores:
    """Every score of a bundle, from its rows alone.

    Args:
        rows: of all systems and metrics, in any order.
        metrics: in the order of the table.
        emotions: those of the protocol, in order.
    """
    ordered = sorted(rows, key=lambda row: row.key)
    systems = dict.fromkeys(row.system for row in ordered if row.system != REAL)
    return {s: {m.info.name: _scores(m, s, ordered, emotions) for m in metrics} for s in systems}


def _scores(
    metric: Metric, system: str, rows: Sequence[MetricRow], emotions: Sequence[str]
) -> dict[str, Score]:
    wanted = (system, REAL) if metric.info.of_sets else (system,)
    own = [row for row in rows if row.metric == metric.info.name and row.system in wanted]
    by_emotion = {e: [row for row in own if row.row.trial.emotion == e] for e in emotions}
    scores = {e: metric.reduce(WholeRows(group)) for e, group in by_emotion.items() if _generated(group)}
    return {**scores, AVERAGE: average(metric, scores, WholeRows(own))}


def _generated(rows: Sequence[MetricRow]) -> bool:
    return any(row.row.trial.side == "generated" for row in rows)


def average(metric: Metric, scores: Mapping[str, Score], rows: Sequence[Row]) -> Score:
    """The plain mean over emotions, as the field's tables print it.

    Its interval is that of this very mean (`spfem_metrics.functional.cluster_interval`); there is none where
    an emotion's score is not the plain mean of its trials. The notes of the emotions stay.

    Args:
        metric: whose scores these are.
        scores: emotion -> score.
        rows: all rows of the system.
    """
    known = {e: s.outcome.value for e, s in scores.items() if isinstance(s.outcome, Scored)}
    scored, total = sum(s.scored for s in scores.values()), sum(s.total for s in scores.values())
    notes = merged_notes([score.notes for score in scores.values()])
    if not known:
        return Score(Unscored(_why(metric.reduce(rows), scores)), scored, total, notes=notes)
    fewer = () if len(known) == len(scores) else (f"mean over {len(known)} of {len(scores)} emotions",)
    mean = Score(Scored(math.fsum(known.values()) / len(known)), scored, total, notes=(*fewer, *notes))
    return mean if metric.info.of_sets else _with_interval(mean, known, rows)


def _with_interval(mean: Score, known: Mapping[str, float], rows: Sequence[Row]) -> Score:
    groups = [speaker_values([row for row in rows if row.trial.emotion == e]) for e in known]
    if not all(groups):
        return mean
    plain = [math.fsum(value for _, value in group) / len(group) for group in groups]
    if not all(map(partial(math.isclose, rel_tol=1e-9, abs_tol=1e-12), plain, known.values())):
        return mean
    found = cluster_interval(groups)
    own = [note for note in mean.notes if NO_INTERVAL not in note]
    notes = (*own, *interval_notes(found))
    return replace(mean, half_width=found.half_width, interval=interval_words(found), notes=notes)


def merged_notes(all_notes: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The notes of several scores as those of one: what differs in numbers only becomes one note with ranges.

    ``n = 20 frames`` and ``n = 30 frames`` become ``n = 20..30 frames``; a note that only some of the scores
    have is preceded by their number, as in ``2 of 7 emotions: no interval``.

    Args:
        all_notes: of every score, in order.
    """
    alike: dict[str, list[tuple[int, str]]] = {}
    for index, notes in enumerate(all_notes):
        for note in notes:
            alike.setdefault(_NUMBER.sub("#", note), []).append((index, note))
    return tuple(_merged(notes, len(all_notes)) for notes in alike.values())


def _merged(notes: Sequence[tuple[int, str]], whole: int) -> str:
    having, text = len({index for index, _ in notes}), _ranged([note for _, note in notes])
    return text if having == whole else f"{having} of {whole} emotions: {text}"


def _ranged(notes: Sequence[str]) -> str:
    """Notes that differ in numbers only as one, lowest to highest where they differ."""
    columns = zip(*(_NUMBER.findall(note) for note in notes), strict=True)
    spans = iter([_span(list(column)) for column in columns])
    return _NUMBER.sub(lambda _: next(spans), notes[0])


def _span(numbers: Sequence[str]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if float(low) == float(high) else f"{low}..{high}"


def _why(pooled: Score, scores: Mapping[str, Score]) -> str:
    """The commonest reasons of all rows; those of the emotions where only their sets are too small."""
    if isinstance(pooled.outcome, Unscored):
        return pooled.outcome.reason
    reasons = dict.fromkeys(s.outcome.reason for s in scores.values() if isinstance(s.outcome, Unscored))
    return "; ".join(reasons) or "no trials"

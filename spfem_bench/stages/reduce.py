"""Rows in, scores out: float64 over rows sorted by trial id, whatever order they arrived in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spfem_bench.stages.rows import REAL, MetricRow
from spfem_metrics import Metric, Row, Score, Scored, Unscored

AVERAGE = "average"
"""The pseudo-emotion under which the plain mean over emotions is kept."""

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
    own = [row.row for row in rows if row.metric == metric.info.name and row.system in wanted]
    by_emotion = {e: [row for row in own if row.trial.emotion == e] for e in emotions}
    scores = {e: metric.reduce(group) for e, group in by_emotion.items() if _generated(group)}
    return {**scores, AVERAGE: average(metric, scores, own)}


def _generated(rows: Sequence[Row]) -> bool:
    return any(row.trial.side == "generated" for row in rows)


def average(metric: Metric, scores: Mapping[str, Score], rows: Sequence[Row]) -> Score:
    """The plain mean over emotions, as the field's tables print it.

    Args:
        metric: whose scores these are.
        scores: emotion -> score.
        rows: all rows of the system; the interval over speakers is taken from them where there is one.
    """
    values = [s.outcome.value for s in scores.values() if isinstance(s.outcome, Scored)]
    scored, total = sum(s.scored for s in scores.values()), sum(s.total for s in scores.values())
    if not values:
        return Score(Unscored(_why(metric.reduce(rows), scores)), scored, total)
    notes = () if len(values) == len(scores) else (f"mean over {len(values)} of {len(scores)} emotions",)
    pooled = None if metric.info.of_sets else metric.reduce(rows)
    width, words = (pooled.half_width, pooled.interval) if pooled else (None, "")
    return Score(Scored(sum(values) / len(values)), scored, total, width, words, notes)


def _why(pooled: Score, scores: Mapping[str, Score]) -> str:
    """The commonest reasons of all rows; those of the emotions where only their sets are too small."""
    if isinstance(pooled.outcome, Unscored):
        return pooled.outcome.reason
    reasons = dict.fromkeys(s.outcome.reason for s in scores.values() if isinstance(s.outcome, Unscored))
    return "; ".join(reasons) or "no trials"

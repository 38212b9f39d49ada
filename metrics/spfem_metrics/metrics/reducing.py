"""From rows to a score: the mean over trials, its coverage and its interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from spfem_metrics.functional.intervals import cluster_means, t_half_width
from spfem_metrics.metric import Reading, Row, Score
from spfem_metrics.outcome import Failed, Scored, Unscored

_SHOWN = 3


def mean_score(rows: Sequence[Row], notes: tuple[str, ...] = ()) -> Score:
    """The plain mean of the trials' values.

    The interval is Student's t over the means of the speakers, the units in which people are drawn; its
    half width is None for a single speaker. Real rows are left aside. The order of rows moves no digit.

    Args:
        rows: of one group.
        notes: handed on to the score.
    """
    ordered = sorted((row for row in rows if row.trial.side == "generated"), key=lambda row: row.trial.id)
    scored = [(row.trial.speaker, value) for row in ordered if (value := _value(row)) is not None]
    if not scored:
        return Score(Unscored(common_reasons(ordered)), 0, len(ordered), notes=notes)
    speakers, values = [speaker for speaker, _ in scored], [value for _, value in scored]
    means = list(cluster_means(values, speakers).values())
    half = t_half_width(means)
    words = "" if half is None else f"t over {len(means)} speaker means"
    mean = Scored(math.fsum(values) / len(values))
    return Score(mean, len(values), len(ordered), half, words, notes)


def _value(row: Row) -> float | None:
    return row.outcome.value if isinstance(row.outcome, Reading) else None


def common_reasons(rows: Sequence[Row]) -> str:
    """Why rows gave no reading, the commonest reasons first with their counts."""
    counts = Counter(_reason(row) for row in rows if not isinstance(row.outcome, Reading))
    if not counts:
        return "no trials"
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{reason} ({count}x)" if count > 1 else reason for reason, count in ranked[:_SHOWN]]
    more = sum(count for _, count in ranked[_SHOWN:])
    return "; ".join([*shown, *([f"{more} more for other reasons"] if more else [])])


def _reason(row: Row) -> str:
    if isinstance(row.outcome, Unscored):
        return row.outcome.reason
    return row.outcome.error if isinstance(row.outcome, Failed) else ""

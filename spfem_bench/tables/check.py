"""What must hold before a leaderboard is drawn: nothing non-finite, nothing without a definition."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from spfem_bench.errors import BenchError
from spfem_bench.tables.model import Leaderboard, Published, SystemRow
from spfem_metrics import Score, Scored

AVERAGE = "average"
"""The emotion name of the plain mean over emotions."""


def check(leaderboard: Leaderboard) -> None:
    """Refuse a leaderboard that would print a number wrongly.

    Raises:
        BenchError: a column or system twice, a score without a column, an emotion nobody named, or a
            number that is NaN or infinite.
    """
    names = [column.info.name for column in leaderboard.columns]
    _refuse_twice(leaderboard, "column", names)
    _refuse_twice(leaderboard, "system", [system.name for system in leaderboard.systems])
    _refuse_twice(leaderboard, "published table", [table.name for table in leaderboard.published])
    for table in leaderboard.published:
        _refuse_non_finite(leaderboard, table)
    for system in leaderboard.systems:
        for fault in _faults(system, set(names), {*leaderboard.emotions, AVERAGE}):
            raise BenchError(f"table '{leaderboard.title}': {system.name}: {fault}")


def _refuse_twice(leaderboard: Leaderboard, what: str, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise BenchError(f"table '{leaderboard.title}': {what} {', '.join(twice)} stands twice")


def _refuse_non_finite(leaderboard: Leaderboard, table: Published) -> None:
    for row in table.rows:
        for label, numbers in row.cells.items():
            for emotion, number in numbers.items():
                if not math.isfinite(number):
                    where = f"{table.name}: {row.model}, {label}, {emotion}"
                    raise BenchError(f"table '{leaderboard.title}': {where}: {number} is not finite")


def _faults(system: SystemRow, metrics: set[str], emotions: set[str]) -> Iterator[str]:
    if system.role not in {"model", "bound"}:
        yield f"role '{system.role}' is neither model nor bound"
    for metric, by_emotion in system.scores.items():
        if metric not in metrics:
            yield f"scores of {metric} have no column, so no definition"
        for emotion, score in by_emotion.items():
            if emotion not in emotions:
                yield f"{metric} has a score for '{emotion}', which the table does not list"
            if not _is_finite(score):
                yield f"{metric}, {emotion}: {score.outcome} ± {score.half_width} is not finite"


def _is_finite(score: Score) -> bool:
    value = score.outcome.value if isinstance(score.outcome, Scored) else 0.0
    return math.isfinite(value) and math.isfinite(score.half_width or 0.0)

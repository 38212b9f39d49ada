"""What a plot says beside its marks: axis labels, and the small print that its numbers travel with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from spfem_bench.errors import UsageError
from spfem_bench.tables import AVERAGE, Column, Leaderboard, SystemRow
from spfem_metrics import Scored

_ROOM = 0.08
"""Beyond a metric's bounds, as a share of the axis."""

STAMP = "NOT A RESULT"
"""How a footer line begins that takes the table's numbers back."""


def column_of(board: Leaderboard, name: str) -> Column:
    """A metric's column.

    Raises:
        UsageError: the table has no such metric.
    """
    names = [column.info.name for column in board.columns]
    if name in names:
        return board.columns[names.index(name)]
    near = get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(names)}"
    raise UsageError(f"'{board.title}' has no metric '{name}': {hint}")


def first_of(board: Leaderboard, wanted: Sequence[str]) -> str | None:
    """The first metric whose name begins with one of some words, which come in order of preference."""
    names = [column.info.name for column in board.columns]
    ranked = [name for stem in wanted for name in sorted(names, key=len) if name.startswith(stem)]
    return next(iter(ranked), None)


@dataclass(frozen=True)
class Number:
    """A score as drawn: the value and half of its interval, None without one; both in the metric's unit."""

    value: float
    half: float | None


def number_of(system: SystemRow, metric: str, emotion: str = AVERAGE) -> Number | None:
    """A system's number, None where there is none."""
    score = system.scores.get(metric, {}).get(emotion)
    if score is None or not isinstance(score.outcome, Scored):
        return None
    return Number(score.outcome.value, score.half_width)


def extremes(board: Leaderboard, column: Column) -> tuple[SystemRow | None, SystemRow | None]:
    """Floor and ceiling of a metric: last and first of its stated order among the bounds with a score."""
    bounds = {system.name: system for system in board.systems if system.role == "bound"}
    scored = [
        bounds[name]
        for name in column.info.order
        if name in bounds and number_of(bounds[name], column.info.name) is not None
    ]
    if len(column.info.order) < 2 or len(scored) < 2:
        only = scored[0] if scored and scored[0].name == column.info.order[0] else None
        return None, only
    return scored[-1], scored[0]


def axis_label(column: Column) -> str:
    """``Emotion (share), higher is better →``: along an axis, the arrow points to the better end."""
    info = column.info
    better = "higher is better →" if info.direction == "higher" else "← lower is better"
    return f"{info.label} ({info.unit}), {better}"


def within_bounds(axes: Any, column: Column, axis: str) -> None:
    """Cut what is seen of an axis to the values that a metric can have; intervals may reach beyond."""
    low, high = axes.get_xlim() if axis == "x" else axes.get_ylim()
    room = _ROOM * (high - low)
    lowest, highest = column.info.bounds
    seen = (max(low, lowest - room), min(high, highest + room))
    (axes.set_xlim if axis == "x" else axes.set_ylim)(seen)


def small_print(board: Leaderboard, columns: Sequence[Column], *more: str) -> list[str]:
    """Title, what intervals are, definitions by digest, and what else is to be said."""
    return [board.title, *_intervals(board, columns), *more, _definitions(columns)]


def stamps(board: Leaderboard) -> list[str]:
    """The lines that take the numbers back."""
    return [line for line in board.footer if line.startswith(STAMP)]


def _intervals(board: Leaderboard, columns: Sequence[Column]) -> list[str]:
    names = {column.info.name for column in columns}
    kinds = {
        score.interval
        for system in board.systems
        for metric, scores in system.scores.items()
        if metric in names
        for score in scores.values()
        if score.half_width is not None
    }
    if not kinds:
        return []
    return [
        f"Error bars: 95% intervals ({'; '.join(sorted(kinds))}), cut off beyond what the metric can reach."
    ]


def _definitions(columns: Sequence[Column]) -> str:
    pairs = [(column.info.label, column.signature) for column in columns]
    shown = [f"{label} = {made.name}|v{made.version} @{made.digest}" for label, made in pairs]
    return f"Definitions: {'; '.join(shown)}."

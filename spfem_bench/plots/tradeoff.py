"""Speech preservation against emotion: every model with its intervals, between floors and ceilings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spfem_bench.errors import UsageError
from spfem_bench.plots.canvas import BOUND, FAINT, MARKERS, MODELS, captioned, save, styled
from spfem_bench.plots.labels import Label, place
from spfem_bench.plots.words import (
    Number,
    axis_label,
    column_of,
    extremes,
    first_of,
    number_of,
    small_print,
    stamps,
    within_bounds,
)
from spfem_bench.tables import Column, Leaderboard

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

EMOTION = ("emotion-accuracy", "csim", "expression-similarity", "emotion")
"""What is drawn along the horizontal axis, in order of preference; beginnings of names."""
SPEECH = ("mouth-correlation", "lse-d", "lse-c", "mouth-distance", "landmark-distance")
"""What is drawn along the vertical axis, likewise."""

_WIDTH, _HEIGHT = 5.0, 4.2
_CORNER = 0.2


@dataclass(frozen=True)
class _Point:
    name: str
    role: str
    x: Number
    y: Number


def draw_tradeoff(board: Leaderboard, path: Path, x: str = "", y: str = "") -> Path:
    """Write `tradeoff_figure`; the path's ending says in which format.

    Raises:
        UsageError: see `tradeoff_figure`; another ending, or no matplotlib.
        StorageError: the file cannot be written.
    """
    with styled():
        return save(tradeoff_figure(board, x, y), path)


def tradeoff_figure(board: Leaderboard, x: str = "", y: str = "") -> Figure:
    """Every system that has both numbers, between floor and ceiling of each axis.

    Floor and ceiling are the last and the first of a metric's stated order among the bounds that have a
    score.

    Args:
        board: of one or more bundles.
        x: metric of the horizontal axis; by default the first the table has of `EMOTION`.
        y: of the vertical axis, likewise of `SPEECH`.

    Raises:
        UsageError: the table lacks the metric, or no system has both numbers.
    """
    across, up = _column(board, x, EMOTION, "--x"), _column(board, y, SPEECH, "--y")
    points = list(_points(board, across, up))
    if not points:
        labels = f"{across.info.label} and {up.info.label}"
        raise UsageError(f"no system of '{board.title}' has numbers for both {labels}: choose other metrics")
    absent = [system.name for system in board.systems if system.name not in {p.name for p in points}]
    left_out = [f"Not drawn for want of a number: {', '.join(absent)}."] if absent else []
    lines = small_print(board, [across, up], *left_out)
    fill = partial(_fill, board=board, points=points, across=across, up=up)
    return captioned(_WIDTH, _HEIGHT, lines, stamps(board), fill)


def _column(board: Leaderboard, name: str, wanted: tuple[str, ...], option: str) -> Column:
    chosen = name or first_of(board, wanted)
    if chosen is None:
        names = ", ".join(column.info.name for column in board.columns)
        raise UsageError(f"'{board.title}' has no metric to choose by itself: pass {option}, one of {names}")
    return column_of(board, chosen)


def _points(board: Leaderboard, across: Column, up: Column) -> Iterator[_Point]:
    for system in board.systems:
        x, y = number_of(system, across.info.name), number_of(system, up.info.name)
        if x is not None and y is not None:
            yield _Point(system.name, system.role, x, y)


def _fill(figure: Figure, *, board: Leaderboard, points: list[_Point], across: Column, up: Column) -> None:
    axes: Any = figure.subplots()
    axes.set_xlabel(axis_label(across))
    axes.set_ylabel(axis_label(up))
    axes.margins(0.12)
    models = [point for point in points if point.role == "model"]
    bounds = [point for point in points if point.role == "bound"]
    for point in bounds:
        _mark(axes, point, BOUND, "o", filled=False)
    for number, point in enumerate(models):
        _mark(axes, point, MODELS[number % len(MODELS)], MARKERS[number % len(MARKERS)], filled=True)
    for column, axis in ((across, "x"), (up, "y")):
        within_bounds(axes, column, axis)
        _ends(axes, board, column, axis)
    labels = [
        *(Label(p.name, p.x.value, p.y.value, MODELS[i % len(MODELS)]) for i, p in enumerate(models)),
        *(Label(p.name, p.x.value, p.y.value, BOUND, "italic") for p in bounds),
    ]
    figure.draw_without_rendering()
    place(axes, labels, [box for point in points for box in _crosses(axes, point)])


def _mark(axes: Axes, point: _Point, colour: str, marker: str, *, filled: bool) -> None:
    axes.errorbar(
        point.x.value,
        point.y.value,
        xerr=point.x.half,
        yerr=point.y.half,
        color=colour,
        marker=marker,
        markersize=6 if filled else 5,
        markerfacecolor=colour if filled else "white",
        markeredgecolor="white" if filled else colour,
        markeredgewidth=0.6 if filled else 1.0,
        elinewidth=1.0 if filled else 0.6,
        capsize=2,
        capthick=0.6,
        zorder=3 if filled else 2,
    )


def _ends(axes: Any, board: Leaderboard, column: Column, axis: str) -> None:
    """Lines at floor and ceiling, named at the far side of the axes."""
    floor, ceiling = extremes(board, column)
    ends = [(what, system) for what, system in (("floor", floor), ("ceiling", ceiling)) if system]
    found = [(what, system.name, number_of(system, column.info.name)) for what, system in ends]
    line = axes.axvline if axis == "x" else axes.axhline
    for what, name, number in found:
        if number is not None:
            line(number.value, color=FAINT, linewidth=0.8, linestyle=":", zorder=1)
            _name_end(axes, axis, number.value, f"{what}: {name}")


def _name_end(axes: Any, axis: str, value: float, text: str) -> None:
    """Beside the axes; a name near a corner stays within them."""
    low, high = axes.get_xlim() if axis == "x" else axes.get_ylim()
    share = (value - low) / (high - low)
    side = 0 if share < _CORNER else 2 if share > 1 - _CORNER else 1
    style = {"color": BOUND, "fontsize": 6, "annotation_clip": False, "textcoords": "offset points"}
    if axis == "x":
        where, align = ((value, 1.0), axes.get_xaxis_transform()), ("left", "center", "right")[side]
        axes.annotate(text, where[0], (0, 3), xycoords=where[1], ha=align, va="bottom", **style)
    else:
        where, align = ((1.0, value), axes.get_yaxis_transform()), ("bottom", "center", "top")[side]
        axes.annotate(text, where[0], (4, 0), xycoords=where[1], ha="left", va=align, rotation=90, **style)


def _crosses(axes: Axes, point: _Point) -> Iterator[Bbox]:
    """The boxes in pixels of a point's bars of error."""
    from matplotlib.transforms import Bbox

    x, y, dx, dy = point.x.value, point.y.value, point.x.half or 0.0, point.y.half or 0.0
    for low, high in (((x - dx, y), (x + dx, y)), ((x, y - dy), (x, y + dy))):
        (x0, y0), (x1, y1) = axes.transData.transform([low, high])
        yield Bbox.from_extents(x0 - 2, y0 - 2, x1 + 2, y1 + 2)

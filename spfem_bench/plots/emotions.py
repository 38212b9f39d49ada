"""Scores per emotion: a bar per model with its interval, floor and ceiling across each group of bars."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spfem_bench.errors import UsageError
from spfem_bench.plots.canvas import BOUND, INK, MODELS, captioned, save, styled
from spfem_bench.plots.tradeoff import EMOTION, SPEECH
from spfem_bench.plots.words import (
    column_of,
    extremes,
    first_of,
    number_of,
    small_print,
    stamps,
    within_bounds,
)
from spfem_bench.tables import AVERAGE, Column, Leaderboard, SystemRow
from spfem_bench.tables.numbers import ABSENT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IDENTITY = ("identity",)
"""Drawn third where no metric is named; beginnings of names."""

_PANEL = 1.75
_NARROWEST = 0.66
"""Inches of a group, so that the emotions' names fit."""
_GROUP = 0.78
"""Share of a group's room that its bars fill."""
_HATCHES = ("", "////", "....", "xxxx")
"""Of the second, third and fourth round of colours."""


def draw_emotions(board: Leaderboard, path: Path, metrics: Sequence[str] = ()) -> Path:
    """Write `emotions_figure`; the path's ending says in which format.

    Raises:
        UsageError: see `emotions_figure`; another ending, or no matplotlib.
        StorageError: the file cannot be written.
    """
    with styled():
        return save(emotions_figure(board, metrics), path)


def emotions_figure(board: Leaderboard, metrics: Sequence[str] = ()) -> Figure:
    """A panel per metric, a group of bars per emotion, the average last.

    Args:
        board: of one or more bundles.
        metrics: names; by default one of emotion, one of speech and one of identity.

    Raises:
        UsageError: the table lacks a metric, or holds no model.
    """
    columns = [column_of(board, name) for name in dict.fromkeys(metrics or _defaults(board))]
    models = [system for system in board.systems if system.role == "model"]
    if not models:
        raise UsageError(f"'{board.title}' has no model to draw bars of: score one first")
    groups = len(board.emotions) + 1
    width = 0.9 + groups * max(_NARROWEST, 0.3 + 0.17 * len(models))
    lines = small_print(board, columns, "Lines across: ceiling (solid) and floor (dashed) of the metric.")
    fill = partial(_fill, board=board, columns=columns, models=models)
    return captioned(width, _PANEL * len(columns) + 0.6, lines, stamps(board), fill)


def _defaults(board: Leaderboard) -> list[str]:
    found = [first_of(board, wanted) for wanted in (EMOTION, SPEECH, IDENTITY)]
    return [name for name in found if name] or [column.info.name for column in board.columns[:3]]


def _fill(
    figure: Figure, *, board: Leaderboard, columns: Sequence[Column], models: Sequence[SystemRow]
) -> None:
    panels: Any = figure.subplots(len(columns), 1, sharex=True, squeeze=False)
    for axes, column in zip(panels[:, 0], columns, strict=True):
        _panel(axes, board, column, models)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=min(4, len(models)), fontsize=7)


def _panel(axes: Axes, board: Leaderboard, column: Column, models: Sequence[SystemRow]) -> None:
    groups = [*board.emotions, AVERAGE]
    for index, system in enumerate(models):
        _bars(axes, column, system, groups, (index, len(models)))
    axes.axhline(0.0, color=INK, linewidth=0.6)
    axes.axvline(len(groups) - 1.5, color=BOUND, linewidth=0.5)
    axes.set_xticks(range(len(groups)), [*board.emotions, "average"])
    axes.tick_params(axis="x", length=0)
    axes.margins(x=0.02)
    arrow = "↑" if column.info.direction == "higher" else "↓"
    axes.set_ylabel(f"{column.info.label} {arrow}\n({column.info.unit})")
    _ends(axes, board, column, groups)
    within_bounds(axes, column, "y")


def _bars(
    axes: Axes, column: Column, system: SystemRow, groups: Sequence[str], place: tuple[int, int]
) -> None:
    index, count = place
    width = _GROUP / count
    colour, hatch = MODELS[index % len(MODELS)], _HATCHES[index // len(MODELS) % len(_HATCHES)]
    look: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.4}
    label: str | None = system.name
    for group, emotion in enumerate(groups):
        x = group + (index - (count - 1) / 2) * width
        found = number_of(system, column.info.name, emotion)
        if found is None:
            axes.annotate(ABSENT, (x, 0.0), (0, 2), textcoords="offset points", color=colour, ha="center")
            continue
        axes.bar(x, found.value, width, label=label, **look)
        label = None
        if found.half is not None:
            axes.errorbar(x, found.value, found.half, color=INK, elinewidth=0.7, capsize=1.6, capthick=0.7)


def _ends(axes: Axes, board: Leaderboard, column: Column, groups: Sequence[str]) -> None:
    floor, ceiling = extremes(board, column)
    for system, style in ((floor, (0, (2, 1.5))), (ceiling, "-")):
        for group, emotion in enumerate(groups):
            found = number_of(system, column.info.name, emotion) if system else None
            if found is not None:
                ends = (group - _GROUP / 2 - 0.06, group + _GROUP / 2 + 0.06)
                axes.plot(ends, [found.value] * 2, color=BOUND, linewidth=1.1, linestyle=style, zorder=2.5)
    named = [f"{what} {s.name}" for what, s in (("ceiling", ceiling), ("floor", floor)) if s]
    axes.set_title(", ".join(named), fontsize=6, color=BOUND, loc="right", pad=2)

"""The curve of a metric along a degradation, as one panel, and sheets of such panels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spfem_bench.plots.canvas import BOUND, FAINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from spfem_bench.certify.certificate import Line, Made, MetricCertificate

STATES = {"holds": "#0072B2", "fails": "#D55E00", "inconclusive": "#9C7A00", "unmeasured": BOUND}
"""Colour of a claim by what came of it; the word stands beside it."""

_QUIET = "#E8EAED"
_PANEL_WIDTH, _PANEL_HEIGHT = 1.7, 1.15
_LABELS = 0.35
_STILL = 1e-12
"""A change so small is rounding: an axis scaled to it would show nothing but that."""
_SHAPE = 1.3
"""Width to height that a sheet comes near to."""


def panel(axes: Axes, metric: MetricCertificate, made: Made) -> None:
    """Mean change from the clean output with its 95% interval, the noise floor shaded, the claim named.

    Args:
        axes: to draw into.
        metric: whose curve.
        made: the degradation; a metric without a score of it gets a panel that says so.
    """
    line = next((line for line in metric.lines if line.degradation == made.name), None)
    verdict = next((verdict for verdict in metric.verdicts if verdict.degradation == made.name), None)
    axes.axhspan(-metric.floor, metric.floor, color=_QUIET, linewidth=0)
    axes.axhline(0.0, color=FAINT, linewidth=0.5)
    colour = STATES[verdict.state] if verdict else BOUND
    if verdict is not None:
        axes.set_title(f"{verdict.claim}: {verdict.state}", color=colour, fontsize=6, loc="left", pad=2)
        if verdict.tolerance is not None:
            for edge in (-verdict.tolerance, verdict.tolerance):
                axes.axhline(edge, color=colour, linewidth=0.6, linestyle=":")
    if line is None or not any(point.level and point.change is not None for point in line.points):
        axes.text(0.5, 0.5, "no score", color=BOUND, transform=axes.transAxes, ha="center", va="center")
        axes.set(xticks=[], yticks=[])
        return
    _curve(axes, line, colour)
    room = metric.floor or (verdict is not None and verdict.tolerance)
    _ticks(axes, still=not room and all(abs(point.change or 0.0) < _STILL for point in line.points))


def _curve(axes: Axes, line: Line, colour: str) -> None:
    shown = [(point.level, point.change, point) for point in line.points if point.change is not None]
    axes.plot([level for level, _, _ in shown], [change for _, change, _ in shown], color=colour, marker="o",
              markersize=2.2, linewidth=1)  # fmt: skip
    sure = [(p.level, p.low, p.high) for _, _, p in shown if p.low is not None and p.high is not None]
    if sure:
        levels, lows, highs = zip(*sure, strict=True)
        axes.fill_between(levels, lows, highs, color=colour, alpha=0.2, linewidth=0)


def _ticks(axes: Any, *, still: bool) -> None:
    axes.tick_params(length=2, width=0.5)
    axes.margins(y=0.15)
    if still:
        axes.set(ylim=(-1, 1), yticks=[0])
        return
    axes.locator_params(nbins=4)
    axes.ticklabel_format(axis="y", scilimits=(-3, 4))
    axes.yaxis.get_offset_text().set_fontsize(5)


def blocks(rows: int, columns: int) -> int:
    """Into how many blocks side by side a tall sheet is cut, so that it comes near a page's shape.

    Args:
        rows: of panels in all.
        columns: of panels in one block.
    """

    def shape(count: int) -> float:
        width = count * (columns * _PANEL_WIDTH + _LABELS)
        return abs(math.log(width / (math.ceil(rows / count) * _PANEL_HEIGHT) / _SHAPE))

    return min(range(1, rows + 1), key=shape)


def sheet_size(rows: int, columns: int) -> tuple[float, float]:
    """Width and height in inches of a sheet of so many rows in `blocks`, its heads included."""
    count = blocks(rows, columns)
    return count * (columns * _PANEL_WIDTH + _LABELS), 0.5 + math.ceil(rows / count) * _PANEL_HEIGHT


def sheet(figure: Figure, rows: Sequence[Sequence[tuple[MetricCertificate, Made]]], columns: int) -> None:
    """Fill a figure with rows of panels, in blocks side by side; every row begins with its metric's name.

    Args:
        figure: of `sheet_size`.
        rows: of at most ``columns`` panels.
        columns: of one block.
    """
    count = blocks(len(rows), columns)
    height = math.ceil(len(rows) / count)
    parts: Any = figure.subfigures(1, count, squeeze=False)
    for number, part in enumerate(parts[0]):
        own = rows[number * height : (number + 1) * height]
        grid = part.subplots(height, columns, squeeze=False)
        for index, line in enumerate(grid):
            _row(line, own[index] if index < len(own) else ())


def _row(line: Sequence[Axes], cells: Sequence[tuple[MetricCertificate, Made]]) -> None:
    for index, axes in enumerate(line):
        if index >= len(cells):
            axes.set_visible(False)
            continue
        metric, made = cells[index]
        panel(axes, metric, made)
        axes.set_xlabel(f"{made.name} [{made.unit}]", fontsize=5.2, labelpad=1)
        if not index:
            axes.set_ylabel(f"{metric.label}\n[{metric.unit}]", fontsize=6.5)

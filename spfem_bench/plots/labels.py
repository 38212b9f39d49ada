"""Names beside points, placed so that they cover neither each other nor a mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

_RINGS = (5.0, 12.0, 21.0, 32.0)
"""Distances from the point that are tried, in points."""
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_NEAR = 8.0
"""A name farther than this from its point gets a line to it."""
_MARK = 4.0


@dataclass(frozen=True)
class Label:
    """A name for a point.

    Args:
        text: the name.
        x: of the point, in data.
        y: of the point.
        colour: of the text.
        style: ``normal`` or ``italic``.
    """

    text: str
    x: float
    y: float
    colour: str
    style: str = "normal"


def place(axes: Axes, labels: Sequence[Label], obstacles: Sequence[Bbox] = ()) -> None:
    """Write every name where it covers least, the first ones first.

    Args:
        axes: with everything else already drawn and its limits final.
        labels: in order of importance.
        obstacles: boxes in pixels that should stay free, beside the points themselves.
    """
    from matplotlib.transforms import Bbox

    figure: Any = axes.figure
    figure.draw_without_rendering()  # the layout moves the axes, and pixels are asked for below
    size = _MARK * figure.dpi / 72
    centres = [axes.transData.transform((label.x, label.y)) for label in labels]
    taken = [*obstacles, *(Bbox.from_extents(x - size, y - size, x + size, y + size) for x, y in centres)]
    for label in labels:
        taken.append(_write(axes, label, taken))


def _write(axes: Axes, label: Label, taken: Sequence[Bbox]) -> Bbox:
    """Write one name at the best place; the box it covers."""
    places = list(product(_RINGS, _SIDES))
    drawn = [_draw(axes, label, ring, side) for ring, side in places]
    boxes: list[Bbox] = [text.get_window_extent() for text in drawn]
    cost = [(_covered(axes, box, taken), index) for index, box in enumerate(boxes)]
    best = min(cost)[1]
    for index, text in enumerate(drawn):
        if index != best:
            text.remove()
    if places[best][0] > _NEAR:
        _tether(axes, label, drawn[best])
    return boxes[best]


def _draw(axes: Axes, label: Label, ring: float, side: tuple[int, int]) -> Any:
    from matplotlib.patheffects import withStroke

    right, up = side
    reach = ring / (2**0.5 if right and up else 1.0)
    return axes.annotate(
        label.text,
        (label.x, label.y),
        xytext=(right * reach, up * reach),
        textcoords="offset points",
        ha={1: "left", 0: "center", -1: "right"}[right],
        va={1: "bottom", 0: "center", -1: "top"}[up],
        color=label.colour,
        fontstyle=label.style,
        fontsize=7,
        path_effects=[withStroke(linewidth=1.5, foreground="white")],
        annotation_clip=False,
    )


def _tether(axes: Axes, label: Label, text: Any) -> None:
    line = {"arrowstyle": "-", "color": label.colour, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 3}
    axes.annotate(
        "", (label.x, label.y), xytext=text.xyann, textcoords="offset points",
        arrowprops=line, annotation_clip=False,
    )  # fmt: skip


def _covered(axes: Axes, box: Bbox, taken: Sequence[Bbox]) -> float:
    """Pixels covered twice; those outside the axes count as covered."""
    from matplotlib.transforms import Bbox

    shared = [Bbox.intersection(box, other) for other in taken]
    inside = Bbox.intersection(box, axes.get_window_extent())
    outside = _area(box) - (_area(inside) if inside is not None else 0.0)
    return outside + sum(_area(found) for found in shared if found is not None)


def _area(box: Bbox) -> float:
    return float(box.width * box.height)

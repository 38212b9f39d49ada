"""Outlines of the head: face, skull, ears, neck; and where the landmarks lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.picture.curves import ring, spline
from spfem_bench.synthetic.picture.surface import Grid, depth_at

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """Points of the head of one person at rest, (N, 3).

    Args:
        rim: the outline of the face seen from the front, from the crown over the image's right, closed.
        back: a smaller outline at the depth of the ears: the side of the head when it turns.
        cheeks: temples and cheeks before the rim: they bound the far side of a face that turns away.
        jaw: the 17 points of the jaw line, from the image's left temple to the right one.
        ears: image left and right.
    """

    rim: Floats
    back: Floats
    cheeks: Floats
    jaw: Floats
    ears: tuple[Floats, Floats]


def head_of(who: Identity, rest: Grid) -> Head:
    """The head of a person whose face has these depths at rest."""
    right = _right_half(who)
    dense = spline(right, 57)
    rim = np.concatenate([dense, dense[-2:0:-1] * (-1.0, 1.0, 1.0)])
    temple = int(np.argmin(np.abs(dense[:, 1] + 0.02) + (dense[:, 0] < 0.5)))
    from_chin = spline(dense[temple:][::-1], 9)
    jaw = np.concatenate([from_chin[::-1] * (-1.0, 1.0, 1.0), from_chin[1:]])
    width = who.head_width
    back = np.concatenate([_skull(width, who.crown), [(0.7 * width, 0.62, 0.0), (-0.7 * width, 0.62, 0.0)]])
    return Head(rim, back, _cheeks(rim, rest), jaw, (_ear(who, -1), _ear(who, 1)))


def _right_half(who: Identity) -> Floats:
    """From the crown to the chin."""
    width, chin = who.head_width, who.chin_length
    jaw_y = 1.02 + who.jaw_height + 0.35 * (chin - 1.5)
    return np.array(
        [
            (0.0, -who.crown, 0.10),
            (0.42 * width, -0.955 * who.crown, 0.08),
            (0.80 * width + who.forehead, -0.72 * who.crown, 0.08),
            (0.965 * width + who.forehead, -0.36 * who.crown, 0.08),
            (width, -0.02, 0.10),
            (0.975 * width + who.cheekbone, 0.38, 0.14),
            (0.55 * (0.94 * width) + 0.45 * who.jaw_width + 0.4 * who.cheekbone, 0.74, 0.22),
            (who.jaw_width, jaw_y, 0.32),
            (0.5 * who.jaw_width + 0.5 * who.chin_width, 0.5 * (jaw_y + chin) + 0.07, 0.52),
            (who.chin_width, chin - 0.045, 0.68),
            (0.0, chin, 0.74),
        ]
    )


def _cheeks(rim: Floats, rest: Grid) -> Floats:
    inside = rim[:, :2] * (0.90, 0.96)
    beside = (np.abs(rim[:, 1] + 0.20) < 0.65) & (np.abs(rim[:, 0]) > 0.5)
    return depth_at(rest, inside[beside])


def _skull(width: float, crown: float) -> Floats:
    angle = np.linspace(np.pi, 2 * np.pi, 25)
    flat = np.stack([0.93 * width * np.cos(angle), 0.1 + (crown + 0.08) * np.sin(angle)], axis=1)
    return np.concatenate([flat, np.full((25, 1), -0.12)], axis=1)


def _ear(who: Identity, side: int) -> Floats:
    shape = ring((0.0, 0.0), (1.0, 1.0), 24)
    wide = 0.075 + 0.075 * who.ear_angle
    x = side * (who.head_width * 0.985 + 0.03) + wide * shape[:, 0] * (1 - 0.25 * np.clip(shape[:, 1], 0, 1))
    y = 0.20 + who.ear_size * shape[:, 1] - 0.03 * shape[:, 0] * side
    return np.stack([x, y, np.full(24, -0.03) - 0.08 * side * shape[:, 0] * (1 - who.ear_angle)], axis=1)


def dropped(points: Floats, drop: float) -> Floats:
    """Points of the face as the jaw goes down: from 0 at the cheekbones to all of it at the chin."""
    weight = np.clip((points[:, 1] - 0.55) / 0.75, 0, 1)
    moved = points.copy()
    moved[:, 1] += drop * weight**1.3
    moved[:, 0] *= 1 - 0.10 * drop * weight
    return moved

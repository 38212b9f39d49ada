"""Hair: ribbons between a hairline and an outer edge, filled, then combed with strands."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.people.palette import Colour, times
from spfem_bench.synthetic.picture.canvas import Canvas
from spfem_bench.synthetic.picture.curves import mirrored, ring, spline
from spfem_bench.synthetic.picture.surface import Grid, depth_at

Floats = NDArray[np.float64]

ALONG = 61
_SHADES = (0.62, 0.82, 1.24)


@dataclass(frozen=True, slots=True)
class Lock:
    """An area of hair and the strands over it.

    The outer edge of hair is where the head's roundness ends, and stays there when the head turns: such
    points move over the head towards the viewer by as much as the head turns away.

    Args:
        area: (N, 3) outline.
        strands: (L, K, 3) lines, L may be 0.
        area_rim: (N,) how much each point of the outline belongs to the edge, 0 to 1.
        strands_rim: (L, K) the same for the strands.
    """

    area: Floats
    strands: Floats = field(default_factory=lambda: np.empty((0, 2, 3)))
    area_rim: Floats = field(default_factory=lambda: np.zeros(1))
    strands_rim: Floats = field(default_factory=lambda: np.zeros((1, 1)))


@dataclass(frozen=True, slots=True)
class Hair:
    """All hair of one person at rest: what lies behind the head and what lies in front."""

    behind: list[Lock] = field(default_factory=list)
    front: list[Lock] = field(default_factory=list)


def paint_locks(canvas: Canvas, locks: list[Lock], colour: Colour, yaw: float, tint: float = 1.0) -> None:
    """Areas with their strands in three shades, on a head turned by ``yaw`` degrees."""
    for lock in locks:
        canvas.fill(_rounded(lock.area, lock.area_rim, yaw), times(colour, tint), 235)
        strands = _rounded(lock.strands, lock.strands_rim, yaw)
        for k, shade in enumerate(_SHADES):
            if len(strands):
                canvas.strokes(strands[k::3], times(colour, shade * tint), 0.011, 235)


def _rounded(points: Floats, rim: Floats, yaw: float) -> Floats:
    """Points of the edge moved over a round head that turns under them."""
    angle = np.deg2rad(yaw)
    moved = points.copy()
    moved[..., 2] += rim * points[..., 0] * np.sin(angle)
    moved[..., 0] *= 1 - rim * (1 - np.cos(angle))
    return moved


def ribbon(inner: Floats, outer: Floats, u: Floats, v: Floats) -> Floats:
    """Points between two curves of the same number of points; ``u`` along, ``v`` across, both 0 to 1."""
    place = np.clip(u, 0, 1) * (len(inner) - 1)
    low = np.minimum(place.astype(np.int64), len(inner) - 2)
    share = (place - low)[..., None]
    first = inner[low] * (1 - share) + inner[low + 1] * share
    second = outer[low] * (1 - share) + outer[low + 1] * share
    return np.asarray(first * (1 - v[..., None]) + second * v[..., None])


def combed_across(draw: np.random.Generator, count: int, sweep: float) -> tuple[Floats, Floats]:
    """Strands from the inner curve to the outer one, leaning by ``sweep`` of the length: places (u, v)."""
    v = np.linspace(0, 1, 7) * draw.uniform(0.5, 1, (count, 1)) + draw.uniform(0, 0.25, (count, 1))
    u = (np.arange(count)[:, None] + draw.uniform(-0.5, 0.5, (count, 1))) / count
    return u + sweep * v**1.5, np.clip(v, 0.01, 0.99)


def combed_along(draw: np.random.Generator, count: int, start: float, wave: float) -> tuple[Floats, Floats]:
    """Strands from a parting at ``start`` down both sides: places (u, v)."""
    v0 = draw.uniform(0.04, 0.98, (count, 1))
    s = np.linspace(0, 1, 14)[None] * draw.uniform(0.55, 1, (count, 1))
    begun = draw.uniform(0, 0.35, (count, 1))
    s = begun + (1 - begun) * s
    right = (np.arange(count) % 2)[:, None]
    u = np.where(right == 1, start + (1 - start) * s, start * (1 - s))
    phase = draw.uniform(0, 6.28, (count, 1))
    return u, np.clip(v0 + wave * np.sin(16 * s + phase) * np.minimum(3 * s, 1), 0.01, 0.99)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the styles are cut from, all in head coordinates.

    Args:
        who: the person.
        rest: depths of the face at rest.
        draw: for strands.
    """

    who: Identity
    rest: Grid
    draw: np.random.Generator

    def hairline(self, height: float = 1.0, temple: float = 0.0) -> Floats:
        """(ALONG, 3) from ear to ear over the forehead."""
        w, h = self.who.head_width, self.who.hairline * height
        right = [
            (0.0, -h),
            (0.30 * w, -h - 0.01),
            (0.60 * w, -0.86 * h - temple),
            (0.80 * w, -0.60 - temple),
            (0.88 * w, -0.36),
            (0.94 * w, -0.12),
            (0.985 * w, 0.14),
        ]
        return self.on_face(spline(mirrored(right), ALONG))

    def edge(self, volume: float, low: float = 0.14) -> Floats:
        """(ALONG, 3) around the skull, ``volume`` away from it, down to height ``low`` at the ears."""
        w, c = self.who.head_width, self.who.crown
        right = [
            (0.0, -c - volume, 0.1),
            (0.44 * w, -0.96 * c - 0.95 * volume, 0.08),
            (0.82 * w + 0.5 * volume, -0.73 * c - 0.6 * volume, 0.02),
            (0.99 * w + 0.75 * volume, -0.36 * c - 0.1 * volume, -0.05),
            (1.03 * w + 0.6 * volume, -0.10, -0.08),
            (1.0 * w + 0.1 * volume, low, -0.04),
        ]
        return spline(mirrored(right), ALONG)

    def on_face(self, points: Floats, lift: float = 0.02) -> Floats:
        """Places to points just over the skin."""
        placed = depth_at(self.rest, points)
        placed[:, 2] += lift
        # Not so near at the temples, or the far side's hair would stand off the head when it turns.
        side = np.clip((np.abs(points[:, 0]) / self.who.head_width - 0.72) / 0.24, 0, 1)
        placed[:, 2] += side * (np.minimum(placed[:, 2], 0.42) - placed[:, 2])
        return placed

    def cap(self, volume: float) -> Lock:
        """Hair at the back of the head, seen beside the face."""
        back = self.edge(volume, 0.30)
        back[:, 2] -= 0.12
        return Lock(back, area_rim=np.ones(len(back)))

    def lock(self, inner: Floats, outer: Floats, combed: tuple[Floats, Floats]) -> Lock:
        """The area between two curves with strands over it."""
        rim = np.repeat([0.0, 1.0], [len(inner), len(outer)])
        area = np.concatenate([inner, outer[::-1]])
        return Lock(area, ribbon(inner, outer, *combed), rim, np.broadcast_to(combed[1], combed[0].shape))

    def ball(self, centre: tuple[float, float, float], radius: float) -> Lock:
        """A bun."""
        shape = ring(centre[:2], (1.15 * radius, radius), 30)
        area = np.concatenate([shape, np.full((30, 1), centre[2])], axis=1)
        turn = np.linspace(0.3, 2.8, 9)
        arcs = [
            np.stack(
                [
                    centre[0] + 1.15 * radius * share * np.cos(turn + lean),
                    centre[1] - radius * share * np.sin(turn + lean),
                    np.full(9, centre[2]),
                ],
                axis=1,
            )
            for share, lean in zip(
                self.draw.uniform(0.2, 0.98, 24), self.draw.uniform(-2, 2, 24), strict=True
            )
        ]
        return Lock(area, np.stack(arcs))


def shape_of(who: Identity, rest: Grid) -> Shape:
    """The material of one person's hair."""
    return Shape(who, rest, generator(who.key, 4))

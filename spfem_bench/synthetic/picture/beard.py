"""Moustaches and beards: they follow the lips and the jaw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.people.palette import Colour, mix, times
from spfem_bench.synthetic.picture.canvas import Canvas
from spfem_bench.synthetic.picture.curves import spline
from spfem_bench.synthetic.picture.hair import combed_across, ribbon
from spfem_bench.synthetic.picture.mouth import Mouth
from spfem_bench.synthetic.picture.tints import Tints

Floats = NDArray[np.float64]

_ALONG = 33
_WITH_MOUSTACHE = ("moustache", "goatee", "beard", "full beard")


class Beard:
    """Facial hair of one person.

    Args:
        who: the person.
    """

    def __init__(self, who: Identity) -> None:
        self._who = who
        draw = generator(who.key, 5)
        self._whiskers = combed_across(draw, 26, 0.0)
        self._hairs = combed_across(draw, 90 if who.facial_hair != "goatee" else 40, 0.02)

    def paint(self, canvas: Canvas, mouth: Mouth, jaw: Floats, tints: Tints) -> None:
        """Over the skin and under the lips; ``jaw`` are the 17 points of the jaw line, (17, 3)."""
        kind = self._who.facial_hair
        colour = mix(tints.skin, tints.beard, 0.55 + 0.45 * self._who.beard_density)
        if kind in ("beard", "full beard"):
            self._area(canvas, *self._full(mouth, jaw, kind == "full beard"), colour)
        if kind == "goatee":
            self._area(canvas, *self._goatee(mouth, jaw), colour)
        if kind in _WITH_MOUSTACHE:
            self._moustache(canvas, mouth, colour)

    def _area(self, canvas: Canvas, inner: Floats, outer: Floats, colour: Colour) -> None:
        canvas.fill(np.concatenate([inner, outer[::-1]]), colour, 235)
        u, v = self._hairs
        lines = ribbon(inner, outer, u, v)
        for k, shade in enumerate((0.7, 0.86, 1.25)):
            canvas.strokes(lines[k::3], times(colour, shade), 0.011, 235)

    def _full(self, mouth: Mouth, jaw: Floats, large: bool) -> tuple[Floats, Floats]:
        """From the sideburns down along the cheeks to under the moustache, and around the chin."""
        who = self._who
        left, right = mouth.outer_upper[0], mouth.outer_upper[-1]
        high = 0.16 if large else 0.28
        top = who.nose_length + (0.07 if large else 0.10)
        cheek = 0.62 if large else 0.74
        points = [
            (-0.985 * who.head_width, high - 0.15),
            (-0.86 * who.head_width, high + 0.22),
            (left[0] - 0.22, cheek),
            (left[0] - 0.05, left[1] - 0.10),
            (0.0, top + 0.05),
            (right[0] + 0.05, right[1] - 0.10),
            (right[0] + 0.22, cheek),
            (0.86 * who.head_width, high + 0.22),
            (0.985 * who.head_width, high - 0.15),
        ]
        inner = _rounded(spline(points, _ALONG))
        outer = spline(jaw, _ALONG)
        outer[:, 1] += (0.16 if large else 0.05) * np.clip((outer[:, 1] - 0.4) / 0.9, 0, 1)
        outer[:, 0] *= 1.03 if large else 1.0
        return inner, outer

    def _goatee(self, mouth: Mouth, jaw: Floats) -> tuple[Floats, Floats]:
        """A ring around the mouth that ends on the chin."""
        left, right = mouth.outer_upper[0], mouth.outer_upper[-1]
        chin = jaw[8]
        low = mouth.outer_lower[len(mouth.outer_lower) // 2, 1]
        wide = self._who.chin_width + 0.08
        inner = [left, (0.55 * left[0], low + 0.01), (0.0, low + 0.05), (0.55 * right[0], low + 0.01), right]
        outer = [
            (left[0] - 0.09, left[1] - 0.02),
            (left[0] - 0.05, 0.5 * (left[1] + chin[1])),
            (-0.7 * wide, chin[1] - 0.03),
            (0.0, chin[1] + 0.03),
            (0.7 * wide, chin[1] - 0.03),
            (right[0] + 0.05, 0.5 * (right[1] + chin[1])),
            (right[0] + 0.09, right[1] - 0.02),
        ]
        return _rounded(spline(inner, _ALONG)), _rounded(spline(outer, _ALONG), 0.72)

    def _moustache(self, canvas: Canvas, mouth: Mouth, colour: Colour) -> None:
        lip = mouth.outer_upper
        s = np.linspace(-1, 1, len(lip))
        ends = 0.05 + 0.03 * (self._who.facial_hair == "moustache")
        low = np.stack([lip[:, 0] * (1 + 2 * ends), lip[:, 1] + 0.02 + 0.05 * s**4], axis=1)
        height = 0.55 * (lip[len(lip) // 2, 1] - self._who.nose_length)
        rise = np.maximum(height, 0.04) * (1 - np.abs(s) ** 2.4) * (1 - 0.35 * np.exp(-((s / 0.12) ** 2)))
        high = low - np.stack([0 * s, rise + 0.03], axis=1)
        canvas.fill(np.concatenate([high, low[::-1]]), colour, 235)
        u, v = self._whiskers
        lines = ribbon(canvas.lift(high), canvas.lift(low), u + 0.06 * np.sign(u - 0.5) * v, v)
        for k, shade in enumerate((0.7, 1.25)):
            canvas.strokes(lines[k::2], times(colour, shade), 0.011, 235)


def _rounded(points: Floats, depth: float | None = None) -> Floats:
    """Places on the lower face to points, with a depth that does not need the height field."""
    radius = np.clip((points[:, 0] / 1.1) ** 2 + ((points[:, 1] - 0.15) / 1.7) ** 2, 0, 1.05)
    z = np.sqrt(1 - 0.86 * radius) if depth is None else np.full(len(points), depth)
    return np.concatenate([points, z[:, None]], axis=1)

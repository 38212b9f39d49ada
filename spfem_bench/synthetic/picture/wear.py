"""Glasses on the head; clothes below it, which do not move."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.people.palette import CLOTH, FRAMES, Colour, times
from spfem_bench.synthetic.picture.canvas import Canvas
from spfem_bench.synthetic.picture.curves import mirrored, spline
from spfem_bench.synthetic.picture.view import UNIT

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]

_SHARE = 60
"""Of the head's light; see `Canvas`."""

_LENS: dict[str, tuple[float, float, float]] = {
    # half width, half height, exponent of the superellipse
    "round": (0.33, 0.29, 2.0),
    "square": (0.36, 0.23, 4.5),
    "half-rim": (0.35, 0.21, 3.4),
    "large": (0.40, 0.33, 2.8),
}


class Glasses:
    """A frame in front of the eyes; it paints nothing for who wears none.

    Args:
        who: the person.
    """

    def __init__(self, who: Identity) -> None:
        self._who = who
        self._colour = FRAMES[who.glasses_colour]
        self._lenses = [_lens(who, side) for side in (-1, 1)] if who.glasses != "none" else []

    def paint(self, canvas: Canvas) -> None:
        """Rims, bridge and temples."""
        if not self._lenses:
            return
        who, width = self._who, 0.052 if self._who.glasses in ("square", "large") else 0.032
        for side, lens in self._sided():
            hinge = lens[np.argmax(side * lens[:, 0])]
            ear = np.array([side * (who.head_width + 0.03), 0.02, 0.0])
            canvas.strokes(np.stack([hinge, ear])[None], self._colour, 0.036, _SHARE)
            if who.glasses == "half-rim":
                canvas.strokes(lens[None, len(lens) // 2 - 2 :], self._colour, 0.05, _SHARE)
                canvas.outline(lens, times(self._colour, 1.6), 0.012, _SHARE)
            else:
                canvas.outline(lens, self._colour, width, _SHARE)
        left, right = (lens[np.argmax(-side * lens[:, 0])] for side, lens in self._sided())
        over = 0.5 * (left + right) - (0.0, 0.06, -0.04)
        canvas.strokes(spline(np.stack([left, over, right]), 9)[None], self._colour, 0.036, _SHARE)

    def _sided(self) -> list[tuple[int, Floats]]:
        return list(zip((-1, 1), self._lenses, strict=True))


def _lens(who: Identity, side: int) -> Floats:
    wide, high, power = _LENS[who.glasses]
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    size = who.glasses_size
    x = np.sign(cos) * np.abs(cos) ** (2 / power) * min(wide * size, 0.5 * who.eye_spacing - 0.09)
    y = np.sign(sin) * np.abs(sin) ** (2 / power) * high * size
    x = 0.5 * side * who.eye_spacing + 0.02 * side + x
    return np.stack([x, y + 0.035, 1.06 - 0.32 * np.abs(x) ** 2.2], axis=1)


_CUT: dict[str, tuple[float, float]] = {
    # half width and lowest point of the neckline
    "crew": (0.47, 1.80),
    "v-neck": (0.45, 2.12),
    "shirt": (0.36, 1.92),
    "jacket": (0.30, 1.86),
    "hood": (0.42, 1.80),
}


def dress(ground: Bytes, who: Identity, skin: Colour, size: int) -> None:
    """Paint shoulders and clothes into a background (F, F, 4); the fourth channel marks them with 255."""
    cloth, inner = CLOTH[who.cloth], CLOTH[who.second_cloth]
    width = who.shoulders
    torso = _torso(width, 0.36, 1.55)
    _fill(ground, torso, times(cloth, 0.95), size)
    _pattern(ground, who, cloth, size)
    if who.clothes == "jacket":
        _fill(ground, _triangle(0.52, 1.52, 2.9), inner, size)
        for side in (-1, 1):
            lapel = np.array([(0.36, 1.50), (0.66, 1.62), (0.52, 1.95), (0.12, 2.5), (0.05, 2.5)]) * (side, 1)
            _fill(ground, lapel, times(cloth, 0.72), size)
    elif who.clothes == "hood":
        hood = mirrored([(0.0, 1.45), (0.55, 1.42), (0.80, 1.66), (0.45, 1.98), (0.0, 2.06)])
        _fill(ground, hood, times(cloth, 0.78), size)
    _neckline(ground, who, skin, size)


def _neckline(ground: Bytes, who: Identity, skin: Colour, size: int) -> None:
    if who.clothes not in _CUT:
        return
    wide, low = _CUT[who.clothes]
    pointed = who.clothes in ("v-neck", "shirt", "jacket")
    middle = (0.5 * wide, 0.5 * (low + 1.55)) if pointed else (0.72 * wide, 1.55 + 0.72 * (low - 1.55))
    shape = spline([(-wide, 1.44), (-middle[0], middle[1]), (0.0, low), middle, (wide, 1.44)], 21)
    _fill(ground, shape * (1.14, 1.0) + (0, 0.045), times(CLOTH[who.cloth], 0.74), size)
    _fill(ground, shape, times(skin, 0.80), size)


def collar(who: Identity) -> list[tuple[Floats, Colour]]:
    """What lies over the neck: polygons in inter-ocular distances about the middle of the frame."""
    cloth, inner = CLOTH[who.cloth], CLOTH[who.second_cloth]
    if who.clothes == "turtleneck":
        top = spline([(-0.50, 1.42), (-0.2, 1.50), (0.0, 1.52), (0.2, 1.50), (0.50, 1.42)], 15)
        fold = np.array([(0.56, 1.78), (0.0, 1.86), (-0.56, 1.78)])
        tube = np.concatenate([top, [(0.7, 2.0), (-0.7, 2.0)]])
        return [(tube, times(cloth, 0.72)), (np.concatenate([top, fold]), times(cloth, 0.85))]
    if who.clothes in ("shirt", "jacket"):
        colour = times(cloth if who.clothes == "shirt" else inner, 0.92)
        flap = np.array([(0.40, 1.46), (0.50, 1.54), (0.42, 1.90), (0.20, 1.98), (0.14, 1.86)])
        return [(flap * (side, 1), times(colour, tint)) for side, tint in ((-1, 0.92), (1, 1.0))]
    return []


def _torso(width: float, neck: float, top: float) -> Floats:
    right = [(0.0, top), (neck, top), (neck + 0.22, top + 0.13), (0.74 * width, top + 0.27)]
    right += [(0.94 * width, top + 0.42), (1.02 * width, 2.6)]
    return np.concatenate([spline(mirrored(right), 61), [(1.0, 2.7), (-1.0, 2.7)]])


def _triangle(wide: float, top: float, low: float) -> Floats:
    return np.array([(-wide, top), (wide, top), (0.0, low)])


def _pattern(ground: Bytes, who: Identity, cloth: Colour, size: int) -> None:
    """Stripes or a knit on every other person's clothes."""
    if who.clothes == "jacket" or who.key % 2:
        return
    tint = 0.84 if sum(cloth) > 250 else 1.35
    for level in np.arange(1.62, 2.3, 0.115):
        x = np.linspace(-1.0, 1.0, 15) * who.shoulders
        line = level + 0.10 * (x / who.shoulders) ** 2
        stripe = np.concatenate([np.stack([x, line], axis=1), np.stack([x, line + 0.035], axis=1)[::-1]])
        inside = np.zeros(ground.shape[:2], np.uint8)
        _fill(inside, stripe, (255,), size)
        inside &= ground[..., 3]
        ground[inside > 0, :3] = np.rint(times(cloth, tint)).astype(np.uint8)


def body_pixels(points: Floats, size: int) -> Floats:
    """(N, 2) inter-ocular distances about the middle of the frame to pixels of the frame."""
    return points * (UNIT * size) + (0.5 * size - 0.5, 0.455 * size - 0.5)


def _fill(ground: Bytes, points: Floats, colour: tuple[float, ...], size: int) -> None:
    over = len(ground) / size
    fixed = np.rint(((body_pixels(points, size) + 0.5) * over - 0.5) * 16).astype(np.int32)
    mark = (*colour, 255) if ground.ndim == 3 else colour
    cv2.fillPoly(ground, [fixed], mark, lineType=cv2.LINE_8, shift=4)

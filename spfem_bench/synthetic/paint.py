"""From curves to pixels: polygons painted at four times the size, then averaged down.

``palette-v0``: skin lies between two warm tones; lids are skin tinted violet, lips skin tinted red, brows
and the inside of the mouth dark; hair, clothes and backdrop are never skin-like. The measuring side reads
frames by these rules and by nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.identity import Colour, Identity
from spfem_bench.synthetic.muscles import Muscles
from spfem_bench.synthetic.shape import Curve, Eye, Mouth, Shape

Image = NDArray[np.uint8]

SUPERSAMPLE = 4
LID_TINT: Colour = (0.90, 0.83, 1.08)
LIP_TINT: Colour = (0.94, 0.56, 0.66)
INTERIOR: Colour = (44.0, 24.0, 28.0)
TEETH: Colour = (236.0, 234.0, 230.0)
SCLERA: Colour = (240.0, 240.0, 242.0)
LASH: Colour = (46.0, 28.0, 44.0)
_SHIFT = 4
_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 40)), np.sin(np.linspace(0, 2 * np.pi, 40))], axis=1)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where face units fall in the image: pixel = origin + scale * R(roll) * point."""

    origin: tuple[float, float]
    scale: float
    roll: float

    def apply(self, points: Curve) -> Curve:
        """(K, 2) pixels, pixel centres at whole numbers."""
        angle = np.deg2rad(self.roll)
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        return np.asarray(points @ turn * self.scale + self.origin)


def placement(size: int, shift: NDArray[np.float64], roll: float, scale: float) -> Placement:
    """The head in a frame of ``size`` pixels: the eye distance is about 0.265 of the frame."""
    unit = 0.265 * size
    at = (size / 2 + unit * float(shift[0]), 0.455 * size + unit * float(shift[1]))
    return Placement(at, unit * scale, roll)


class Painter:
    """Paints one person at one size; the backdrop and the light are made once.

    Args:
        who: the person.
        size: height and width of the frames in pixels.
    """

    def __init__(self, who: Identity, size: int) -> None:
        self._who = who
        self._size = size
        self._backdrop = _backdrop(who.backdrop, size * SUPERSAMPLE)
        self._light = _light(size)
        self._canvas = self._backdrop

    def paint(self, face: Shape, muscles: Muscles, at: Placement) -> Image:
        """One frame, (size, size, 3) uint8 RGB."""
        self._canvas = self._backdrop.copy()
        self._body(at)
        self._head(face, at)
        for eye in face.eyes:
            self._eye(eye, at)
        self._nose(face, muscles, at)
        self._mouth(face.mouth, at)
        for brow in face.brows:
            self._fill(brow, self._who.brow, at)
        self._fringe(at)
        small = cv2.resize(self._canvas, (self._size, self._size), interpolation=cv2.INTER_AREA)
        return np.asarray(np.clip(np.rint(small * self._light), 0, 255), np.uint8)

    def _fill(self, points: Curve, colour: Colour, at: Placement | None) -> None:
        """Fill a polygon given in face units, or in pixels where ``at`` is None."""
        pixels = points if at is None else at.apply(points)
        fixed = np.rint(((pixels + 0.5) * SUPERSAMPLE - 0.5) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(self._canvas, [fixed], colour, lineType=cv2.LINE_8, shift=_SHIFT)

    def _ellipse(
        self, centre: tuple[float, float], radii: tuple[float, float], c: Colour, at: Placement
    ) -> None:
        self._fill(_CIRCLE * radii + centre, c, at)

    def _body(self, at: Placement) -> None:
        who, size = self._who, self._size
        if who.hair_style == 2:
            self._fill(_curtain(who), who.hair, at)
        self._ellipse((0.0, -0.10), (who.face_width + 0.13, 1.30), who.hair, at)
        width, height = 0.5 * who.face_width, float(size)
        top = at.apply(np.array([[-width, 1.1], [width, 1.1]]))
        foot = size / 2 + np.array([1.15, -1.15]) * width * 0.265 * size
        neck = np.concatenate([top, np.stack([foot, [height, height]], axis=1)])
        shoulders = np.array(
            [[0.06, 1.02], [0.12, 0.955], [0.33, 0.905], [0.67, 0.905], [0.88, 0.955], [0.94, 1.02]]
        )
        self._fill(shoulders * size, who.clothes, None)
        self._fill(neck, _times(who.skin, 0.86), None)

    def _head(self, face: Shape, at: Placement) -> None:
        who = self._who
        for side in (-1.0, 1.0):
            self._ellipse((side * who.face_width, 0.22), (0.13, 0.24), _times(who.skin, 0.93), at)
        self._fill(face.outline, who.skin, at)
        for k, tint in enumerate((0.985, 0.97, 0.955)):
            for side in (-1.0, 1.0):
                blush = (who.skin[0], who.skin[1] * tint, who.skin[2] * tint)
                self._ellipse((side * 0.66, 0.66), (0.30 - 0.07 * k, 0.22 - 0.05 * k), blush, at)

    def _eye(self, eye: Eye, at: Placement) -> None:
        lid = _tinted(self._who.skin, LID_TINT)
        self._ellipse(eye.centre, eye.socket, lid, at)
        self._fill(np.concatenate([eye.upper, eye.lower[::-1]]), SCLERA, at)
        x, y, radius = eye.iris
        rim = self._who.iris
        for share, colour in ((1.0, _times(rim, 0.8)), (0.82, rim), (0.45, (20.0, 16.0, 18.0))):
            self._fill(_clipped_disc((x, y), radius * share, eye), colour, at)
        if float(np.ptp(eye.lower[:, 1] - eye.upper[:, 1])) > 0.08:
            self._ellipse((x + 0.35 * radius, y - 0.35 * radius), (0.2 * radius, 0.2 * radius), SCLERA, at)
        self._fill(_band(eye.upper, 0.034), LASH, at)

    def _nose(self, face: Shape, muscles: Muscles, at: Placement) -> None:
        skin = self._who.skin
        x, y = face.nose
        bridge = np.array([[0.035, 0.05], [0.13, y - 0.08], [0.16, y], [0.08, y + 0.05], [0.05, y - 0.1]])
        self._fill(bridge + np.array([x, 0.0]), _times(skin, 0.90), at)
        self._ellipse((x, y - 0.02), (0.085, 0.065), _times(skin, 1.03), at)
        for side in (-1.0, 1.0):
            self._ellipse((x + side * 0.085, y + 0.045), (0.04, 0.024), _times(skin, 0.55), at)
            self._fold(muscles, side, at)
        wrinkle = float(np.clip(muscles.nose_wrinkle, 0.0, 1.2))
        for k in range(3 if wrinkle > 0.02 else 0):
            xs = np.linspace(-0.13, 0.13, 9)
            line = np.stack([xs, 0.06 + 0.085 * k - 1.8 * xs**2], axis=1)
            self._fill(_band(line, 0.034), _times(skin, 1 - 0.28 * wrinkle), at)

    def _fold(self, muscles: Muscles, side: float, at: Placement) -> None:
        """The line from nose to mouth corner that a smile or a raised lip deepens."""
        depth = float(np.clip(0.9 * muscles.corner_pull + 0.7 * muscles.lip_raise, 0.0, 1.2))
        if depth < 0.02:
            return
        share = np.linspace(0.0, 1.0, 9)
        y = self._who.nose_length + 0.02 + 0.38 * share
        x = side * (0.24 + 0.30 * share + 0.07 * np.sin(np.pi * share))
        self._fill(_band(np.stack([x, y], axis=1), 0.03), _times(self._who.skin, 1 - 0.16 * depth), at)

    def _mouth(self, mouth: Mouth, at: Placement) -> None:
        lips = _tinted(self._who.skin, LIP_TINT)
        self._fill(np.concatenate([mouth.outer_upper, mouth.outer_lower[::-1]]), lips, at)
        self._fill(np.concatenate([mouth.inner_upper, mouth.inner_lower[::-1]]), INTERIOR, at)
        teeth = mouth.inner_lower.copy()
        teeth[:, 1] = np.minimum(teeth[:, 1], mouth.inner_upper[:, 1] + 0.075)
        inside = slice(3, -3)
        self._fill(np.concatenate([mouth.inner_upper[inside], teeth[inside][::-1]]), TEETH, at)
        if mouth.gap < 0.03:
            self._fill(_band(mouth.inner_upper[1:-1], 0.022), _times(lips, 0.72), at)
        shade = mouth.outer_lower[6:-6] + np.array([0.0, 0.05])
        self._fill(_band(shade, 0.022), _times(self._who.skin, 0.92), at)

    def _fringe(self, at: Placement) -> None:
        who = self._who
        reach = who.face_width
        left, right = ((-0.80, -0.80), (-0.98, -0.74), (-0.84, -0.84))[who.hair_style]
        xs = np.linspace(-1.0, 1.0, 21)
        low = np.interp(xs, [-1.0, 1.0], [left, right]) - 0.16 * (1 - xs**2) + 0.45 * xs**8
        high = -0.12 - 1.28 * np.sqrt(np.clip(1 - xs**2, 0.0, 1.0))
        inner = np.stack([xs * reach, low], axis=1)
        outer = np.stack([xs * (reach + 0.13), high], axis=1)
        self._fill(np.concatenate([inner, outer[::-1]]), who.hair, at)


def _times(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255.0, c * factor) for c in colour)
    return red, green, blue


def _tinted(colour: Colour, tint: Colour) -> Colour:
    red, green, blue = (min(255.0, c * t) for c, t in zip(colour, tint, strict=True))
    return red, green, blue


def _band(line: Curve, width: float) -> Curve:
    """A polygon of this width along a curve, thinner at its ends."""
    half = width / 2 * (0.35 + 0.65 * np.sin(np.linspace(0.0, np.pi, len(line))))
    up, down = line.copy(), line.copy()
    up[:, 1] -= half
    down[:, 1] += half
    return np.concatenate([up, down[::-1]])


def _clipped_disc(centre: tuple[float, float], radius: float, eye: Eye) -> Curve:
    """A disc cut off at the lids."""
    disc = _CIRCLE * radius + centre
    top = np.interp(disc[:, 0], eye.upper[:, 0], eye.upper[:, 1])
    bottom = np.interp(disc[:, 0], eye.lower[:, 0], eye.lower[:, 1])
    disc[:, 1] = np.maximum(np.minimum(disc[:, 1], bottom), top)
    return np.asarray(disc)


def _curtain(who: Identity) -> Curve:
    down = np.linspace(0.0, 1.0, 17)
    x = (
        who.face_width
        + 0.13
        + 0.10 * np.sin(np.pi * 0.75 * down)
        - 0.35 * np.clip(down - 0.75, 0, 1) ** 2 * 16
    )
    y = 1.95 * np.sin(np.pi / 2 * down)
    right = np.stack([x, y], axis=1)
    return np.concatenate([right, (right * (-1.0, 1.0))[::-1]])


def _backdrop(colour: Colour, size: int) -> Image:
    """A wall, a little lighter in the middle."""
    axis = np.linspace(-1.0, 1.0, size)
    glow = 1.06 - 0.16 * np.clip(axis[:, None] ** 2 + axis[None, :] ** 2, 0.0, 2.0) / 2
    return np.asarray(np.clip(np.rint(glow[:, :, None] * np.array(colour)), 0, 255), np.uint8)


def _light(size: int) -> NDArray[np.float64]:
    """(size, size, 1) soft light from the upper left, 0.94 to 1.02."""
    axis = np.linspace(-1.0, 1.0, size)
    return (0.98 - 0.025 * axis[None, :] - 0.015 * axis[:, None])[:, :, None]

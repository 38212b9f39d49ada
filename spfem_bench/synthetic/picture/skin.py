"""What skin has besides its colour: mottling, blush, freckles, moles, stubble and soft shade in hollows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.picture.surface import COLUMNS, ORIGIN, ROWS, STEP, Grid

_LOWEST, _HIGHEST = 12.0, 160.0


class Plane:
    """A grid over the face in head coordinates.

    Args:
        density: points per inter-ocular distance.
    """

    def __init__(self, density: float) -> None:
        self.density = min(max(density, _LOWEST), _HIGHEST)
        self.shape = (int((ROWS - 1) * STEP * self.density) + 1, int((COLUMNS - 1) * STEP * self.density) + 1)
        self.x = (ORIGIN[0] + np.arange(self.shape[1]) / self.density).astype(np.float32)[None]
        self.y = (ORIGIN[1] + np.arange(self.shape[0]) / self.density).astype(np.float32)[:, None]

    def bump(self, x: float, y: float, width: float, height: float) -> Grid:
        """A Gaussian of these standard widths (times the root of two)."""
        across = np.exp(-(((self.x - x) / width) ** 2))
        return np.asarray(np.exp(-(((self.y - y) / height) ** 2)) * across, np.float32)

    def pair(self, x: float, y: float, width: float, height: float) -> Grid:
        """The same bump in both halves."""
        return self.bump(x, y, width, height) + self.bump(-x, y, width, height)


def skin_detail(who: Identity, plane: Plane) -> Grid:
    """(H, W, 3) factors on the colour of the skin, about 1."""
    detail = np.ones((*plane.shape, 3), np.float32)
    detail *= 1 - _hollows(who, plane)[..., None] * np.array([0.78, 1.0, 1.02], np.float32)
    red = _redness(who, plane)[..., None]
    detail *= 1 + red * np.array([0.10, -0.16, -0.12], np.float32)
    detail *= _mottling(who, plane)
    spots = _spots(who, plane)[..., None]
    detail *= 1 - spots * np.array([0.30, 0.42, 0.48], np.float32)
    stubble = _stubble(who, plane)[..., None]
    return np.asarray(detail * (1 - stubble * np.array([0.36, 0.33, 0.28], np.float32)), np.float32)


def _hollows(who: Identity, plane: Plane) -> Grid:
    eye, length, mouth = 0.5 * who.eye_spacing, who.nose_length, who.mouth_height
    shade = 0.22 * plane.pair(eye - 0.06, -0.10, 0.26, 0.12) + 0.20 * plane.pair(0.20, -0.02, 0.10, 0.14)
    shade += (0.06 + 0.10 * who.eye_bags) * plane.pair(eye - 0.02, 0.17, 0.19, 0.07)
    shade += 0.14 * plane.bump(0, length + 0.035, 0.16, 0.045) + 0.10 * plane.pair(
        who.nose_width + 0.05, length - 0.1, 0.06, 0.12
    )
    shade += 0.12 * plane.bump(0, mouth + who.lip_lower + 0.06, 0.22, 0.05)
    shade += 0.10 * plane.pair(0.78, 0.72, 0.16, 0.34)
    return np.asarray(shade, np.float32)


def _redness(who: Identity, plane: Plane) -> Grid:
    strength = (0.25 + 0.75 * who.blush) * (1 - 0.5 * who.tone)
    cheeks = plane.pair(0.60, 0.48, 0.28, 0.22)
    nose = 0.6 * plane.bump(0, who.nose_length - 0.08, 0.16, 0.12)
    chin = 0.35 * plane.bump(0, who.chin_length - 0.15, 0.2, 0.12)
    return np.asarray(strength * (cheeks + nose + chin), np.float32)


def _mottling(who: Identity, plane: Plane) -> Grid:
    draw = generator(who.key, 1)
    total = np.zeros((*plane.shape, 3), np.float32)
    for cells, weight in ((9, 0.016), (28, 0.014), (80, 0.012)):
        rough = draw.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)
        grey = rough.mean(axis=2, keepdims=True) * 1.7
        total += weight * cv2.resize(0.5 * rough + grey, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(1 + total, np.float32)


def _spots(who: Identity, plane: Plane) -> Grid:
    """Freckles over cheeks and nose, moles anywhere below the forehead."""
    mask = np.zeros(plane.shape, np.uint8)
    draw = generator(who.key, 2)
    places = draw.normal((0, 0.36), (0.42, 0.17), (150, 2))
    sizes = draw.uniform(0.006, 0.013, 150)
    for (x, y), size in zip(places[: int(150 * max(who.freckles, 0))], sizes, strict=False):
        _dot(mask, plane, (x, y), size, 120)
    moles = draw.uniform((-0.75, 0.25), (0.75, 1.25), (5, 2))
    for x, y in moles[: int(5.99 * who.moles)]:
        if np.hypot(x / 0.5, (y - who.mouth_height) / 0.22) > 1:
            _dot(mask, plane, (x, y), 0.019, 200)
    return np.asarray(mask.astype(np.float32) / 255, np.float32)


def _dot(mask: NDArray[np.uint8], plane: Plane, at: tuple[float, float], radius: float, level: int) -> None:
    centre = np.rint((np.asarray(at) - ORIGIN) * plane.density * 16).astype(int)
    wide = max(radius * plane.density, 0.5)
    shown = round(level * min(1.0, (radius * plane.density / wide) ** 2))
    cv2.circle(mask, (int(centre[0]), int(centre[1])), round(wide * 16), (shown,), -1, cv2.LINE_AA, 4)


def _stubble(who: Identity, plane: Plane) -> Grid:
    """Short hair over jaw, chin and upper lip."""
    if who.facial_hair == "none":
        return np.zeros(plane.shape, np.float32)
    strength = who.beard_density * (0.9 if who.facial_hair == "stubble" else 0.35)
    edge = 0.55 + 0.42 * (1 - np.abs(plane.x) / who.head_width) ** 1.0
    area = 1 / (1 + np.exp(-(plane.y - edge) / 0.05))
    lip = plane.bump(0, 0.5 * (who.nose_length + who.mouth_height) - 0.01, 0.32, 0.09)
    dots = generator(who.key, 3).uniform(0.55, 1.0, plane.shape).astype(np.float32)
    return np.asarray(strength * np.clip(area + lip, 0, 1) * dots, np.float32)

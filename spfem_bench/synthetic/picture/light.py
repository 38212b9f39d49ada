"""Light on the head: a soft lamp, its gloss, and an ambient that is brighter from above."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.people.palette import Colour
from spfem_bench.synthetic.picture.skin import Plane
from spfem_bench.synthetic.picture.surface import ORIGIN, STEP, Grid, sampled
from spfem_bench.synthetic.picture.view import View

Floats = NDArray[np.float64]

_COARSE = 64
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Light:
    """One lamp and the ambient.

    Args:
        towards: (3,) unit vector to the lamp, in image axes (x right, y down, z to the viewer).
        key: brightness of the lamp.
        ambient: brightness of the rest.
        colour: of the lamp, factors about 1.
        shade_colour: of the ambient, factors about 1.
    """

    towards: tuple[float, float, float]
    key: float
    ambient: float
    colour: Colour
    shade_colour: Colour

    def on(self, normals: Floats) -> Floats:
        """(..., 3) factors for surfaces with these normals, (..., 3), without gloss."""
        facing = np.clip((normals @ np.asarray(self.towards) + 0.25) / 1.25, 0, None)[..., None]
        above = (1 - 0.18 * normals[..., 1])[..., None]
        return np.asarray(
            self.key * facing * np.asarray(self.colour) + self.ambient * above * np.asarray(self.shade_colour)
        )


def shading(depths: Grid, view: View, light: Light, gloss: float) -> Grid:
    """(ROWS, COLUMNS, 3) factors on the colour of the face over the grid of `surface`."""
    slope_x = cv2.Sobel(depths, cv2.CV_32F, 1, 0, ksize=3, scale=1 / (8 * STEP))
    slope_y = cv2.Sobel(depths, cv2.CV_32F, 0, 1, ksize=3, scale=1 / (8 * STEP))
    length = 1 / np.sqrt(slope_x**2 + slope_y**2 + 1)
    lamp, up, half = (view.rotation.T @ axis for axis in _axes(light))

    def along(axis: Floats) -> Grid:
        a, b, c = (np.float32(part) for part in axis)
        return np.asarray((c - a * slope_x - b * slope_y) * length, np.float32)

    facing = np.maximum((along(lamp) + np.float32(0.25)) * np.float32(0.8), 0)
    above = 1 + np.float32(0.18) * along(up)
    mirror = np.maximum(along(half), 0)
    shine = np.float32(gloss * light.key) * _twelfth(mirror)
    key, ambient = light.key * np.asarray(light.colour), light.ambient * np.asarray(light.shade_colour)
    parts = [
        np.float32(k) * facing + np.float32(a) * above + shine for k, a in zip(key, ambient, strict=True)
    ]
    return np.asarray(cv2.merge(parts))


def _twelfth(base: Grid) -> Grid:
    fourth = np.square(np.square(base))
    return np.asarray(fourth * np.square(fourth), np.float32)


def _axes(light: Light) -> tuple[Floats, Floats, Floats]:
    """To the lamp, up, and half-way between the lamp and the viewer."""
    lamp = np.asarray(light.towards)
    half = np.add(lamp, (0.0, 0.0, 1.0))
    return lamp, np.array([0.0, -1.0, 0.0]), half / np.linalg.norm(half)


def face_places(depths: Grid, view: View, size: int) -> Grid:
    """(size, size, 2) for each pixel the head coordinates of what is seen there.

    The projection is inverted by fixed-point iteration on a coarse grid; it converges as the height field is
    nowhere steeper than the view is oblique.
    """
    cells = min(size, _COARSE)
    centres = (np.arange(cells) + 0.5) * size / cells - 0.5
    pixels = np.stack(np.meshgrid(centres, centres), axis=-1) - view.offset
    inverse = np.linalg.inv(view.matrix[:, :2])
    flat = (pixels @ inverse.T).astype(np.float32)
    tilt = (inverse @ view.matrix[:, 2]).astype(np.float32)
    start, step = ORIGIN.astype(np.float32), np.float32(1 / STEP)
    z = np.full(flat.shape[:2], 0.7, np.float32)
    for _ in range(_ROUNDS):
        place = (flat - z[..., None] * tilt - start) * step
        z = np.float32(0.3) * z + np.float32(0.7) * sampled(depths, np.asarray(place, np.float32))
    found = flat - z[..., None] * tilt
    return np.asarray(found if cells == size else cv2.resize(found, (size, size)), np.float32)


def relief(detail: Grid, shade: Grid, plane: Plane, places: Grid) -> Grid:
    """(S, S, 3) factors on the colour of the head's pixels: light times detail of the skin."""
    height, width = plane.shape
    fine = cv2.resize(shade, (width, height), interpolation=cv2.INTER_LINEAR) * detail
    at = (places - ORIGIN.astype(np.float32)) * np.float32(plane.density)
    return sampled(np.asarray(fine, np.float32), np.asarray(at, np.float32))

"""The face as a height field: depth for every point, and normals for the light."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.face.states import FaceState
from spfem_bench.synthetic.face.units import INDEX
from spfem_bench.synthetic.people.identity import Identity

Floats = NDArray[np.float64]
Grid = NDArray[np.float32]

STEP = 0.04
ORIGIN = np.array([-1.8, -1.9])
COLUMNS, ROWS = 91, 101
_X, _Y = np.meshgrid(ORIGIN[0] + STEP * np.arange(COLUMNS), ORIGIN[1] + STEP * np.arange(ROWS))


class Surface:
    """Depths of one person's face over a grid of `STEP`, at rest and as muscles move it.

    Args:
        who: the person.
    """

    def __init__(self, who: Identity) -> None:
        self._rest = _rest(who).astype(np.float32)
        self._bumps = np.stack(_bumps(who)).astype(np.float32)
        self._flat = self._bumps.reshape(len(self._bumps), -1)

    def depths(self, state: FaceState) -> Grid:
        """(ROWS, COLUMNS) depth in head coordinates."""
        moved = _activations(state).astype(np.float32) @ self._flat
        return np.asarray(self._rest + moved.reshape(self._rest.shape), np.float32)


def depth_at(depths: Grid, points: Floats) -> Floats:
    """(N, 2) places to (N, 3) points on the surface."""
    place = ((points - ORIGIN) / STEP).astype(np.float32)[:, None]
    return np.concatenate([points, sampled(depths, place).astype(np.float64)], axis=1)


def sampled(grid: Grid, places: Grid) -> Grid:
    """Bilinear reading of a grid.

    Args:
        grid: (H, W) or (H, W, C).
        places: (h, w, 2) columns and rows; outside the grid the nearest value counts.
    """
    columns, rows = np.ascontiguousarray(places[..., 0]), np.ascontiguousarray(places[..., 1])
    read = cv2.remap(grid, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(read, np.float32)


def _bump(x: float, y: float, width: float, height: float) -> Floats:
    return np.asarray(np.exp(-(((_X - x) / width) ** 2) - ((_Y - y) / height) ** 2))


def _pair(x: float, y: float, width: float, height: float) -> Floats:
    return _bump(x, y, width, height) + _bump(-x, y, width, height)


def _rest(who: Identity) -> Floats:
    radius = (_X / (1.07 * who.head_width)) ** 2 + ((_Y - 0.15) / 1.62) ** 2
    dome = 1.0 * np.sqrt(1 - 0.86 * np.minimum(radius, 1.12))
    eye = 0.5 * who.eye_spacing
    face = dome - 0.14 * _pair(eye, 0.02, 0.26, 0.19) + 0.05 * _pair(eye - 0.05, -0.28, 0.3, 0.12)
    face += 0.05 * _pair(0.62, 0.34, 0.24, 0.2) * (1 + 6 * who.cheekbone)
    face += _nose(who)
    mouth = who.mouth_height
    face += 0.08 * _bump(0, mouth, 0.34, 0.16) - 0.05 * _bump(0, mouth + 0.2, 0.25, 0.07)
    return np.asarray(face + 0.09 * _bump(0, who.chin_length - 0.16, 0.22 + 0.3 * who.chin_width, 0.16))


def _nose(who: Identity) -> Floats:
    length = who.nose_length
    down = np.clip((_Y + 0.08) / (length - 0.02), 0, 1)
    ended = 1 / (1 + np.exp((_Y - length + 0.01) / 0.035))
    begun = 1 / (1 + np.exp(-(_Y + 0.1) / 0.06))
    width = 0.085 + 0.25 * who.nose_width * down**2
    ridge = (0.10 * who.nose_bridge + 0.20 * down**1.4) * np.exp(-((_X / width) ** 2)) * ended * begun
    tip = 0.07 * who.nose_tip * _bump(0, length - 0.09, 0.13, 0.10)
    return np.asarray(ridge + tip + 0.10 * _pair(0.72 * who.nose_width, length - 0.06, 0.075, 0.075))


def _bumps(who: Identity) -> list[Floats]:
    """In the order of `_activations`."""
    mouth, length = who.mouth_height, who.nose_length
    cheeks = [
        _bump(side * 0.55, 0.40, 0.24, 0.17) - 0.35 * _bump(side * 0.36, 0.80, 0.1, 0.2) for side in (-1, 1)
    ]
    pouches = [_bump(side * 0.60, 0.58, 0.22, 0.2) for side in (-1, 1)]
    frown = _pair(0.15, -0.33, 0.1, 0.12) - 0.8 * _bump(0, -0.3, 0.06, 0.16)
    ripples = np.sin((_Y - 0.05) / 0.028) * _bump(0, 0.12, 0.16, 0.14)
    chin = _bump(0, who.chin_length - 0.2, 0.2, 0.1)
    lips = _bump(0, mouth, 0.24, 0.17)
    return [*cheeks, *pouches, frown, ripples, chin, lips, _bump(0, length + 0.12, 0.3, 0.1)]


def _activations(state: FaceState) -> Floats:
    units = state.units

    def of(name: str, half: int) -> float:
        return float(units[INDEX[name], half])

    def both(name: str) -> float:
        return float(units[INDEX[name]].mean())

    cheeks = [0.10 * of("AU6", k) + 0.05 * of("AU12", k) for k in (0, 1)]
    pouches = [0.08 * of("AU12", k) + 0.03 * of("AU10", k) for k in (0, 1)]
    lips = 0.16 * (state.protrude + both("AU18")) + 0.02 * both("AU17") - 0.03 * both("AU23")
    return np.array(
        [
            *cheeks,
            *pouches,
            0.06 * both("AU4"),
            0.006 * both("AU9"),
            0.06 * both("AU17"),
            lips,
            0.05 * both("AU10"),
        ]
    )

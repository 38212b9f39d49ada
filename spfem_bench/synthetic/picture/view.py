"""From the head to the image: rotation about three axes, then a parallel projection.

Head coordinates: x to the image's right, y down, z towards the viewer, in inter-ocular distances of the mean
person; the origin lies between the pupils' heights on the middle plane, at the depth of the ears.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.face.states import FaceState

Floats = NDArray[np.float64]

UNIT = 0.26
"""Inter-ocular distance of the mean person as a share of the frame, at scale 1."""

_CENTRE = np.array([0.5, 0.455])
_PIVOT = np.array([0.0, 0.45, 0.15])


@dataclass(frozen=True, slots=True)
class View:
    """Where points of the head fall in the image.

    Args:
        matrix: (2, 3) pixels per unit.
        offset: (2,) pixels; centres of pixels are at whole numbers.
        rotation: (3, 3) of the head.
    """

    matrix: Floats
    offset: Floats
    rotation: Floats

    def project(self, points: Floats) -> Floats:
        """(N, 3) head coordinates to (N, 2) pixels."""
        return np.asarray(points @ self.matrix.T + self.offset)


def view_of(state: FaceState, size: int) -> View:
    """The view of a head in a frame of ``size`` pixels."""
    turn = rotation(state.angles)
    scale = UNIT * size * state.scale
    matrix = scale * turn[:2]
    moved = scale * (_PIVOT[:2] - turn[:2] @ _PIVOT) + UNIT * size * np.asarray(state.shift)
    return View(matrix, _CENTRE * size - 0.5 + moved, turn)


def rotation(angles: tuple[float, float, float]) -> Floats:
    """(3, 3) from yaw (to the image's right), pitch (down) and roll (clockwise), in degrees."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(np.deg2rad(angles)), np.sin(np.deg2rad(angles))
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(roll @ pitch @ yaw)

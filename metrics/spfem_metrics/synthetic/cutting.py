"""The picture that ``sync`` reads: mouth and chin, cut alike in training and in inference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.synthetic.nets.crops import cut, matrix_of

ZOOM = 64 / 24
"""The lower face is this part of the judges' crop, enlarged: 24 px wide, from x 20 and y 33 on."""
CORNER: NDArray[np.float64] = np.array([20.0, 33.0])

RULE = "lower64:rigid13-similarity,bilinear"
"""As it stands in definitions."""


def lower_face(image: NDArray[np.uint8], points: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Mouth and chin, held still by the rigid points of the face, so that only the lips and the jaw move.

    Args:
        image: (H, W, 3) uint8 RGB.
        points: (68, 2) px in the order of iBUG 300-W.

    Returns:
        (64, 64, 3) uint8 RGB, about 1.3 eye distances wide.
    """
    matrix = matrix_of(np.asarray(points, np.float64))
    matrix[:, 2] -= CORNER
    return cut(image, matrix * ZOOM)

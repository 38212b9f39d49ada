"""How the judges cut a face out of a picture: 64 px, upright and to scale by its rigid points.

Only points that no expression moves decide (eye corners, bridge and base of the nose), so that a smile is
not aligned away.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.faces.alignment import similarity

SIDE = 64

RIGID = (27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45)
"""Of the 68 points of iBUG 300-W: bridge and base of the nose, corners of the eyes."""

TEMPLATE: NDArray[np.float64] = np.array(
    [
        [32.0, 23.0], [32.0, 26.7], [32.0, 30.3], [32.0, 34.0],
        [27.5, 36.0], [29.7, 37.0], [32.0, 37.6], [34.3, 37.0], [36.5, 36.0],
        [19.0, 23.5], [27.5, 23.8], [36.5, 23.8], [45.0, 23.5],
    ]
)  # fmt: skip
"""(13, 2) px where the points of `RIGID` come to lie: outer eye corners 26 px apart, 40 px below the eyes."""

ZOOM = 2.2
"""How much closer the mouth is looked at."""

RULE = "crop64:rigid13-similarity,bilinear"
"""As it stands in definitions."""


def matrix_of(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., 2, 3) picture px -> crop px, from (..., 68, 2) px."""
    return similarity(np.asarray(points)[..., list(RIGID), :], TEMPLATE)


def mouth_matrix_of(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., 2, 3) picture px -> px of a crop `ZOOM` times as close, the lips' middle in its middle."""
    inside = matrix_of(points)
    lips = np.asarray(points, np.float64)[..., 48:68, :].mean(axis=-2)
    closer = inside * ZOOM
    centre = (closer[..., :2] @ lips[..., None])[..., 0]
    closer[..., 2] = (SIDE - 1) / 2 - centre
    return np.asarray(closer)


def cut(image: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(64, 64, 3) uint8 crop, bilinear; beyond the picture its border goes on.

    Where the crop is much smaller than what it shows, the picture is shrunk by area first: a bilinear look
    at every third pixel would be noise.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.6:
        small = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        ratio = np.array([image.shape[1] / small[0], image.shape[0] / small[1]])
        shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        return _warp(np.asarray(shrunk, np.uint8), _rescaled(matrix, ratio))
    return _warp(image, matrix)


def whole(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(2, 3) matrix that fits the whole picture, its shape kept, into the crop."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    shift = (SIDE - scale * np.array([width, height])) / 2 + (scale - 1) / 2
    return np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])


def to_image(points: NDArray[np.floating], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, 2) crop px -> picture px."""
    turn, shift = matrix[:, :2], matrix[:, 2]
    return np.asarray(np.linalg.solve(turn, (np.asarray(points, np.float64) - shift).T).T)


def _rescaled(matrix: NDArray[np.float64], ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same map from a picture shrunk by ``ratio``; pixel centres at whole numbers."""
    scaled = matrix.copy()
    scaled[:, :2] = matrix[:, :2] * ratio
    scaled[:, 2] = matrix[:, 2] + matrix[:, :2] @ ((ratio - 1) / 2)
    return scaled


def _warp(image: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=flags, borderMode=border), np.uint8)

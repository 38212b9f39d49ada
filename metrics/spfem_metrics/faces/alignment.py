"""Similarity alignment and crops: pure functions on one image and its points or box."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

ARCFACE_POINTS: NDArray[np.float64] = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""(5, 2) px in a 112 px square: eye at image left, eye at image right, nose, mouth corners left, right.
The reference points of ArcFace (Deng et al. 2019) and SphereFace before it."""


def similarity(points: NDArray[np.floating], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation, scale and shift that bring ``points`` nearest to ``target`` in least squares.

    Umeyama (1991) without reflection. In the plane a similarity is one complex factor and one complex
    shift, so the least-squares solution is closed: factor = sum(conj(p) t) / sum(abs(p)^2), centred.

    Args:
        points: (..., K, 2) px, K >= 2 points that are not all one.
        target: (K, 2) px.

    Returns:
        (..., 2, 3) float64 matrices M with target ~ M @ (x, y, 1).
    """
    source = points[..., 0].astype(np.float64) + 1j * points[..., 1]
    aim = target[..., 0] + 1j * target[..., 1]
    middle, goal = source.mean(axis=-1, keepdims=True), aim.mean(axis=-1, keepdims=True)
    centred = source - middle
    spread = (np.abs(centred) ** 2).sum(axis=-1)
    factor = (np.conj(centred) * (aim - goal)).sum(axis=-1) / np.maximum(spread, 1e-12)
    shift = goal[..., 0] - factor * middle[..., 0]
    rows = [
        np.stack([factor.real, -factor.imag, shift.real], axis=-1),
        np.stack([factor.imag, factor.real, shift.imag], axis=-1),
    ]
    return np.stack(rows, axis=-2)


def align(image: Image, points: NDArray[np.floating], size: int = 112) -> Image:
    """The face at `ARCFACE_POINTS`, bilinear, black outside the image.

    Args:
        image: (H, W, 3) uint8 RGB.
        points: (5, 2) px in the order of `ARCFACE_POINTS`.
        size: side of the crop in px; the reference points scale with it.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    matrix = similarity(points, ARCFACE_POINTS * (size / 112))
    warped = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0))
    return np.asarray(warped, np.uint8)


def square(box: NDArray[np.floating], factor: float) -> tuple[int, int, int]:
    """Left, top and side in whole px: a box's centre, ``factor`` times its longer side."""
    x0, y0, x1, y1 = (float(v) for v in box)
    side = max(1, round(factor * max(x1 - x0, y1 - y0)))
    return round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2), side


def crop_square(image: Image, box: NDArray[np.floating], factor: float, size: int) -> Image:
    """A square crop around a box, resized (area when it shrinks, bilinear when it grows), black outside.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) x0 y0 x1 y1 px.
        factor: side of the crop over the box's longer side.
        size: side of the result in px.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    left, top, side = square(box, factor)
    height, width = image.shape[:2]
    canvas = np.zeros((side, side, 3), np.uint8)
    x0, x1 = max(left, 0), min(left + side, width)
    y0, y1 = max(top, 0), min(top + side, height)
    if x0 < x1 and y0 < y1:
        canvas[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    how = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(canvas, (size, size), interpolation=how), np.uint8)

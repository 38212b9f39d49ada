"""Where the eyes and the mouth are in a rendered frame, from its colours alone.

Rule: the largest patch of skin is the face. Eyes, brows and mouth are holes in it. Of the holes that hold
lid colour, the best level pair is the eyes; a hole with lip colour below them is the mouth. Without all
three there is no face.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.synthetic.unmix import Floats, Image, skin_colour, skin_mask, unmix

WORK = 128
"""Frames are read at this height in pixels."""

_MIN_FACE = 0.05
_MIN_HOLE = 10
_MIN_MASS = 2.5


@dataclass(frozen=True)
class Face:
    """What locates a face, in working pixels.

    Args:
        left, right: (2,) eye centres, as seen in the image.
        mouth: (2,) centre of the lips.
        skin: (3,) RGB.
    """

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    mouth: NDArray[np.float64]
    skin: NDArray[np.float64]

    @property
    def interocular(self) -> float:
        """Distance between the eyes in working pixels."""
        return float(np.linalg.norm(self.right - self.left))

    @property
    def roll(self) -> float:
        """Degrees, positive where the head turns clockwise in the image."""
        delta = self.right - self.left
        return float(np.rad2deg(np.arctan2(delta[1], delta[0])))


@dataclass(frozen=True)
class _Blob:
    centre: NDArray[np.float64]
    mass: float


def working_size(image: Image) -> tuple[Image, float]:
    """The frame at `WORK` pixels of height, and the factor from working to image pixels."""
    factor = image.shape[0] / WORK
    if image.shape[0] == WORK:
        return image, 1.0
    size = (max(1, round(image.shape[1] / factor)), WORK)
    how = cv2.INTER_AREA if factor > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8), factor


def locate(image: Image) -> Face | None:
    """The face of a working-size frame, None where the rule finds none.

    Args:
        image: (128, W, 3) uint8 RGB.
    """
    calm = np.asarray(cv2.medianBlur(image, 3), np.uint8)
    patch = _largest(skin_mask(calm))
    if patch is None:
        return None
    skin = skin_colour(calm, patch)
    lid, lip, dark = unmix(image, skin)
    holes, count = _holes(patch)
    bright = dark < 0.45
    eyes = _pair(_blobs(np.where(bright & (lip < 0.5), np.clip(lid, 0.0, 1.0), 0.0), holes, count))
    if eyes is None:
        return None
    mouth = _below(eyes, _blobs(np.clip(lip - 0.2, 0.0, 0.8), holes, count))
    return None if mouth is None else Face(eyes[0].centre, eyes[1].centre, mouth.centre, skin)


def _largest(mask: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return None
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if stats[best, cv2.CC_STAT_AREA] < _MIN_FACE * mask.size:
        return None
    return np.asarray(labels == best, np.uint8)


def _holes(patch: NDArray[np.uint8]) -> tuple[NDArray[np.int32], int]:
    """Labels of what the patch encloses; 0 elsewhere."""
    framed = cv2.copyMakeBorder(1 - patch, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    count, labels = cv2.connectedComponents(framed, connectivity=4)
    outside = labels[0, 0]
    labels = np.where(labels == outside, 0, labels)
    return np.asarray(labels[1:-1, 1:-1], np.int32), count


def _blobs(weight: Floats, labels: NDArray[np.int32], count: int) -> list[_Blob]:
    """Weighted centroids of the holes that hold enough of a colour."""
    flat, mass = labels.ravel(), weight.ravel().astype(np.float64)
    height, width = labels.shape
    ys, xs = np.divmod(np.arange(height * width), width)
    total = np.bincount(flat, mass, count)
    area = np.bincount(flat, minlength=count)
    at_x, at_y = np.bincount(flat, mass * xs, count), np.bincount(flat, mass * ys, count)
    keep = [k for k in range(1, count) if area[k] >= _MIN_HOLE and total[k] >= _MIN_MASS]
    return [_Blob(np.array([at_x[k], at_y[k]]) / total[k], float(total[k])) for k in keep]


def _pair(blobs: list[_Blob]) -> tuple[_Blob, _Blob] | None:
    """The two most massive blobs that lie level and an eye distance apart, left first."""
    good = [pair for pair in combinations(blobs, 2) if _level(*pair)]
    if not good:
        return None
    first, second = max(good, key=lambda pair: min(pair[0].mass, pair[1].mass))
    return (first, second) if first.centre[0] < second.centre[0] else (second, first)


def _level(first: _Blob, second: _Blob) -> bool:
    dx, dy = np.abs(first.centre - second.centre)
    alike = min(first.mass, second.mass) > 0.3 * max(first.mass, second.mass)
    return bool(0.12 * WORK < dx < 0.5 * WORK and dy < 0.35 * dx and alike)


def _below(eyes: tuple[_Blob, _Blob], blobs: list[_Blob]) -> _Blob | None:
    """The blob with most lip colour that lies below and between the eyes."""
    middle = (eyes[0].centre + eyes[1].centre) / 2
    across = eyes[1].centre - eyes[0].centre
    distance = float(np.linalg.norm(across))
    down = np.array([-across[1], across[0]]) / distance

    def fits(blob: _Blob) -> bool:
        """Whether a blob lies where a mouth can be."""
        offset = (blob.centre - middle) / distance
        drop, side = float(offset @ down), float(abs(offset @ across) / distance)
        return 0.7 < drop < 1.8 and side < 0.45

    below = [blob for blob in blobs if fits(blob)]
    return max(below, key=lambda blob: blob.mass) if below else None

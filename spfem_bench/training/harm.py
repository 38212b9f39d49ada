"""Degradations that networks learn to see through, or to see: one kind, one strength in 0..1, one picture.

Strengths are graded so that 0 leaves the picture alone and 1 is as bad as a face still bears.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Harm = Callable[[Picture, float, np.random.Generator], Picture]


def blur(image: Picture, strength: float, draw: np.random.Generator) -> Picture:
    """Gaussian, up to 3 px in 128."""
    del draw
    sigma = 3.0 * strength * image.shape[1] / 128
    return image if sigma < 0.05 else np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def noise(image: Picture, strength: float, draw: np.random.Generator) -> Picture:
    """Additive Gaussian, up to 40 grey levels."""
    added = draw.standard_normal(image.shape, np.float32) * np.float32(40 * strength)
    return _bytes(image + added)


def compress(image: Picture, strength: float, draw: np.random.Generator) -> Picture:
    """JPEG, of quality 95 down to 5."""
    del draw
    if strength <= 0:
        return image
    quality = [cv2.IMWRITE_JPEG_QUALITY, round(95 - 90 * strength)]
    _, packed = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
    loaded = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(loaded[..., ::-1])


def colour(image: Picture, strength: float, draw: np.random.Generator) -> Picture:
    """Each channel's gain by up to 40% either way, and a shift by up to 30 grey levels."""
    gain = 1 + 0.4 * strength * draw.uniform(-1, 1, 3)
    return _bytes(image * gain.astype(np.float32) + np.float32(30 * strength * draw.uniform(-1, 1)))


def contrast(image: Picture, strength: float, draw: np.random.Generator) -> Picture:
    """Towards mid-grey by up to 70%, or away from it by as much."""
    factor = 1 + 0.7 * strength * draw.choice([-1.0, 1.0])
    return _bytes((image.astype(np.float32) - 128) * np.float32(factor) + 128)


def shrink(image: Picture, strength: float, draw: np.random.Generator) -> Picture:
    """Down by area to as little as a fifth, and up again bilinearly."""
    del draw
    height, width = image.shape[:2]
    factor = 1 / (1 + 4 * strength)
    small = cv2.resize(
        image, (max(2, round(width * factor)), max(2, round(height * factor))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def warp(image: Picture, strength: float, draw: np.random.Generator) -> Picture:
    """A smooth random displacement of up to 6 px in 128."""
    height, width = image.shape[:2]
    coarse = draw.standard_normal((6, 6, 2), np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    reach = np.float32(3 * strength * width / 128)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    moved = cv2.remap(
        image, xs + reach * field[..., 0], ys + reach * field[..., 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(moved, np.uint8)


def ghost(image: Picture, strength: float, draw: np.random.Generator) -> Picture:
    """A shifted copy of itself laid over, with up to 60% of the weight: what blended frames look like."""
    shift = draw.integers(2, 9, 2) * draw.choice([-1, 1], 2) * image.shape[1] // 128
    other = np.roll(image, tuple(shift.tolist()), axis=(0, 1))
    return np.asarray(cv2.addWeighted(image, 1 - 0.6 * strength, other, 0.6 * strength, 0), np.uint8)


HARMS: Mapping[str, Harm] = {
    "blur": blur,
    "noise": noise,
    "compress": compress,
    "colour": colour,
    "contrast": contrast,
    "shrink": shrink,
    "warp": warp,
    "ghost": ghost,
}
"""In the order of the perceptual networks' outputs."""

_QUICK = ("blur", "noise", "compress", "colour", "contrast", "shrink")


def roughened(image: Picture, draw: np.random.Generator, most: float = 0.6) -> Picture:
    """A picture as a network may meet it: half the time as it is, else with one or two harms."""
    if draw.random() < 0.5:
        return image
    for kind in draw.choice(_QUICK, draw.integers(1, 3), replace=False):
        image = HARMS[str(kind)](image, most * float(draw.random()), draw)
    return image


def _bytes(values: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)

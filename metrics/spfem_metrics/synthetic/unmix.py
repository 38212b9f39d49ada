"""How much skin, lid, lip and darkness is in a pixel: linear unmixing in the colours of ``palette-v0``.

A rendered face is painted with a skin tone, that tone tinted violet (lids) or red (lips), and near-black
(brows, lashes, the inside of the mouth). Four colours in three channels, with shares that sum to one, have
exactly one solution per pixel; it is linear, so blurred edges and blends give in-between shares.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]

LID_TINT = (0.90, 0.83, 1.08)
LIP_TINT = (0.94, 0.56, 0.66)
DARK = (40.0, 28.0, 32.0)
_LUMA = np.array([0.299, 0.587, 0.114])


def skin_mask(image: Image) -> NDArray[np.uint8]:
    """(H, W) uint8, 1 where a pixel is as warm and bright as the palette's skin.

    Args:
        image: (H, W, 3) uint8 RGB.
    """
    red, green, blue = (channel.astype(np.int16) for channel in cv2.split(image))
    warm = red - blue
    tint = red + blue - 2 * green
    mask = (warm >= 36) & (warm <= 125) & (tint >= -12) & (tint <= 44) & (red > green) & (red >= 110)
    return np.asarray(mask & (green > 72), np.uint8)


def skin_colour(image: Image, mask: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(3,) RGB median over a mask of skin."""
    return np.asarray(np.median(image[mask.astype(bool)], axis=0), np.float64)


def unmix(image: Image, skin: NDArray[np.float64]) -> tuple[Floats, Floats, Floats]:
    """Shares of lid, lip and darkness, each (H, W) float32; outside 0..1 where the colour is none of these.

    Args:
        image: (H, W, 3) uint8 RGB.
        skin: (3,) RGB of this face's skin.
    """
    ends = np.stack([skin * LID_TINT - skin, skin * LIP_TINT - skin, np.array(DARK) - skin], axis=1)
    matrix = np.linalg.inv(ends)
    shares = (image.reshape(-1, 3) - skin) @ matrix.T
    planes = shares.astype(np.float32).reshape(*image.shape[:2], 3)
    return planes[..., 0], planes[..., 1], planes[..., 2]


def shade(image: Image, skin: NDArray[np.float64]) -> Floats:
    """(H, W) float32 in [0, 1]: how much darker than the skin a pixel is."""
    luma = image @ _LUMA
    return np.asarray(np.clip(1.0 - luma / float(skin @ _LUMA), 0.0, 1.0), np.float32)


def white(image: Image, base: float) -> Floats:
    """(H, W) float32 in [0, 1]: how far the darkest channel is from ``base`` to the white of an eye."""
    darkest = image.min(axis=2).astype(np.float32)
    return np.asarray(np.clip((darkest - base) / (max(236.0, base + 20.0) - base), 0.0, 1.0), np.float32)

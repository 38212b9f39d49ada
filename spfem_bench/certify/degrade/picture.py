"""Harm to single frames: (T, H, W, 3) uint8 RGB in and out; no harm returns the frames as given."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]

WORST_QUALITY = 1
_TINT = np.array([1.0, -0.25, -0.75])
"""Warm light: red gains, blue loses, in parts of the level."""


def blur(frames: Frames, sigma: float) -> Frames:
    """Gaussian blur.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        sigma: standard deviation in pixels; below a tenth of a pixel nothing happens.
    """
    if sigma < 0.1:
        return frames
    return _each(frames, lambda image: cv2.GaussianBlur(image, (0, 0), sigma))


def jpeg(frames: Frames, quality: float) -> Frames:
    """Each frame through JPEG with halved chroma, as OpenCV writes it.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        quality: 1 worst to 100 best; over 100 leaves the frames alone.
    """
    if quality > 100:
        return frames
    options = [cv2.IMWRITE_JPEG_QUALITY, max(WORST_QUALITY, round(quality))]
    return _each(frames, lambda image: _coded(image, options))


def fine_jpeg(frames: Frames) -> Frames:
    """Near-lossless re-encoding: JPEG of quality 98 with full chroma, for the noise floor."""
    full = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    options = [cv2.IMWRITE_JPEG_QUALITY, 98, *full]
    return _each(frames, lambda image: _coded(image, options))


def noise(frames: Frames, deviation: float, rng: np.random.Generator) -> Frames:
    """Independent normal noise on every pixel and channel.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        deviation: standard deviation in grey levels of 255.
        rng: where it is drawn from.
    """
    if deviation <= 0:
        return frames

    def grain(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """One frame with noise of its own."""
        drawn = rng.standard_normal(image.shape, np.float32) * deviation
        return _rounded(image.astype(np.float32) + drawn)

    return _each(frames, grain)


def colour(frames: Frames, level: float) -> Frames:
    """A brighter picture under warmer light.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        level: gain is ``1 + level``, and the channels gain (1, -1/4, -3/4) of the level more.
    """
    if level == 0:
        return frames
    gains = ((1 + level) * (1 + level * _TINT)).astype(np.float32)
    return _each(frames, lambda image: _rounded(image.astype(np.float32) * gains))


def _coded(image: NDArray[np.uint8], options: list[int]) -> NDArray[np.uint8]:
    _, coded = cv2.imencode(".jpg", image[..., ::-1], options)
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def _rounded(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def _each(frames: Frames, change: Callable[[NDArray[np.uint8]], object]) -> Frames:
    return np.stack([np.asarray(change(frame), np.uint8) for frame in frames])

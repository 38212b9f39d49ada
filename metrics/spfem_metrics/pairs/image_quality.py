"""The pair extractor ``image-quality``: SSIM and PSNR frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.extractor import Arrays
from spfem_metrics.functional.images import psnr, ssim
from spfem_metrics.media import Media
from spfem_metrics.pairs.lockstep import lockstep

CAP = 100.0
"""dB of identical frames."""


@dataclass(frozen=True)
class ImageQuality:
    """Compares whole pictures; an output of another size is brought to the other clip's size first.

    Resizing is by area where both sides shrink, bilinear otherwise. Arrays over P pairs: ``ssim`` (P,)
    float64, ``psnr`` (P,) float64 dB, ``identical`` (P,) bool.
    """

    name: str = "image-quality"
    definition: str = (
        "ssim:gauss11-1.5,k.01-.03,valid,rgb-mean,psnr:rgb,cap100,range255,resize:to-other-area-or-linear"
    )

    def compare(self, output: Media, other: Media, pairs: NDArray[np.int64]) -> Arrays:
        """SSIM and PSNR of each pair of frames.

        Raises:
            InputError: pairs out of order or range, or pictures under 11 px.
        """
        rows = [_compare(ours, theirs) for ours, theirs in lockstep(output, other, pairs)]
        return {
            "ssim": np.array([row[0] for row in rows], np.float64),
            "psnr": np.array([row[1] for row in rows], np.float64),
            "identical": np.array([row[2] for row in rows], bool),
        }


def image_quality() -> ImageQuality:
    """The extractor; it needs no weights and has no options."""
    return ImageQuality()


def _compare(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> tuple[float, float, bool]:
    fitted = fit_to(ours, theirs.shape[1], theirs.shape[0])
    return ssim(fitted, theirs), psnr(fitted, theirs, cap=CAP), bool(np.array_equal(fitted, theirs))


def fit_to(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3): by area where both sides shrink, bilinear otherwise; untouched where it fits."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = width <= picture.shape[1] and height <= picture.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)

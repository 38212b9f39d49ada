"""Pictures of two clips brought to one size, the one rule of every pair extractor on whole pictures."""

from __future__ import annotations

import cv2
import numpy as np

from spfem_metrics.pairs.lockstep import Picture


def fitted(pair: tuple[Picture, Picture]) -> tuple[Picture, Picture]:
    """The first picture at the second one's size, and the second as it is."""
    ours, theirs = pair
    return fit_to(ours, theirs.shape[1], theirs.shape[0]), theirs


def fit_to(picture: Picture, width: int, height: int) -> Picture:
    """(height, width, 3): by area where both sides shrink, bilinear otherwise; untouched where it fits.

    Args:
        picture: (H, W, 3) uint8.
        width: wanted, in pixels.
        height: wanted, in pixels.
    """
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = width <= picture.shape[1] and height <= picture.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)

"""SSIM and PSNR of two pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats

WINDOW = 11
SIGMA = 1.5
K1, K2 = 0.01, 0.03

Picture = NDArray[np.uint8] | NDArray[np.floating]


def ssim(first: Picture, second: Picture, data_range: float = 255.0) -> float:
    """Structural similarity: per channel, mean over the picture and the channels.

    Wang et al. 2004: 11x11 Gaussian window of sigma 1.5, K = (0.01, 0.03), population covariance, only
    windows that lie wholly within the picture.

    Args:
        first: (H, W, C), sides of at least 11 px.
        second: (H, W, C).
        data_range: of the values, 255 for 8 bit.

    Returns:
        In [-1, 1]; 1 for equal pictures.

    Raises:
        InputError: shapes differ or are too small.
    """
    x, y = _checked(first, second)
    if min(x.shape[:2]) < WINDOW:
        raise InputError(f"SSIM needs sides of at least {WINDOW} px, not {x.shape[1]}x{x.shape[0]}")
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mx, my = _windowed(x), _windowed(y)
    vx, vy = _windowed(x * x) - mx * mx, _windowed(y * y) - my * my
    covariance = _windowed(x * y) - mx * my
    value = (2 * mx * my + c1) * (2 * covariance + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(value.mean())


def psnr(first: Picture, second: Picture, data_range: float = 255.0, cap: float = 100.0) -> float:
    """Peak signal-to-noise ratio over all pixels and channels, ``10 log10(data_range^2 / MSE)``.

    Args:
        first: (H, W, C).
        second: (H, W, C).
        data_range: of the values, 255 for 8 bit.
        cap: value of equal pictures, and the largest returned; finite so that a mean over frames exists.

    Returns:
        dB.

    Raises:
        InputError: shapes differ.
    """
    x, y = _checked(first, second)
    error = float(np.mean((x - y) ** 2))
    return cap if error == 0 else min(cap, float(10 * np.log10(data_range**2 / error)))


def _checked(first: Picture, second: Picture) -> tuple[Floats, Floats]:
    if first.shape != second.shape or first.ndim != 3 or not first.size:
        raise InputError(f"pictures of shape {first.shape} and {second.shape}: need one (H, W, C)")
    return np.asarray(first, np.float64), np.asarray(second, np.float64)


def _windowed(picture: Floats) -> Floats:
    """Gaussian means of all windows that lie wholly within the picture."""
    blurred = cv2.GaussianBlur(picture, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT_101)
    margin = WINDOW // 2
    return np.asarray(blurred[margin:-margin, margin:-margin], np.float64)

"""SSIM and PSNR of two pictures.

"SSIM" is many numbers: of one pair of pictures they lie between .78 and .85. What tells them apart is written
as an `SsimRule`, and `SSIM_RULES` names the published ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats

WINDOW = 11
SIGMA = 1.5
UNIFORM = 7
K1, K2 = 0.01, 0.03

Picture = NDArray[np.uint8] | NDArray[np.floating]


@dataclass(frozen=True)
class SsimRule:
    """What a form of SSIM does.

    Args:
        window: ``gauss11``: 11x11 of sigma 1.5; ``uniform7``: the plain mean of 7x7.
        border: ``valid``: only windows that lie wholly within the picture; ``reflected``: one about every
            pixel, the picture mirrored at its edges (without the edge pixel twice).
        covariance: ``population`` divides by n, ``sample`` by n - 1 for the n pixels of a window.
        channels: ``rgb``: per channel, then their mean; ``gray``: of the luma .299 R + .587 G + .114 B,
            rounded half up to 8 bits, in whole numbers so that no version of a library can move it.
    """

    window: Literal["gauss11", "uniform7"] = "gauss11"
    border: Literal["valid", "reflected"] = "valid"
    covariance: Literal["population", "sample"] = "population"
    channels: Literal["rgb", "gray"] = "rgb"

    @property
    def side(self) -> int:
        """Pixels of a window's side."""
        return WINDOW if self.window == "gauss11" else UNIFORM


SsimForm = Literal["wang", "wang-gray", "skimage", "skimage-gray", "torchmetrics"]

SSIM_RULES: Mapping[SsimForm, SsimRule] = {
    "wang": SsimRule(),
    "wang-gray": SsimRule(channels="gray"),
    "skimage": SsimRule("uniform7", covariance="sample"),
    "skimage-gray": SsimRule("uniform7", covariance="sample", channels="gray"),
    "torchmetrics": SsimRule(border="reflected"),
}
"""Published forms.

``wang`` is Wang et al. 2004 per channel (scikit-image with Gaussian weights and population covariance,
common_metrics_on_video_quality), ``wang-gray`` as they defined it, ``skimage`` the default of scikit-image
(EAT's evaluation), ``skimage-gray`` the same of a gray picture, ``torchmetrics`` that package's default since
1.4.2, given ``data_range``.
"""


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
    return ssim_by(SSIM_RULES["wang"], first, second, data_range)


def ssim_by(rule: SsimRule, first: Picture, second: Picture, data_range: float = 255.0) -> float:
    """Structural similarity of a stated form, K = (0.01, 0.03) in all of them.

    Args:
        rule: the form.
        first: (H, W, C), sides of at least the window's; uint8 RGB for ``gray``.
        second: (H, W, C).
        data_range: of the values, 255 for 8 bit.

    Returns:
        In [-1, 1]; 1 for equal pictures.

    Raises:
        InputError: shapes differ or are too small, or gray is asked of other than 8-bit RGB.
    """
    if rule.channels == "gray":
        first, second = _gray(first), _gray(second)
    x, y = _checked(first, second)
    if min(x.shape[:2]) < rule.side:
        raise InputError(f"SSIM needs sides of at least {rule.side} px, not {x.shape[1]}x{x.shape[0]}")
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mx, my = _windowed(x, rule), _windowed(y, rule)
    vx, vy = _windowed(x * x, rule) - mx * mx, _windowed(y * y, rule) - my * my
    covariance = _windowed(x * y, rule) - mx * my
    if rule.covariance == "sample":
        norm = rule.side**2 / (rule.side**2 - 1)
        vx, vy, covariance = norm * vx, norm * vy, norm * covariance
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


def _gray(picture: Picture) -> NDArray[np.uint8]:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise InputError(f"gray is made of 8-bit RGB (H, W, 3), not {picture.dtype} of {picture.shape}")
    weighted = picture.astype(np.int64) @ np.array([299, 587, 114])
    return np.asarray((weighted + 500) // 1000, np.uint8)[:, :, None]


def _windowed(picture: Floats, rule: SsimRule) -> Floats:
    """Means over the rule's windows."""
    if rule.window == "gauss11":
        blurred = cv2.GaussianBlur(picture, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT_101)
    else:
        blurred = cv2.blur(picture, (UNIFORM, UNIFORM), borderType=cv2.BORDER_REFLECT_101)
    means = np.asarray(blurred, np.float64).reshape(picture.shape)
    margin = rule.side // 2
    return means if rule.border == "reflected" else means[margin:-margin, margin:-margin]

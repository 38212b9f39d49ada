"""The resizes that published metrics feed their networks with, each a separable linear map.

A resize of one axis is a table: which input samples make an output sample, with what weight. So every named
filter is one small function that is exact to its source's arithmetic (some compute positions in single
precision, which moves a picture by up to 0.02 of 255 levels), and one routine applies them all, in a fixed
order of summation, on any device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import InputError

if TYPE_CHECKING:
    import torch

_Positions = NDArray[np.floating]
_Kernel = Callable[[_Positions], _Positions]


@dataclass(frozen=True)
class Taps:
    """One axis of a resize: output sample i is ``sum_k weight[i, k] * input[index[i, k]]``.

    Args:
        index: (out, K) int64, within the input.
        weight: (out, K) float32; each row sums to 1.
    """

    index: NDArray[np.int64]
    weight: NDArray[np.float32]


Filter = Callable[[int, int], Taps]
"""Input and output length in samples, both at least 1 -> the table."""


def bilinear(length: int, out: int) -> Taps:
    """Two neighbours of ``scale (i + 1/2) - 1/2``: torch's ``interpolate(align_corners=False)``.

    No antialiasing: shrinking skips samples. Positions in float32, as torch computes them.
    """
    scale = np.float32(length / out)
    return _two(scale * (np.arange(out, dtype=np.float32) + np.float32(0.5)) - np.float32(0.5), length)


def bilinear_tf1(length: int, out: int) -> Taps:
    """Two neighbours of ``scale i``: TensorFlow 1's ``resize_bilinear``, without half-pixel centres.

    Shifts the picture up and left by half an input pixel's share, and does not antialias. Positions in
    float32, as TensorFlow computes them.
    """
    return _two(np.arange(out, dtype=np.float32) * np.float32(length / out), length)


def bilinear_antialiased(length: int, out: int) -> Taps:
    """A triangle as wide as the shrinking asks: torch's ``interpolate(antialias=True)``.

    Positions and weights in float32, as torch computes them; the exact ones differ by up to 0.01 levels.
    """
    return _window(length, out, 1.0, _triangle, np.float32)


def bicubic_antialiased(length: int, out: int) -> Taps:
    """Keys' cubic (a = -1/2) as wide as the shrinking asks: PIL's BICUBIC. It overshoots 0..255 at edges."""
    return _window(length, out, 2.0, _keys, np.float64)


def resize(images: torch.Tensor, size: tuple[int, int], kind: Filter) -> torch.Tensor:
    """Resize pictures, the vertical axis first.

    Args:
        images: (N, C, H, W) float32, any value range; it is kept but for a filter's overshoot.
        size: (height, width) of the result.
        kind: of both axes.

    Returns:
        (N, C, height, width) float32 on the same device. No picture depends on the others.

    Raises:
        InputError: a picture without pixels.
    """
    height, width = images.shape[2:]
    if not height or not width:
        raise InputError(f"a picture of {width}x{height} px cannot be resized")
    lower = _rows(images.contiguous(), kind(height, size[0]))
    return _rows(lower.mT.contiguous(), kind(width, size[1])).mT.contiguous()


def _two(position: NDArray[np.float32], length: int) -> Taps:
    """Linear interpolation between two samples, held at the ends."""
    held = np.maximum(position, np.float32(0))
    low = np.minimum(held.astype(np.int64), length - 1)
    share = held - low.astype(np.float32)
    index = np.stack([low, np.minimum(low + 1, length - 1)], axis=1)
    return Taps(index, np.stack([np.float32(1) - share, share], axis=1))


def _window(length: int, out: int, support: float, kernel: _Kernel, dtype: type[np.floating]) -> Taps:
    """A kernel around each output sample's centre, stretched where the axis shrinks, normalised inside it."""
    scale = dtype(length / out)
    stretch = np.maximum(scale, dtype(1))
    centre = (np.arange(out).astype(dtype) + dtype(0.5)) * scale
    reach = dtype(support) * stretch
    first = np.maximum((centre - reach + dtype(0.5)).astype(np.int64), 0)
    last = np.minimum((centre + reach + dtype(0.5)).astype(np.int64), length)
    index = first[:, None] + np.arange(int((last - first).max()))
    away = (index.astype(dtype) - centre[:, None] + dtype(0.5)) * (dtype(1) / stretch)
    weight = np.where(index < last[:, None], kernel(away), dtype(0))
    weight = weight / weight.sum(axis=1, keepdims=True)
    return Taps(np.minimum(index, length - 1), weight.astype(np.float32))


def _triangle(x: _Positions) -> _Positions:
    return np.asarray(np.clip(1 - np.abs(x), 0, None))


def _keys(x: _Positions) -> _Positions:
    """Keys (1981), a = -1/2."""
    r = np.abs(x)
    near = (1.5 * r - 2.5) * r * r + 1
    far = ((-0.5 * r + 2.5) * r - 4) * r + 2
    return np.where(r < 1, near, np.where(r < 2, far, 0.0))


def _rows(images: torch.Tensor, taps: Taps) -> torch.Tensor:
    """Resize the third axis. Whole rows are gathered, which is many times faster than single pixels."""
    import torch

    index = torch.from_numpy(taps.index).to(images.device)
    weight = torch.from_numpy(taps.weight).to(images.device)[:, :, None]
    total = images.index_select(2, index[:, 0]) * weight[:, 0]
    for k in range(1, index.shape[1]):
        total.addcmul_(images.index_select(2, index[:, k]), weight[:, k])
    return total

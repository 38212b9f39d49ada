"""mini-XCEPTION (Arriaga, Valdenegro-Toro and Plöger 2017) with TensorFlow's "same" padding.

Two 3x3 convolutions of 8 channels, four residual blocks of separable convolutions with 16, 32, 64 and 128
channels, a 3x3 convolution to 7 channels, global mean, softmax. Normalisation has eps 1e-3, Keras's default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

_WIDTHS = (8, 16, 32, 64, 128)
_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "same" before and after a side; 3 at stride 2: (0, 1) for 60, 30 and 8, (1, 1) for 15."""
    outside = -(-side // stride)
    total = max(0, (outside - 1) * stride + kernel - side)
    return total // 2, total - total // 2


def pool_same(x: torch.Tensor) -> torch.Tensor:
    """Maximum over 3x3 at stride 2, "same"; the border never wins."""
    rows, columns = (same_padding(side, 3, 2) for side in x.shape[-2:])
    return F.max_pool2d(F.pad(x, (*columns, *rows), value=-torch.inf), 3, 2)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Separable(nn.Module):
    """3x3 depthwise then 1x1, with nothing between, then normalisation."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inside, inside, 3, padding=1, groups=inside, bias=False)
        self.pointwise = nn.Conv2d(inside, outside, 1, bias=False)
        self.norm = _norm(outside)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input through the block."""
        y: torch.Tensor = self.norm(self.pointwise(self.depthwise(x)))
        return y


class _Block(nn.Module):
    """Two separable convolutions and a pool beside a strided 1x1 convolution."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first, self.second = _Separable(inside, outside), _Separable(outside, outside)
        self.shortcut = nn.Conv2d(inside, outside, 1, stride=2, bias=False)
        self.norm = _norm(outside)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input through the block."""
        deep = pool_same(self.second(torch.relu(self.first(x))))
        y: torch.Tensor = deep + self.norm(self.shortcut(x))
        return y


class MiniXception(nn.Module):
    """(N, 1, 64, 64) grey in [-1, 1] -> (N, 7) probabilities in the order of the weights' classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem1 = nn.Conv2d(1, 8, 3, bias=False)
        self.norm1 = _norm(8)
        self.stem2 = nn.Conv2d(8, 8, 3, bias=False)
        self.norm2 = _norm(8)
        pairs = pairwise(_WIDTHS)
        self.blocks = nn.ModuleList([_Block(inside, outside) for inside, outside in pairs])
        self.head = nn.Conv2d(128, 7, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities of a batch."""
        x = torch.relu(self.norm1(self.stem1(x)))
        x = torch.relu(self.norm2(self.stem2(x)))
        for block in self.blocks:
            x = block(x)
        return torch.softmax(self.head(x).mean(dim=(2, 3)), dim=1)


def _norms(name: str, layer: int) -> Iterator[tuple[str, str]]:
    for ours, theirs in _NORM.items():
        yield f"{name}.{ours}", f"batch_normalization_{layer}/{theirs}"


def _separable(name: str, layer: int, norm: int) -> Iterator[tuple[str, str]]:
    yield f"{name}.depthwise.weight", f"separable_conv2d_{layer}/depthwise_kernel"
    yield f"{name}.pointwise.weight", f"separable_conv2d_{layer}/pointwise_kernel"
    yield from _norms(f"{name}.norm", norm)


def keras_names() -> dict[str, str]:
    """Our tensor's name -> the Keras array's name (``layer/array``)."""
    pairs = [("stem1.weight", "conv2d_1/kernel"), ("stem2.weight", "conv2d_2/kernel")]
    pairs += [*_norms("norm1", 1), *_norms("norm2", 2)]
    for index in range(4):
        name, norm = f"blocks.{index}", 3 * index + 3
        pairs += [(f"{name}.shortcut.weight", f"conv2d_{index + 3}/kernel"), *_norms(f"{name}.norm", norm)]
        pairs += _separable(f"{name}.first", 2 * index + 1, norm + 1)
        pairs += _separable(f"{name}.second", 2 * index + 2, norm + 2)
    pairs += [("head.weight", "conv2d_7/kernel"), ("head.bias", "conv2d_7/bias")]
    return dict(pairs)


def _tensor(ours: str, array: NDArray[np.float32]) -> torch.Tensor:
    """Keras keeps (height, width, in, out), depthwise kernels (height, width, in, 1)."""
    if array.ndim == 4:
        array = array.transpose(2, 3, 0, 1) if ".depthwise." in ours else array.transpose(3, 2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(array))


def from_keras(arrays: Mapping[str, NDArray[np.float32]]) -> dict[str, torch.Tensor]:
    """Our state_dict from a Keras model's arrays; names it lacks are left out for strict loading to name."""
    found = {
        ours: _tensor(ours, arrays[theirs]) for ours, theirs in keras_names().items() if theirs in arrays
    }
    counters = {
        name.replace("running_mean", "num_batches_tracked"): torch.tensor(0)
        for name in found
        if name.endswith("running_mean")
    }
    return {**found, **counters}

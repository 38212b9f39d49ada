"""MobileFaceNet (Chen et al. 2018) with ReLU6 and a 1x1 head, as the public 1.02 M parameter weights have it.

A stride-2 3x3 stem of 64 channels, a depthwise separable 3x3, fifteen inverted residuals (Sandler et al.
2018), a 1x1 expansion to 512 channels, a global depthwise 7x7 instead of average pooling, and a 1x1
projection to 128. Module names follow the weights' keys, so that loading is strict.
"""

from __future__ import annotations

import torch
from torch import nn

_STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""(expansion, channels, repetitions, stride of the first)"""


def _conv_norm_relu(
    inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.ReLU6())


class _Separable(nn.Module):
    """3x3 depthwise, then 1x1, each followed by normalisation and ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input through the block."""
        deep = torch.relu(self.bn1(self.depthwise(x)))
        return torch.relu(self.bn2(self.pointwise(deep)))


class _Inverted(nn.Module):
    """1x1 expansion, 3x3 depthwise, linear 1x1 projection; added to its input where shapes allow."""

    def __init__(self, inside: int, outside: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inside * expansion
        self.adds = stride == 1 and inside == outside
        self.conv = nn.Sequential(
            _conv_norm_relu(inside, hidden, 1),
            _conv_norm_relu(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, outside, 1, bias=False),
            nn.BatchNorm2d(outside),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input through the block."""
        y: torch.Tensor = self.conv(x)
        return x + y if self.adds else y


class _GlobalDepthwise(nn.Module):
    """One 7x7 filter per channel over the whole map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input through the block."""
        y: torch.Tensor = self.bn(self.depthwise(x))
        return y


def _residuals() -> nn.Sequential:
    blocks, inside = [], 64
    for expansion, outside, repetitions, stride in _STAGES:
        for index in range(repetitions):
            blocks.append(_Inverted(inside, outside, stride if index == 0 else 1, expansion))
            inside = outside
    return nn.Sequential(*blocks)


class MobileFaceNet(nn.Module):
    """(N, 3, 112, 112) RGB, ImageNet-normalised -> (N, 128) features, not L2-normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _conv_norm_relu(3, 64, 3, stride=2)
        self.dw_conv = _Separable(64)
        self.features = _residuals()
        self.conv2 = _conv_norm_relu(128, 512, 1)
        self.gdconv = _GlobalDepthwise(512)
        self.conv3 = nn.Conv2d(512, 128, 1)
        self.bn = nn.BatchNorm2d(128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of a batch."""
        deep = self.conv2(self.features(self.dw_conv(self.conv1(x))))
        y: torch.Tensor = self.bn(self.conv3(self.gdconv(deep)))
        return y.flatten(1)

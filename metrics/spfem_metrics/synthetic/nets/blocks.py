"""Parts of the judges: plain residual networks with batch normalisation (He et al. 2016)."""

from __future__ import annotations

import torch
from torch import nn

WIDTHS = (24, 40, 72, 96)
"""Channels at 32, 16, 8 and 4 px of a 64 px crop."""


def conv(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, normalisation, ReLU."""
    plain = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
    return nn.Sequential(plain, nn.BatchNorm2d(outside), nn.ReLU())


class Residual(nn.Module):
    """Two 3x3 convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.body = nn.Sequential(*conv(channels, channels), second, nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> the same shape."""
        return torch.relu(x + self.body(x))


class Trunk(nn.Module):
    """Features of a 64 px crop at three sizes: (N, 40, 16, 16), (N, 72, 8, 8) and (N, 96, 4, 4)."""

    def __init__(self, widths: tuple[int, int, int, int] = WIDTHS) -> None:
        super().__init__()
        a, b, c, d = widths
        self.fine = nn.Sequential(conv(3, a, 2), conv(a, b, 2), Residual(b))
        self.middle = nn.Sequential(conv(b, c, 2), Residual(c))
        self.coarse = nn.Sequential(conv(c, d, 2), Residual(d))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(N, 3, 64, 64) in -1..1 -> fine, middle, coarse."""
        fine = self.fine(x)
        middle = self.middle(fine)
        return fine, middle, self.coarse(middle)


class Summary(nn.Module):
    """One vector from a small map: a depthwise convolution as large as the map, then a linear layer.

    The global depthwise convolution of MobileFaceNet (Chen et al. 2018): unlike an average, it knows where.
    """

    def __init__(self, channels: int, side: int, outside: int) -> None:
        super().__init__()
        self.where = nn.Sequential(
            nn.Conv2d(channels, channels, side, groups=channels, bias=False), nn.BatchNorm2d(channels)
        )
        self.what = nn.Linear(channels, outside)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, side, side) -> (N, outside)."""
        vector: torch.Tensor = self.what(self.where(x).flatten(1))
        return vector


def to_input(images: torch.Tensor) -> torch.Tensor:
    """(N, H, W, 3) uint8 RGB -> (N, 3, H, W) float32 in -1..1."""
    return images.permute(0, 3, 1, 2).float() * (2 / 255) - 1

"""Parts of the supervisors: depthwise blocks after ConvNeXt (Liu et al. 2022), normalised by group.

Nothing here depends on the other pictures of a batch, in training or after it.
"""

from __future__ import annotations

import torch
from torch import nn

WIDTHS = (40, 80, 112)
"""Channels at 16, 8 and 4 px of a 64 px crop."""

DEPTHS = (2, 3, 2)


class Block(nn.Module):
    """5x5 depthwise, normalisation, 1x1 to three times the channels, GELU, 1x1 back, beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=2, groups=channels),
            nn.GroupNorm(1, channels),
            nn.Conv2d(channels, 3 * channels, 1),
            nn.GELU(),
            nn.Conv2d(3 * channels, channels, 1),
        )
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> the same shape."""
        added: torch.Tensor = self.scale * self.body(x)
        return x + added


def stage(inside: int, outside: int, stride: int, depth: int) -> nn.Sequential:
    """A patch of ``stride`` px to one place, normalised, then blocks."""
    patch = nn.Conv2d(inside, outside, stride, stride)
    return nn.Sequential(patch, nn.GroupNorm(1, outside), *(Block(outside) for _ in range(depth)))


class Trunk(nn.Module):
    """Features of a 64 px crop at three sizes: (N, 40, 16, 16), (N, 80, 8, 8) and (N, 112, 4, 4).

    Args:
        widths: channels at the three sizes.
        depths: blocks at the three sizes.
    """

    def __init__(self, widths: tuple[int, int, int] = WIDTHS, depths: tuple[int, int, int] = DEPTHS) -> None:
        super().__init__()
        a, b, c = widths
        self.fine = stage(3, a, 4, depths[0])
        self.middle = stage(a, b, 2, depths[1])
        self.coarse = stage(b, c, 2, depths[2])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(N, 3, 64, 64) in -1..1 -> fine, middle, coarse."""
        fine = self.fine(x)
        middle = self.middle(fine)
        return fine, middle, self.coarse(middle)


class Head(nn.Module):
    """Two learnt weightings of each channel over the places of a map, normalised, then linear."""

    def __init__(self, channels: int, side: int, outside: int) -> None:
        super().__init__()
        self.where = nn.Conv2d(channels, 2 * channels, side, groups=channels)
        self.norm = nn.LayerNorm(2 * channels)
        self.what = nn.Linear(2 * channels, outside)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, side, side) -> (N, outside)."""
        vector: torch.Tensor = self.what(self.norm(self.where(x).flatten(1)))
        return vector

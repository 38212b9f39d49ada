"""Features of whole pictures for distances between pictures and between sets of pictures.

One network, trained to say what a picture shows (expression, landmarks, head angles) and what was done to it
(kind and strength of blur, noise, compression, colour, ...), so that its features follow both. The distance
of two pictures is LPIPS (Zhang et al. 2018): features of five layers scaled to unit length at each place,
squared differences weighted by channel (non-negative, fitted so that more of a degradation is farther),
averaged over places, summed over layers.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from spfem_metrics.synthetic.nets.blocks import WIDTHS, Residual, conv

SIDE = 128
"""Pixels of its input, square."""

WIDTH = WIDTHS[-1]
"""Length of the pooled features."""

LAYERS = (16, *WIDTHS)
"""Channels at 64, 32, 16, 8 and 4 px."""


class PerceptualNet(nn.Module):
    """(N, 3, 128, 128) in -1..1 -> maps of five layers (`layers`) or (N, 96) pooled features (`forward`)."""

    def __init__(self) -> None:
        super().__init__()
        first, a, b, c, d = LAYERS
        self.stages = nn.ModuleList(
            [
                conv(3, first, 2),
                conv(first, a, 2),
                nn.Sequential(conv(a, b, 2), Residual(b)),
                nn.Sequential(conv(b, c, 2), Residual(c)),
                nn.Sequential(conv(c, d, 2), Residual(d)),
            ]
        )
        self.channel_weights = nn.ParameterList([nn.Parameter(torch.full((n,), 1.0 / n)) for n in LAYERS])

    def layers(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The maps after each stage, finest first."""
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pooled features: the mean over places of the last layer."""
        return self.layers(x)[-1].mean(dim=(2, 3))

    def distance(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """(N,) distances of pictures, 0 for equal ones."""
        pairs = zip(self.layers(x), self.layers(y), strict=True)
        return weighted_distance(list(pairs), list(self.channel_weights))


def weighted_distance(
    pairs: list[tuple[torch.Tensor, torch.Tensor]], weights: list[torch.Tensor]
) -> torch.Tensor:
    """LPIPS of two pictures' maps.

    Args:
        pairs: per layer, (N, C, H, W) of either picture.
        weights: per layer, (C,); negative ones count as 0.

    Returns:
        (N,) at least 0.
    """
    total = torch.zeros(len(pairs[0][0]), device=pairs[0][0].device)
    for (one, other), weight in zip(pairs, weights, strict=True):
        gap = (F.normalize(one.float(), dim=1, eps=1e-6) - F.normalize(other.float(), dim=1, eps=1e-6)) ** 2
        total = total + (gap.mean(dim=(2, 3)) * weight.float().clamp_min(0)).sum(1)
    return total

"""The supervisor of likeness: a perceptual loss for pictures of 128 px, in the manner of LPIPS."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from spfem_baselines.supervisors.blocks import WIDTHS, stage

LAYERS = (24, 32, *WIDTHS)
"""Channels at 64, 32, 16, 8 and 4 px."""

WIDTH = LAYERS[-1]


class PerceptualNet(nn.Module):
    """(N, 3, 128, 128) in -1..1 -> maps of five layers (`layers`) or (N, 112) pooled features (`forward`)."""

    def __init__(self) -> None:
        super().__init__()
        first, a, b, c, d = LAYERS
        self.stages = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(3, first, 3, 2, 1), nn.GELU()),
                stage(first, a, 2, 1),
                stage(a, b, 2, 2),
                stage(b, c, 2, 3),
                stage(c, d, 2, 2),
            ]
        )
        self.channel_weights = nn.ParameterList([nn.Parameter(torch.full((n,), 1.0 / n)) for n in LAYERS])

    def layers(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The maps after each stage, finest first."""
        maps = []
        for part in self.stages:
            x = part(x)
            maps.append(x)
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pooled features: the mean over places of the last layer."""
        return self.layers(x)[-1].mean(dim=(2, 3))

    def distance(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """(N,) LPIPS-like distances of pictures, 0 for equal ones; gradients flow to both."""
        total = torch.zeros(len(x), device=x.device)
        for one, other, weight in zip(self.layers(x), self.layers(y), self.channel_weights, strict=True):
            gap = (
                F.normalize(one.float(), dim=1, eps=1e-6) - F.normalize(other.float(), dim=1, eps=1e-6)
            ) ** 2
            total = total + (gap.mean(dim=(2, 3)) * weight.float().clamp_min(0)).sum(1)
        return total

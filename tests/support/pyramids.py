"""A small pyramid of seeded weights, standing for any generator's favourite trunk."""

from __future__ import annotations

import torch
from torch import nn

from spfem_baselines.supervision import PairBatch


class TinyPyramid(nn.Module):
    """Four maps of a picture of S px: 16 channels at S, S, S / 2 and S / 4, with a batch normalisation."""

    channels = (16, 16, 16, 16)

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.first = nn.Conv2d(3, 16, 3, padding=1)
            self.second = nn.Sequential(nn.BatchNorm2d(16), nn.Conv2d(16, 16, 3, padding=1))
            self.third = nn.Conv2d(16, 16, 3, stride=2, padding=1)
            self.fourth = nn.Conv2d(16, 16, 3, stride=2, padding=1)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(N, 3, S, S) -> four maps."""
        first = self.first(pictures)
        second = self.second(torch.tanh(first))
        third = self.third(torch.tanh(second))
        return first, second, third, self.fourth(torch.tanh(third))


def clips(seed: int, batch: int = 2, frames: int = 3, side: int = 16) -> torch.Tensor:
    """(B, T, 3, S, S) in [-1, 1]: smooth random pictures that drift over time."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch * frames, 3, 6, 6, generator=draw) * 2 - 1
    fine = nn.functional.interpolate(coarse, (side, side), mode="bilinear", align_corners=True)
    return fine.unflatten(0, (batch, frames))


def aligned_pairs(first: int, steps: int) -> list[PairBatch]:
    """Clips and the same with their colours exchanged: the same words in another emotion, so to say."""
    return [PairBatch(neutral, 0.8 * neutral.flip(2)) for neutral in map(clips, range(first, first + steps))]

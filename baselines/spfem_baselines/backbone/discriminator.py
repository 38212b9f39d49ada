"""The discriminator: is this pair of neighbouring frames real, as a face of this emotion?

One output for each emotion, of which the wanted one is read (Liu et al. 2019; Choi et al. 2020). It sees two
frames in a row, so that flicker is as visible to it as a wrong mouth.
"""

from __future__ import annotations

import torch
from torch import nn

from spfem_baselines.backbone.generator import EMOTIONS, Shape
from spfem_baselines.backbone.style import Trunk


class Discriminator(nn.Module):
    """(B, T, 3, S, S) clips and (B,) emotions -> (B, T - 1) scores, 1 for real and 0 for made."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.trunk = Trunk(6, shape, EMOTIONS)

    def forward(self, frames: torch.Tensor, emotion: torch.Tensor) -> torch.Tensor:
        """The scores of every pair of neighbouring frames; a single frame is its own neighbour."""
        if frames.shape[1] == 1:
            frames = frames.expand(-1, 2, -1, -1, -1)
        pairs = torch.cat([frames[:, :-1], frames[:, 1:] - frames[:, :-1]], dim=2)
        scores: torch.Tensor = self.trunk(pairs.flatten(0, 1)).float().view(*pairs.shape[:2], -1)
        return scores.gather(2, emotion[:, None, None].expand(-1, scores.shape[1], 1)).squeeze(2)

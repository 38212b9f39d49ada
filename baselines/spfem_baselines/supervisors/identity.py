"""The supervisor of who it is."""

from __future__ import annotations

import torch
from torch import nn

from spfem_baselines.supervisors.blocks import WIDTHS, Head, Trunk

WIDTH = 128


class IdentityNet(nn.Module):
    """(N, 3, 64, 64) in -1..1, aligned by landmarks -> (N, 128), to be scaled to unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.head = Head(WIDTHS[-1], 4, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Crops -> embeddings."""
        vector: torch.Tensor = self.head(self.trunk(x)[2])
        return vector

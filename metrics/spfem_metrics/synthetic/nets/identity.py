"""The judge of who it is: an embedding in which a person's crops lie close, whatever the face does."""

from __future__ import annotations

import torch
from torch import nn

from spfem_metrics.synthetic.nets.blocks import WIDTHS, Summary, Trunk

WIDTH = 128


class IdentityNet(nn.Module):
    """(N, 3, 64, 64) in -1..1, aligned by landmarks -> (N, 128), to be scaled to unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.head = Summary(WIDTHS[-1], 4, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Crops -> embeddings."""
        vector: torch.Tensor = self.head(self.trunk(x)[2])
        return vector

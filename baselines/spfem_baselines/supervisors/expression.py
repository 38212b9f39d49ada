"""The supervisor of expression: seven classes and sixteen action units from one crop."""

from __future__ import annotations

import torch
from torch import nn

from spfem_baselines.supervisors.blocks import WIDTHS, Head, Trunk

CLASSES = 7
UNITS = 16


class ExpressionNet(nn.Module):
    """(N, 3, 64, 64) in -1..1, aligned by landmarks -> (N, 23): 7 logits, then 16 action units."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.head = Head(WIDTHS[-1], 4, CLASSES + UNITS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Crops -> logits and units."""
        outputs: torch.Tensor = self.head(self.trunk(x)[2])
        return outputs

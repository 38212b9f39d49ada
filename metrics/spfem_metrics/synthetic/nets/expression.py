"""The judge of expression: seven classes and sixteen action units from one crop."""

from __future__ import annotations

import torch
from torch import nn

from spfem_metrics.synthetic.nets.blocks import WIDTHS, Summary, Trunk

CLASSES = 7
UNITS = 16


class ExpressionNet(nn.Module):
    """(N, 3, 64, 64) in -1..1, aligned by landmarks -> (N, 23): 7 logits, then 16 action units.

    Classes: neutral angry disgusted fear happy sad surprised. Units: 0 at rest, 1 as far as the mean person
    goes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.head = Summary(WIDTHS[-1], 4, CLASSES + UNITS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Crops -> logits and units."""
        outputs: torch.Tensor = self.head(self.trunk(x)[2])
        return outputs

"""The supervisor of where things are: the 68 points of a face, and what else its crop shows.

Each point is the centre of mass of its map (integral regression, Sun et al. 2018) plus a linear correction
from the coarse features, which knows where points lie that cannot be seen.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from spfem_baselines.supervisors.blocks import Block, Head, Trunk

_WIDTHS, _DEPTHS = (36, 60, 76), (2, 2, 1)
"""A smaller trunk than its fellows': all networks that ship stay under 10 MB together."""

POINTS = 68
OUTPUTS = 2 * POINTS + 23


class LandmarkNet(nn.Module):
    """(N, 3, 64, 64) in -1..1 -> (N, 159).

    Columns: 68 x and y, -1..1 from the crop's left and upper edge to the other; the logit that there is a
    face; yaw, pitch and roll over 20 degrees; gaze to the image's right and down; blink; 16 action units.
    """

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = _WIDTHS
        self.trunk = Trunk(_WIDTHS, _DEPTHS)
        self.join = nn.Sequential(nn.Conv2d(fine + middle, 64, 1), Block(64), nn.GroupNorm(1, 64))
        self.maps = nn.Conv2d(64, POINTS, 1)
        self.rest = Head(coarse, 4, OUTPUTS)
        self.register_buffer("steps", (torch.arange(16) + 0.5) / 8 - 1, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Crops -> points and the rest."""
        fine, middle, coarse = self.trunk(x)
        wide = F.interpolate(middle, scale_factor=2, mode="bilinear", align_corners=False)
        shares = self.maps(self.join(torch.cat([fine, wide], dim=1))).float().flatten(2).softmax(-1)
        shares, steps = shares.unflatten(2, (16, 16)), self.get_buffer("steps")
        centres = torch.stack([(shares.sum(2) * steps).sum(-1), (shares.sum(3) * steps).sum(-1)], dim=-1)
        rest = self.rest(coarse).float()
        return torch.cat([centres.flatten(1) + rest[:, : 2 * POINTS], rest[:, 2 * POINTS :]], dim=1)

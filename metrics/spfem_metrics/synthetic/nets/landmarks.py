"""The judge that finds faces: 68 points, presence, head angles, gaze, blink and action units of a crop.

Each point is the centre of mass of its own map (integral regression, Sun et al. 2018), on a grid that reaches
a little beyond the crop. The same network reads a whole picture shrunk to 64 px, which says roughly where
the face is, and then the face aligned by that.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from spfem_metrics.synthetic.nets.blocks import WIDTHS, Summary, Trunk, conv

SIDE = 64
"""Pixels of its input, square."""

POINTS = 68
REACH = 1.2
"""Half the side of the square in which points are sought, in half crops."""

PRESENCE = 2 * POINTS
ANGLES = slice(PRESENCE + 1, PRESENCE + 4)
GAZE = slice(PRESENCE + 4, PRESENCE + 6)
BLINK = PRESENCE + 6
UNITS = slice(PRESENCE + 7, PRESENCE + 23)
OUTPUTS = PRESENCE + 23

DEGREES = 20.0
"""An angle of 1 at the output."""

_GRID = 16


class LandmarkNet(nn.Module):
    """(N, 3, 64, 64) in -1..1 -> (N, 159).

    Columns: 68 x and y, -1..1 from the crop's left and upper edge to the other; the logit that there is a
    face; yaw, pitch and roll over `DEGREES`; gaze to the image's right and down; blink; 16 action units.
    """

    def __init__(self) -> None:
        super().__init__()
        _, fine, middle, coarse = WIDTHS
        self.trunk = Trunk()
        self.from_coarse = nn.Conv2d(coarse, middle, 1)
        self.from_middle = nn.Conv2d(middle, fine, 1)
        self.join = conv(fine, fine)
        self.maps = nn.Conv2d(fine, POINTS, 1)
        self.sharpness = nn.Parameter(torch.ones(POINTS))
        self.rest = Summary(coarse, 4, OUTPUTS - PRESENCE)
        steps = (torch.arange(_GRID) + 0.5) * (2 / _GRID) - 1
        self.register_buffer("steps", steps * REACH, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Crops -> points and the rest."""
        fine, middle, coarse = self.trunk(x)
        down = middle + F.interpolate(self.from_coarse(coarse), scale_factor=2, mode="nearest")
        joined = self.join(fine + F.interpolate(self.from_middle(down), scale_factor=2, mode="nearest"))
        points = self._centres(self.maps(joined).float() * self.sharpness.float()[:, None, None])
        return torch.cat([points.flatten(1), self.rest(coarse).float()], dim=1)

    def _centres(self, logits: torch.Tensor) -> torch.Tensor:
        """(N, 68, G, G) -> (N, 68, 2) centres of mass of the softmax over the grid."""
        shares = logits.flatten(2).softmax(-1).view_as(logits)
        steps = self.get_buffer("steps")
        return torch.stack([(shares.sum(2) * steps).sum(-1), (shares.sum(3) * steps).sum(-1)], dim=-1)

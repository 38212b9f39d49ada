"""The whole backbone: generator, styles, and the mean face that places its crop."""

from __future__ import annotations

import torch
from torch import nn

from spfem_baselines.backbone.generator import Edit, Generator, Shape, composed
from spfem_baselines.backbone.style import Styles
from spfem_baselines.linear import linear_shift


class Backbone(nn.Module):
    """Clips in, clips out; what a checkpoint holds.

    Args:
        shape: sizes.
    """

    template: torch.Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.generator = Generator(shape)
        self.styles = Styles(shape)
        self.register_buffer("template", torch.from_numpy(linear_shift().template.copy()))

    def forward(
        self, frames: torch.Tensor, style: torch.Tensor, sound: torch.Tensor
    ) -> tuple[torch.Tensor, Edit]:
        """Edited frames (B, T, 3, S, S) in -1..1, and the edit: see `Generator.forward` for the arguments."""
        edit: Edit = self.generator(frames, style, sound)
        return composed(frames, edit), edit

"""Feature pyramids: four maps of a picture, whichever network makes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from spfem_baselines.supervision.iresnet import IResNet50, load_iresnet50, resized
from spfem_baselines.supervisors import supervisor
from spfem_baselines.supervisors.blocks import WIDTHS, Trunk

__all__ = ["IResNet50", "Pyramid", "SupervisorPyramid", "load_iresnet50", "map_shapes"]

SIDE = 64
"""Side in px of the crops the supervisors learnt from."""


@runtime_checkable
class Pyramid(Protocol):
    """A torch module that sees a picture at several scales."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each map, finest first."""
        ...

    def __call__(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(N, 3, H, W) RGB in [-1, 1] -> maps (N, C, h, w), finest first."""
        ...

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Torch's own."""
        ...

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Torch's own."""
        ...

    def train(self, mode: bool = True) -> Any:
        """Torch's own."""
        ...


class SupervisorPyramid(nn.Module):
    """The trunk of a supervisor as four maps, for rendered faces, where ArcFace would see nothing it knows.

    Of a 64 px crop: 40x16x16 after the first block, 40x16x16 after the fine stage, 80x8x8, 112x4x4.

    Args:
        trunk: the trunk; by default that of the shipped supervisor ``identity``, frozen and in eval mode.

    Raises:
        FileNotFoundError: no trunk was given, and the supervisor's weights are not there.
    """

    channels = (WIDTHS[0], *WIDTHS)

    def __init__(self, trunk: Trunk | None = None) -> None:
        super().__init__()
        given: nn.Module = supervisor("identity").get_submodule("trunk") if trunk is None else trunk
        self.fine = given.get_submodule("fine")
        self.middle = given.get_submodule("middle")
        self.coarse = given.get_submodule("coarse")

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(N, 3, H, W) RGB in [-1, 1], resized to 64 px -> four maps."""
        patch, norm, block, *blocks = self.fine.children()
        first = fine = block(norm(patch(resized(pictures, SIDE))))
        for block in blocks:
            fine = block(fine)
        middle = self.middle(fine)
        return first, fine, middle, self.coarse(middle)


@torch.no_grad()
def map_shapes(pyramid: Pyramid, side: int) -> tuple[tuple[int, int, int], ...]:
    """(channels, rows, columns) of each map of a picture of ``side`` px, found by looking at a grey one."""
    device = next((p.device for p in pyramid.parameters()), torch.device("cpu"))
    maps = pyramid(torch.zeros(1, 3, side, side, device=device))
    return tuple((int(c), int(h), int(w)) for c, h, w in (found.shape[1:] for found in maps))

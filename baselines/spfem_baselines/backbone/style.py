"""Styles: what the generator is told of the target, from a label, a reference clip, or a caption.

All three give vectors of one space. The style encoder is that of StarGAN v2 (Choi et al. 2020) without its
domains: it reads the emotion, and how this person shows it, from the frames.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from spfem_baselines.backbone.generator import EMOTIONS, TEXT, Shape


class Trunk(nn.Module):
    """Strided convolutions down to a vector; shared by style encoder and discriminator as a class only."""

    def __init__(self, inside: int, shape: Shape, outside: int) -> None:
        super().__init__()
        widths = (inside, *shape.widths)
        parts: list[nn.Module] = []
        for a, b in pairwise(widths):
            parts += [nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2)]
        side = shape.side >> len(shape.widths)
        while side > 4:
            parts += [nn.Conv2d(widths[-1], widths[-1], 4, 2, 1), nn.LeakyReLU(0.2)]
            side //= 2
        self.maps = nn.Sequential(*parts)
        self.vector = nn.Linear(widths[-1] * side * side, outside)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, S, S) in -1..1 -> (N, D)."""
        maps = self.maps(x.contiguous(memory_format=torch.channels_last))
        vector: torch.Tensor = self.vector(maps.flatten(1))
        return vector


class Styles(nn.Module):
    """The three ways to a style.

    Args:
        shape: sizes.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.labels = nn.Embedding(EMOTIONS, shape.style)
        self.encoder = Trunk(3, shape, shape.style)
        self.captions = nn.Sequential(nn.Linear(TEXT, 128), nn.SiLU(), nn.Linear(128, shape.style))

    def of_label(self, emotion: torch.Tensor) -> torch.Tensor:
        """(B,) int64 emotions -> (B, D)."""
        style: torch.Tensor = self.labels(emotion)
        return style

    def of_clip(self, frames: torch.Tensor) -> torch.Tensor:
        """(B, T, 3, S, S) frames in any order -> (B, D): the mean over the frames."""
        rows: torch.Tensor = self.encoder(frames.flatten(0, 1)).float()
        return rows.view(*frames.shape[:2], -1).mean(dim=1)

    def of_text(self, embedding: torch.Tensor) -> torch.Tensor:
        """(B, 96) captions' embeddings of unit length -> (B, D)."""
        style: torch.Tensor = self.captions(embedding)
        return style

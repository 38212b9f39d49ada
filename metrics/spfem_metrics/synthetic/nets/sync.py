"""The judge of lip-sync: two branches into one space, after SyncNet (Chung and Zisserman 2016).

Eleven consecutive pictures of the lower face enter one convolution together, as SyncNet's five do; 0.44 s of
sound enter as cepstra (`spfem_metrics.synthetic.nets.speech`). Residual blocks with batch normalisation.
Windows are twice SyncNet's, because a fifth of a second holds one syllable: with it, lips a syllable late fit
better than lips half a syllable late, and the distance at offset zero falls where it should rise.
Unlike SyncNet's, the embeddings have unit length, so that distances lie in 0..2.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from spfem_metrics.synthetic.nets.blocks import Residual, conv

FRAMES = 11
"""Pictures in a window, 40 ms apart."""
SIDE = 64
"""Height and width of a picture in px."""
WIDTH = 128
"""D of an embedding."""


def _head(inside: int, places: int, few: int) -> nn.Sequential:
    """1x1 to fewer channels, then one linear map of all places, which keeps where things are."""
    squeeze = nn.Sequential(nn.Conv2d(inside, few, 1, bias=False), nn.BatchNorm2d(few), nn.ReLU())
    return nn.Sequential(squeeze, nn.Flatten(), nn.Linear(few * places, WIDTH))


class Sync(nn.Module):
    """Embeds windows of pictures and of sound."""

    def __init__(self) -> None:
        super().__init__()
        self.eye = nn.Sequential(
            conv(3 * FRAMES, 32, 2),
            conv(32, 40, 2),
            Residual(40),
            conv(40, 64, 2),
            Residual(64),
            conv(64, 72, 2),
            _head(72, 16, 48),
        )
        self.ear = nn.Sequential(
            conv(1, 24), conv(24, 40, 2), Residual(40), conv(40, 56, 2), _head(56, 44, 10)
        )
        self.register_buffer("mean", torch.zeros(13, 1))
        self.register_buffer("scale", torch.ones(13, 1))
        self.mean: torch.Tensor
        self.scale: torch.Tensor

    def video(self, windows: torch.Tensor) -> torch.Tensor:
        """(N, 11, 3, 64, 64) RGB in -1..1 -> (N, 128) of unit length."""
        flat = windows.flatten(1, 2).contiguous(memory_format=torch.channels_last)
        return F.normalize(self.eye(flat).float(), dim=1)

    def audio(self, windows: torch.Tensor) -> torch.Tensor:
        """(N, 13, 44) cepstra -> (N, 128) of unit length."""
        return F.normalize(self.ear(((windows - self.mean) * self.scale)[:, None]).float(), dim=1)

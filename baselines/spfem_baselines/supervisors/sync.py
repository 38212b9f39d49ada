"""The supervisor of lip-sync: each picture is read alone, five readings meet, sound joins them in one space.

Depthwise blocks normalised by group for the pictures, one-dimensional convolutions over log-mel energies for
the sound. `SyncNet.track` reads every picture once, however many windows it stands in, so that a loss over a
clip is cheap.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from spfem_baselines.supervisors.blocks import stage
from spfem_baselines.supervisors.speech import FILTERS

FRAMES = 5
"""Pictures in a window, 40 ms apart."""
WIDTH = 96
"""D of an embedding."""
RIGID = (27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45)
"""Of the 68 points of iBUG 300-W: bridge and base of the nose, corners of the eyes."""
PLACES = (
    *((32.0, -26.7), (32.0, -16.8), (32.0, -7.2), (32.0, 2.7)),
    *((20.0, 8.0), (25.9, 10.7), (32.0, 12.3), (38.1, 10.7), (44.0, 8.0)),
    *((-2.7, -25.3), (20.0, -24.5), (44.0, -24.5), (66.7, -25.3)),
)
"""px where the points of `RIGID` come to lie about the 64 px picture, as it was trained: mouth and chin."""

_READING = 96


class SyncNet(nn.Module):
    """Embeds windows of pictures and of sound."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = nn.Sequential(stage(3, 32, 4, 1), stage(32, 56, 2, 2), stage(56, 80, 2, 1))
        self.read = nn.Sequential(nn.Conv2d(80, 32, 1), nn.Flatten(), nn.Linear(512, _READING))
        wide = FRAMES * _READING
        self.join = nn.Sequential(nn.LayerNorm(wide), nn.Linear(wide, 160), nn.GELU(), nn.Linear(160, WIDTH))
        self.sound = nn.Sequential(_over_time(FILTERS, 80), _over_time(80, 96, 2), _over_time(96, 96, 2))
        self.heard = nn.Sequential(nn.Flatten(), nn.Linear(4 * 96, WIDTH))
        self.register_buffer("mean", torch.zeros(FILTERS, 1))
        self.register_buffer("scale", torch.ones(FILTERS, 1))
        self.mean: torch.Tensor
        self.scale: torch.Tensor

    def video(self, windows: torch.Tensor) -> torch.Tensor:
        """(N, 5, 3, 64, 64) RGB in -1..1 -> (N, 96) of unit length."""
        return self.track(windows)[:, 0]

    def track(self, frames: torch.Tensor) -> torch.Tensor:
        """(B, L, 3, 64, 64) in -1..1 -> (B, L - 4, 96): the windows that begin at each frame."""
        maps = self.picture(frames.flatten(0, 1).contiguous(memory_format=torch.channels_last))
        readings = self.read(maps).unflatten(0, frames.shape[:2])
        windows = readings.unfold(1, FRAMES, 1).transpose(2, 3).flatten(2)
        return F.normalize(self.join(windows).float(), dim=-1)

    def audio(self, windows: torch.Tensor) -> torch.Tensor:
        """(N, 40, 16) log-mel energies (`spfem_baselines.supervisors.speech`) -> (N, 96) of unit length."""
        return F.normalize(self.heard(self.sound((windows - self.mean) * self.scale)).float(), dim=1)


def lower_face(images: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """The pictures that the network reads, cut so that gradients reach the images.

    Args:
        images: (N, 3, H, W).
        points: (N, 68, 2) px in the order of iBUG 300-W, pixel centres at whole numbers.

    Returns:
        (N, 3, 64, 64): bilinear; beyond the image its border goes on.
    """
    own = points[:, list(RIGID)].double()
    matrix = _similarity(torch.tensor(PLACES, dtype=torch.float64, device=points.device), own)
    steps = torch.arange(64, dtype=torch.float64, device=points.device)
    x, y = torch.meshgrid(steps, steps, indexing="xy")
    at = torch.einsum("nij,yxj->nyxi", matrix, torch.stack([x, y, torch.ones_like(x)], dim=-1))
    size = torch.tensor([images.shape[3], images.shape[2]], dtype=torch.float64, device=points.device)
    grid = ((2 * at + 1) / size - 1).to(images.dtype)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _similarity(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(N, 2, 3) rotation, scale and shift from (K, 2) to (N, K, 2), least squares (Umeyama 1991)."""
    here, there = torch.view_as_complex(source.contiguous()), torch.view_as_complex(target.contiguous())
    middle, goal = here.mean(), there.mean(dim=1)
    centred = here - middle
    factor = (centred.conj() * (there - goal[:, None])).sum(1) / centred.abs().square().sum()
    shift = goal - factor * middle
    rows = [(factor.real, -factor.imag, shift.real), (factor.imag, factor.real, shift.imag)]
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def _over_time(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(inside, outside, 5, stride, 2), nn.GroupNorm(8, outside), nn.GELU())

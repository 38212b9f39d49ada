"""The generator: frames, sound and a style in; a motion, a mask and a paint out.

Motion and appearance are kept apart, as in first-order motion models (Siarohin et al. 2019): a field of
displacements moves the source's own pixels, and a soft mask says where new ones are painted (an opened mouth,
teeth, folds). The style enters by adaptive group normalisation (Huang and Belongie 2017; Karras et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from spfem_baselines.backbone.crops import window

CONTEXT = 3
"""Frames that the edit of one frame sees: the one before, itself, the one after."""
EMOTIONS = 7
SOUND = (40, 16)
"""Rows and columns of a frame's log-mel energies (`spfem_baselines.supervisors.speech`)."""
TEXT = 96
"""D of a caption's embedding by the supervisor ``clip``."""

# Log-mel energies of rendered and recorded speech lie between -11.5 (silence) and about 2.
_SOUND_MEAN, _SOUND_SPREAD = -6.0, 4.0
_FINE = 16
"""Channels at the crop's own size."""
_USUAL = 24
"""Planes of what a style usually does."""
_REACH = 0.25
"""Longest motion along either axis, in sides of the crop."""
_GAIN = 0.1
"""On what the motion's convolution says: a step of Adam moves each of its weights alike, and some 300 of them
together would throw the face across the crop."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the networks.

    Args:
        side: S of the crops in pixels, a power of two.
        widths: channels at S/2, S/4, ... of generator, style encoder and discriminator.
        depth: residual blocks at the coarsest size.
        style: D of a style.
        sound: D of a frame's sound.
    """

    side: int = 64
    widths: tuple[int, ...] = (32, 64, 96)
    depth: int = 3
    style: int = 64
    sound: int = 48

    def __post_init__(self) -> None:
        if self.side < 32 or self.side & (self.side - 1) or self.side >> len(self.widths) < 4:
            raise ValueError(
                f"{len(self.widths)} halvings of {self.side} px: give a power of two that leaves 4 px"
            )
        if any(width % 8 for width in self.widths):
            raise ValueError(
                f"widths {self.widths} are not all multiples of 8, the groups of a normalisation"
            )


class Edit(NamedTuple):
    """What the generator says of each frame.

    Attributes:
        flow: (B, T, 2, S, S) in crop pixels, x then y: from how far away each pixel takes its value.
        mask: (B, T, 1, S, S) in 0..1, the share of each pixel that is painted.
        colour: (B, T, 3, S, S) in -1..1, the paint.
    """

    flow: torch.Tensor
    mask: torch.Tensor
    colour: torch.Tensor


class Modulated(nn.Module):
    """Two 3x3 convolutions beside an identity, each after a normalisation that the condition scales."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.norm = nn.GroupNorm(8, channels, affine=False)
        self.say = nn.Linear(condition, 4 * channels)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W), (N, D) -> (N, C, H, W)."""
        scale, shift, scale2, shift2 = self.say(condition)[:, :, None, None].chunk(4, dim=1)
        inner = self.first(F.silu(self.norm(x) * (1 + scale) + shift))
        added: torch.Tensor = self.second(F.silu(self.norm(inner) * (1 + scale2) + shift2))
        return x + added


class Sound(nn.Module):
    """(N, 40, 16) log-mel energies around a frame -> (N, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        rows, columns = SOUND
        self.over_time = nn.Sequential(
            nn.Conv1d(rows, width, 5, padding=2), nn.SiLU(), nn.Conv1d(width, width, 5, 2, 2), nn.SiLU()
        )
        self.whole = nn.Linear(width * columns // 2, width)

    def forward(self, energies: torch.Tensor) -> torch.Tensor:
        """Energies -> a vector."""
        vector: torch.Tensor = self.whole(self.over_time((energies - _SOUND_MEAN) / _SOUND_SPREAD).flatten(1))
        return vector


class Usual(nn.Module):
    """What a style usually does, and where: (N, D) styles -> (N, C, s, s), C the coarsest channels.

    Crops are aligned, so an expression's mean change is a map that depends on the style alone; the rest of
    the generator makes it fit the face. The maps are twice as fine as the coarsest size.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        widths = shape.widths
        self.side = (shape.side >> len(widths)) * (2 if len(widths) > 1 else 1)
        self.maps = nn.Linear(shape.style, _USUAL * self.side * self.side)
        self.spread = nn.Conv2d(_USUAL, widths[-1], 1)
        self.fine = nn.Conv2d(widths[-1], widths[max(0, len(widths) - 2)], 1)

    def forward(self, style: torch.Tensor) -> torch.Tensor:
        """Styles -> maps."""
        planes = self.maps(style).view(len(style), _USUAL, self.side, self.side)
        spread: torch.Tensor = self.spread(planes)
        return spread


class Generator(nn.Module):
    """Edits clips: see the module.

    Args:
        shape: sizes.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        widths, condition = shape.widths, shape.style + shape.sound
        self.sound = Sound(shape.sound)
        self.enter = nn.Conv2d(3 * CONTEXT, widths[0], 4, 2, 1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(widths))
        self.before = nn.ModuleList(Modulated(width, condition) for width in widths)
        self.middle = nn.ModuleList(Modulated(widths[-1], condition) for _ in range(shape.depth - 1))
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.after = nn.ModuleList(Modulated(width, condition) for width in widths[:-1])
        self.usual = Usual(shape)
        self.motion = nn.Conv2d(widths[0], 2, 3, padding=1)
        self.paint = nn.Conv2d(widths[0], _FINE, 1)
        self.fine = nn.Conv2d(_FINE + 3 * CONTEXT, _FINE, 3, padding=1)
        self.finish = nn.Conv2d(_FINE, 4, 3, padding=1)
        self.register_buffer("window", torch.from_numpy(window(shape.side)), persistent=False)
        self._begin_still()

    def forward(self, frames: torch.Tensor, style: torch.Tensor, sound: torch.Tensor) -> Edit:
        """The edit of every frame.

        Args:
            frames: (B, T, 3, S, S) in -1..1; the first and last see themselves for what lies beyond.
            style: (B, D) of the target.
            sound: (B, T, 40, 16) log-mel energies around each frame.
        """
        batch, length = frames.shape[:2]
        seen = in_context(frames).flatten(0, 1)
        edit = self.edit(seen, style.repeat_interleave(length, 0), sound.flatten(0, 1))
        return Edit(*(part.reshape(batch, length, *part.shape[1:]) for part in edit))

    def edit(self, seen: torch.Tensor, style: torch.Tensor, sound: torch.Tensor) -> Edit:
        """The edit of single frames in their context.

        Args:
            seen: (N, 9, S, S) in -1..1, each the frame before, the frame, the frame after.
            style: (N, D).
            sound: (N, 40, 16).

        Returns:
            The edit, without the axis of time.
        """
        seen = seen.contiguous(memory_format=torch.channels_last)
        condition = torch.cat([style, self.sound(sound).to(style.dtype)], dim=1)
        features = self._features(seen, condition, self.usual(style))
        half = _REACH * self.shape.side * torch.tanh(_GAIN * self.motion(features).float())
        flow, wide = enlarged(half), enlarged(self.paint(features))
        painted = self.finish(F.silu(self.fine(torch.cat([wide, seen.to(wide.dtype)], dim=1)))).float()
        edge = self.get_buffer("window")
        return Edit(flow * edge, torch.sigmoid(painted[:, :1]) * edge, torch.tanh(painted[:, 1:]))

    def _features(self, x: torch.Tensor, condition: torch.Tensor, usual: torch.Tensor) -> torch.Tensor:
        """(N, 9, S, S) -> (N, C, S/2, S/2) by way of the coarsest size and back, the usual added."""
        kept = [self.before[0](self.enter(x), condition)]
        for down, block in zip(self.down, list(self.before)[1:], strict=True):
            kept.append(block(down(kept[-1]), condition))
        found: torch.Tensor = kept.pop()
        found = found + F.interpolate(usual, size=found.shape[-2:], mode="area")
        for block in self.middle:
            found = block(found, condition)
        for up, block, skip in zip(reversed(self.up), reversed(self.after), reversed(kept), strict=True):
            found = enlarged(up(found)) + skip
            if found.shape[-1] == usual.shape[-1]:
                found = found + self.usual.fine(usual)
            found = block(found, condition)
        return found

    @torch.no_grad()
    def _begin_still(self) -> None:
        """No motion and little paint at first: training starts from the source itself."""
        for bias in (self.motion.bias, self.finish.bias):
            if bias is not None:
                bias.zero_()
        if self.finish.bias is not None:
            self.finish.bias[0] = -2.0


def enlarged(maps: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> (N, C, 2 H, 2 W), bilinear: shuffled channels would leave a checkerboard of dots."""
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def in_context(frames: torch.Tensor) -> torch.Tensor:
    """(B, T, C, H, W) -> (B, T, 3 C, H, W): the frame before, the frame, the frame after; ends repeat."""
    before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    after = torch.cat([frames[:, 1:], frames[:, -1:]], dim=1)
    return torch.cat([before, frames, after], dim=2)


def composed(frames: torch.Tensor, edit: Edit) -> torch.Tensor:
    """The edited frames: moved pixels, painted over where the mask says.

    Args:
        frames: (B, T, 3, S, S) in -1..1.
        edit: of the same frames.

    Returns:
        (B, T, 3, S, S) in -1..1.
    """
    side = frames.shape[-1]
    steps = torch.arange(side, device=frames.device, dtype=torch.float32)
    rest = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)
    places = (2 * (rest + edit.flow.float().flatten(0, 1).permute(0, 2, 3, 1)) + 1) / side - 1
    moved = F.grid_sample(
        frames.float().flatten(0, 1).contiguous(), places, padding_mode="border", align_corners=False
    )
    return torch.lerp(moved.view_as(frames), edit.colour, edit.mask)

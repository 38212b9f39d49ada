"""What the papers' CSIM looks with: the extractor ``efficientface``, an expression network on whole frames.

As CDRL's ``metrics/csim.py`` computes it: every frame, with or without a face, short side 256 px by PIL's
antialiased bilinear resize, the middle 224 px, normalised channel by channel as in its training;
the 1024 means before the classifier of seven expressions. They are none below 0, so the cosine of any two
faces is well above 0. The papers give it aligned face crops of 256 px with the background masked; what a
clip's frames are is the caller's to see to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from spfem_metrics.media import Media
from spfem_metrics.networks.checkpoints import fill, prefixed
from spfem_metrics.networks.chunks import CHUNK, Chunked, Forward, checked_chunk, prepared
from spfem_metrics.networks.files import digest8, model_file
from spfem_metrics.networks.pil_frames import Centre, FramesPass, Mask, checked_mask
from spfem_metrics.networks.random_weights import random_state

if TYPE_CHECKING:
    import torch

CROP = Centre(short=256, side=224, mode="RGB")
WIDTH = 1024
MEAN, STD = (0.57535914, 0.44928582, 0.40079932), (0.20735591, 0.18981615, 0.18132027)


def efficientface(
    *, weights: Mapping[str, Path], device: str = "cpu", mask: Mask = "none", chunk: int = CHUNK
) -> EfficientFaceFeatures:
    """The extractor ``efficientface``.

    Args:
        weights: ``model``: ``EfficientFace_Trained_on_AffectNet7.pth.tar``, or the same tensors as
            safetensors.
        device: a torch device.
        mask: ``given`` where the frames come with all but the face masked, as the papers score them. Nothing
            is computed; it enters the definition.
        chunk: frames in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, another mask, or an impossible ``chunk``.
        WeightsError: missing or, with the first clip, not this network.
    """
    model = model_file(weights, "efficientface", "EfficientFace_Trained_on_AffectNet7.pth.tar")
    return EfficientFaceFeatures(model, device, checked_mask(mask), checked_chunk(chunk))


@dataclass(frozen=True)
class EfficientFaceFeatures:
    """Arrays: ``features`` (T, 1024) float32, none below 0, and ``valid`` (T,) bool, always true."""

    model: Path
    device: str = "cpu"
    mask: Mask = "none"
    chunk: int = CHUNK
    name: str = "efficientface"
    requires: tuple[str, ...] = ()

    @cached_property
    def definition(self) -> str:
        """Network, digest, crop, normalisation, mask, chunk."""
        return (
            f"efficientface-affectnet7@{digest8(self.model)},mean-before-fc-{WIDTH},{CROP.words},"
            f"norm:mean.5754-.4493-.4008-std.2074-.1898-.1813,mask:{self.mask},chunk{self.chunk}"
        )

    def start(self, media: Media) -> FramesPass:
        """Begin a clip; the first loads the network."""
        del media
        return FramesPass(Chunked(self._forward, self.device, WIDTH, self.chunk), CROP.of, "features")

    @cached_property
    def _forward(self) -> Forward:
        from spfem_metrics.networks.architectures.efficientface import EfficientFace

        return embed(prepared(fill(EfficientFace(), self.model), self.device))


def embed(network: torch.nn.Module) -> Forward:
    """The forward function: (N, 224, 224, 3) uint8 RGB -> (N, 1024)."""
    import torch

    def forward(crops: torch.Tensor) -> torch.Tensor:
        """Crops through the network."""
        mean, std = (torch.tensor(v, device=crops.device).view(3, 1, 1) for v in (MEAN, STD))
        found: torch.Tensor = network((crops.permute(0, 3, 1, 2).float() / 255 - mean) / std)
        return found

    return forward


def random_file(path: Path, seed: int) -> None:
    """A file of the published form (``state_dict`` in a checkpoint, prefixed), with seeded random weights."""
    import torch

    from spfem_metrics.networks.architectures.efficientface import EfficientFace

    with torch.device("meta"):
        network = EfficientFace()
    torch.save({"state_dict": prefixed(random_state(network, seed))}, path)

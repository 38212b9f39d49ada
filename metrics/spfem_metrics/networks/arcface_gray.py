"""What the papers' FAD looks with: the extractor ``arcface-gray``, ArcFace's ResNet-18 on gray frames.

As CDRL's ``metrics/fid.py --model resnet_face18`` computes it: every frame, with or without a face, in PIL's
luma, short side 164 px by antialiased bilinear resize, the middle 128 px, (x - 0.5) / 0.5; 512 values after
the last normalisation, not brought to unit length and not summed with the mirror image. The papers give it
aligned face crops of 256 px with the background masked; what a clip's frames are is the caller's to see to.
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
from spfem_metrics.networks.random_weights import random_state, save_state

if TYPE_CHECKING:
    import torch

CROP = Centre(short=164, side=128, mode="L")
WIDTH = 512


def arcface_gray(
    *, weights: Mapping[str, Path], device: str = "cpu", mask: Mask = "none", chunk: int = CHUNK
) -> ArcFaceGray:
    """The extractor ``arcface-gray``.

    Args:
        weights: ``model``: ``resnet18_110.pth`` of arcface-pytorch, or the same tensors as safetensors.
        device: a torch device.
        mask: ``given`` where the frames come with all but the face masked, as the papers score them. Nothing
            is computed; it enters the definition.
        chunk: frames in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, another mask, or an impossible ``chunk``.
        WeightsError: missing or, with the first clip, not this network.
    """
    model = model_file(weights, "arcface-gray", "resnet18_110.pth")
    return ArcFaceGray(model, device, checked_mask(mask), checked_chunk(chunk))


@dataclass(frozen=True)
class ArcFaceGray:
    """Arrays: ``features`` (T, 512) float32, not of unit length, and ``valid`` (T,) bool, always true."""

    model: Path
    device: str = "cpu"
    mask: Mask = "none"
    chunk: int = CHUNK
    name: str = "arcface-gray"
    requires: tuple[str, ...] = ()

    @cached_property
    def definition(self) -> str:
        """Network, digest, crop, input range, mask, chunk."""
        return (
            f"arcface-resnet18-gray@{digest8(self.model)},bn5-{WIDTH},{CROP.words},input:(x/255-.5)/.5,"
            f"mask:{self.mask},chunk{self.chunk}"
        )

    def start(self, media: Media) -> FramesPass:
        """Begin a clip; the first loads the network."""
        del media
        return FramesPass(Chunked(self._forward, self.device, WIDTH, self.chunk), CROP.of, "features")

    @cached_property
    def _forward(self) -> Forward:
        from spfem_metrics.networks.architectures.arcface_resnet18 import ArcFaceResNet18

        return embed(prepared(fill(ArcFaceResNet18(), self.model), self.device))


def embed(network: torch.nn.Module) -> Forward:
    """The forward function: (N, 128, 128, 1) uint8 luma -> (N, 512)."""

    def forward(crops: torch.Tensor) -> torch.Tensor:
        """Crops through the network."""
        found: torch.Tensor = network((crops.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5)
        return found

    return forward


def random_file(path: Path, seed: int) -> None:
    """A file of the published form, names with the prefix ``module.``, with seeded random weights."""
    import torch

    from spfem_metrics.networks.architectures.arcface_resnet18 import ArcFaceResNet18

    with torch.device("meta"):
        network = ArcFaceResNet18()
    save_state(prefixed(random_state(network, seed)), path)

"""Who it is: the extractor ``identity`` by MobileFaceNet.

Measured on real clips (YuNet's points): cosine .86 +- .11 within a clip, .59 +- .19 between clips of a
person, .01 +- .10 between people, the largest .44. Read it against a clip's own real-to-real level, since
expression and pose lower it. The detector matters: aligned by MTCNN and by YuNet, the same face agrees with
itself at .95.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Arrays
from spfem_metrics.faces.alignment import align
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.chunks import CHUNK, Chunked, Forward, checked_chunk, prepared
from spfem_metrics.networks.files import digest8, load_strict, model_file, state_dict

if TYPE_CHECKING:
    import torch

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def identity(
    *, weights: Mapping[str, Path], device: str = "cpu", chunk: int = CHUNK, **options: object
) -> Identity:
    """The extractor ``identity``; it needs ``faces``.

    Args:
        weights: ``model``: ``mobilefacenet.pt`` or the same tensors as safetensors.
        device: a torch device.
        chunk: crops in a batch; it moves low bits and enters the definition.
        **options: no others are taken.

    Raises:
        DefinitionError: no ``model``, or another option was given.
        WeightsError: missing or, with the first clip, not this network.
    """
    if options:
        raise DefinitionError(f"identity takes the option chunk, not {sorted(options)}")
    return Identity(model_file(weights, "identity", "mobilefacenet.pt"), device, checked_chunk(chunk))


@dataclass(frozen=True)
class Identity:
    """Arrays: ``embedding`` (T, 128) float32, L2-normalised, and ``valid`` (T,) bool (a face was found).

    The embedding is the normalised sum of the network's features of the aligned crop and of its mirror image.
    """

    model: Path
    device: str = "cpu"
    chunk: int = CHUNK
    name: str = "identity"
    requires: tuple[str, ...] = ("faces",)

    @cached_property
    def definition(self) -> str:
        """Network, digest, alignment, normalisation, flip, chunk."""
        digest = digest8(self.model)
        rule = "points5-similarity112,bilinear,imagenet-norm,flip-sum,l2"
        return f"mobilefacenet@{digest},{rule},chunk{self.chunk}"

    def start(self, media: Media) -> IdentityPass:
        """Begin a clip; the first loads the network."""
        del media
        return IdentityPass(Chunked(self._forward, self.device, 128, self.chunk))

    @cached_property
    def _forward(self) -> Forward:
        from spfem_metrics.networks.architectures.mobilefacenet import MobileFaceNet

        network = MobileFaceNet()
        load_strict(network, state_dict(self.model), self.model)
        return embed(prepared(network, self.device))


class IdentityPass:
    """Aligns each face and embeds it."""

    def __init__(self, chunked: Chunked) -> None:
        self._chunked = chunked

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Align the faces of the next frames."""
        faces = upstream["faces"]
        for image, points, found in zip(batch.images, faces["points5"], faces["found"], strict=True):
            self._chunked.add(align(image, points.astype(float)) if found else None)

    def finish(self) -> Arrays:
        """``embedding`` and ``valid``."""
        embedding, valid = self._chunked.finish()
        return {"embedding": embedding, "valid": valid}


def embed(network: torch.nn.Module) -> Forward:
    """The forward function: (N, 112, 112, 3) uint8 RGB -> (N, 128) L2-normalised."""
    import torch
    from torch.nn import functional as F

    def forward(crops: torch.Tensor) -> torch.Tensor:
        """Crops through the network."""
        mean, std = (torch.tensor(v, device=crops.device).view(3, 1, 1) for v in (_MEAN, _STD))
        images = (crops.permute(0, 3, 1, 2).float() / 255 - mean) / std
        return F.normalize(network(images) + network(images.flip(3)))

    return forward

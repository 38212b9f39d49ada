"""Who it is, as facenet-pytorch sees it: the extractor ``facenet``, InceptionResnetV1 trained on VGGFace2.

The box of any ``faces`` extractor, its corners cut off to whole px and kept inside the picture, is resized to
160 px without regard to its shape and without turning the head upright; (x - 127.5) / 128; 512 values of unit
length. facenet-pytorch resizes in three ways, by the type of the picture it is given, and gives three crops
of one box (0.6 to 0.7 levels apart on the average where 700 px become 160), so each is a definition of its
own:

================  =========================================  ===========================
``crop``          resize                                     facenet-pytorch does so for
================  =========================================  ===========================
``pil-bilinear``  antialiased bilinear, rounded to 8 bits    PIL images
``cv2-area``      OpenCV's INTER_AREA, rounded to 8 bits     numpy arrays
``tensor-area``   adaptive average pooling, cut off to 8     torch tensors
                  bits
================  =========================================  ===========================
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Arrays
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.checkpoints import fill
from spfem_metrics.networks.chunks import CHUNK, Chunked, Forward, checked_chunk
from spfem_metrics.networks.files import digest8, model_file
from spfem_metrics.networks.random_weights import random_state, save_state

if TYPE_CHECKING:
    import torch

SIDE = 160
"""px of the network's input."""
WIDTH = 512
CLASSES = 8631
"""People in VGGFace2: the file holds the classifier too, which the embedding does not use."""

Picture = NDArray[np.uint8]
CropPath = Literal["pil-bilinear", "cv2-area", "tensor-area"]
Box = Literal["raw", "smoothed"]
_ARRAYS: Mapping[Box, str] = {"raw": "raw_box", "smoothed": "box"}


def facenet(
    *,
    weights: Mapping[str, Path],
    device: str = "cpu",
    crop: CropPath = "pil-bilinear",
    box: Box = "raw",
    chunk: int = CHUNK,
) -> FaceNet:
    """The extractor ``facenet``; it needs ``faces``.

    Args:
        weights: ``model``: ``20180402-114759-vggface2.pt``, or the same tensors as safetensors.
        device: a torch device.
        crop: a row of the module's table.
        box: ``raw``: as the detector gave it, which is facenet-pytorch's way; ``smoothed``: over time.
        chunk: crops in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, an unknown option, or facenet-pytorch is not installed.
        WeightsError: missing or, with the first clip, not this network.
    """
    if crop not in get_args(CropPath) or box not in _ARRAYS:
        raise DefinitionError(
            f"facenet takes crop {', '.join(get_args(CropPath))} and box raw or smoothed, "
            f"not {crop!r} and {box!r}"
        )
    if importlib.util.find_spec("facenet_pytorch") is None:
        raise DefinitionError("facenet needs facenet-pytorch: pip install 'spfem-bench[standard]'")
    model = model_file(weights, "facenet", "20180402-114759-vggface2.pt")
    return FaceNet(model, device, crop, box, checked_chunk(chunk))


@dataclass(frozen=True)
class FaceNet:
    """Arrays: ``embedding`` (T, 512) float32 of unit length, ``valid`` (T,) bool (a face with any pixels)."""

    model: Path
    device: str = "cpu"
    crop: CropPath = "pil-bilinear"
    box: Box = "raw"
    chunk: int = CHUNK
    name: str = "facenet"
    requires: tuple[str, ...] = ("faces",)

    @cached_property
    def definition(self) -> str:
        """Network, digest, box, crop, input range, chunk."""
        return (
            f"inception-resnet-v1-vggface2@{digest8(self.model)},box:{self.box}-int-margin0,"
            f"crop:{self.crop}{SIDE},input:(x-127.5)/128,l2,chunk{self.chunk}"
        )

    def start(self, media: Media) -> FaceNetPass:
        """Begin a clip; the first loads the network."""
        del media
        chunked = Chunked(self._forward, self.device, WIDTH, self.chunk)
        return FaceNetPass(chunked, CROPS[self.crop], _ARRAYS[self.box])

    @cached_property
    def _forward(self) -> Forward:
        return embed(load(self.model, self.device))


class FaceNetPass:
    """Cuts each face out and embeds it."""

    def __init__(self, chunked: Chunked, crop: Callable[[Picture], Picture], box: str) -> None:
        self._chunked, self._crop, self._box = chunked, crop, box

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Cut out the faces of the next frames."""
        faces = upstream["faces"]
        for image, box, found in zip(batch.images, faces[self._box], faces["found"], strict=True):
            part = cut_out(image, box.astype(float)) if found else None
            self._chunked.add(None if part is None else self._crop(part))

    def finish(self) -> Arrays:
        """``embedding`` and ``valid``."""
        embedding, valid = self._chunked.finish()
        return {"embedding": embedding, "valid": valid}


def cut_out(image: Picture, box: NDArray[np.floating]) -> Picture | None:
    """The part of an image inside a box, x0 y0 x1 y1 px cut off to whole px; None where that is nothing."""
    height, width = image.shape[:2]
    left, top = (int(max(corner, 0)) for corner in box[:2])
    right, bottom = int(min(box[2], width)), int(min(box[3], height))
    return image[top:bottom, left:right] if left < right and top < bottom else None


def pil_bilinear(part: Picture) -> Picture:
    """(h, w, 3) uint8 -> (160, 160, 3) uint8 by PIL."""
    from PIL import Image

    resized = Image.fromarray(part).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.uint8)


def cv2_area(part: Picture) -> Picture:
    """(h, w, 3) uint8 -> (160, 160, 3) uint8 by OpenCV (bilinear where a side grows)."""
    return np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def tensor_area(part: Picture) -> Picture:
    """(h, w, 3) uint8 -> (160, 160, 3) uint8 by torch's area, cut off to whole levels."""
    import torch
    from torch.nn import functional as F

    picture = torch.from_numpy(np.ascontiguousarray(part)).permute(2, 0, 1)[None].float()
    resized = F.interpolate(picture, size=(SIDE, SIDE), mode="area").byte()[0].permute(1, 2, 0)
    return np.ascontiguousarray(resized.numpy())


CROPS: Mapping[CropPath, Callable[[Picture], Picture]] = {
    "pil-bilinear": pil_bilinear,
    "cv2-area": cv2_area,
    "tensor-area": tensor_area,
}


def embed(network: torch.nn.Module) -> Forward:
    """The forward function: (N, 160, 160, 3) uint8 RGB -> (N, 512) of unit length."""

    def forward(crops: torch.Tensor) -> torch.Tensor:
        """Crops through the network, which normalises their length itself."""
        found: torch.Tensor = network((crops.permute(0, 3, 1, 2).float() - 127.5) / 128)
        return found

    return forward


def load(model: Path, device: str = "cpu") -> torch.nn.Module:
    """facenet-pytorch's network with a file's tensors, for inference on a device; nothing is downloaded.

    Raises:
        WeightsError: the file is not this network's.
    """
    import torch
    from facenet_pytorch.models.inception_resnet_v1 import BasicConv2d
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    network = fill(blank().to_empty(device="cpu"), model).eval().requires_grad_(False)
    for part in network.modules():
        if isinstance(part, BasicConv2d):
            part.conv, part.bn = fuse_conv_bn_eval(part.conv, part.bn), nn.Identity()
    network.classify = False  # type: ignore[assignment]
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def blank() -> torch.nn.Module:
    """The network by the names of its file, on the meta device; no random number is drawn."""
    import torch
    from facenet_pytorch import InceptionResnetV1

    with torch.device("meta"):
        return InceptionResnetV1(pretrained=None, classify=True, num_classes=CLASSES)  # type: ignore[no-any-return]


def random_file(path: Path, seed: int) -> None:
    """A file of the published form with seeded random weights."""
    save_state(random_state(blank(), seed), path)

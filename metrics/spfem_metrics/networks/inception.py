"""What FID looks with: the extractor ``inception-NAME``, features of the Inception network of 2015-12-05.

The network is the one of TensorFlow's release, as the package pytorch-fid has ported it (pooling over real
pixels only, max pooling in the last block), 2048 values per picture after the average pool. What FID numbers
of one network differ by is how a picture comes to 299 px, so each published way is a definition of its own:

==================  =============================================  ===============  ====================
``preprocessing``   resize to 299x299                              input range      as computed by
==================  =============================================  ===============  ====================
``pytorch-fid``     bilinear, half-pixel centres, no antialiasing  2x/255 - 1       pytorch-fid 0.3.0
``clean-fid``       bicubic, antialiased, not rounded to 8 bits    (x - 128) / 128  clean-fid 0.1 (clean)
``torch-fidelity``  TensorFlow 1's bilinear                        (x - 128) / 128  torch-fidelity 0.4
``torchmetrics``    bilinear, antialiased                          (x - 128) / 128  torchmetrics >= 1.8
==================  =============================================  ===============  ====================

Inception sees the background. Which part of a picture it gets moves the distance more than most methods do,
so the crop stands in the definition too.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Arrays
from spfem_metrics.faces.alignment import crop_square
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.chunks import CHUNK, Chunked, Forward, checked_chunk
from spfem_metrics.networks.files import digest8, load_strict, model_file, state_dict
from spfem_metrics.networks.random_weights import random_state, save_state
from spfem_metrics.networks.resizing import (
    Filter,
    bicubic_antialiased,
    bilinear,
    bilinear_antialiased,
    bilinear_tf1,
    resize,
)
from spfem_metrics.sampling import Frames, check_count, check_frames, taken, within, words

if TYPE_CHECKING:
    import torch

WIDTH = 2048
"""Values per picture."""
SIDE = 299
"""px of the network's input."""
FACE_SIDE = 256
"""px of a face's crop, before the resize to `SIDE`."""
FACTOR = 1.3
"""Side of a face's square crop over the longer side of its box, where the suite does not say."""

Preprocessing = Literal["pytorch-fid", "clean-fid", "torch-fidelity", "torchmetrics"]
Crop = Literal["frame", "face"]


@dataclass(frozen=True)
class Rule:
    """How a picture of 0..255 becomes the network's input.

    Args:
        kind: of the resize.
        words: the resize, as definitions name it.
        middle: subtracted, in levels.
        half: divided by, in levels.
    """

    kind: Filter
    words: str
    middle: float
    half: float


RULES: Mapping[Preprocessing, Rule] = {
    "pytorch-fid": Rule(bilinear, "bilinear-noaa", 127.5, 127.5),
    "clean-fid": Rule(bicubic_antialiased, "bicubic-aa-float-clip", 128.0, 128.0),
    "torch-fidelity": Rule(bilinear_tf1, "bilinear-tf1-noaa", 128.0, 128.0),
    "torchmetrics": Rule(bilinear_antialiased, "bilinear-aa", 128.0, 128.0),
}


def inception(
    *,
    weights: Mapping[str, Path],
    device: str = "cpu",
    preprocessing: Preprocessing = "pytorch-fid",
    crop: Crop = "frame",
    factor: float = FACTOR,
    frames: Frames = "all",
    chunk: int = CHUNK,
) -> Inception:
    """The extractor ``inception-PREPROCESSING``; with ``crop="face"`` it needs ``faces``.

    Args:
        weights: ``model``: ``pt_inception-2015-12-05-6726825d.pth`` or the same tensors as safetensors.
        device: a torch device.
        preprocessing: a row of the module's table.
        crop: ``frame``: the whole picture; ``face``: a square around the face's box, 256 px.
        factor: side of that square over the box's longer side.
        frames: read of each clip at most, evenly spaced as the metrics take them, or ``all``. For whole
            pictures only: which frames show a face is not known beforehand.
        chunk: pictures in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, an option out of range, or pytorch-fid is not installed.
        WeightsError: missing or, with the first clip, not this network.
    """
    if preprocessing not in RULES or crop not in get_args(Crop) or not factor > 0:
        raise DefinitionError(
            f"inception takes preprocessing {', '.join(RULES)}, crop frame or face, and a factor above 0, "
            f"not {preprocessing!r}, {crop!r}, {factor!r}"
        )
    check_frames(frames)
    if crop == "face" and frames != "all":
        raise DefinitionError(
            "inception reads all frames of a clip where it crops faces, so leave out `frames`"
        )
    for package in ("pytorch_fid", "torchvision"):
        if importlib.util.find_spec(package) is None:
            raise DefinitionError(f"inception needs {package}: pip install 'spfem-bench[standard]'")
    model = model_file(weights, "inception", "pt_inception-2015-12-05-6726825d.pth")
    return Inception(model, preprocessing, device, crop, factor, checked_chunk(chunk), frames)


@dataclass(frozen=True)
class Inception:
    """Arrays: ``features`` (T, 2048) float32 and ``valid`` (T,) bool (the frame had what is cropped).

    With ``frames`` both are (n, ...) of the n frames that are read, and ``frame`` (n,) int64 says which.
    """

    model: Path
    preprocessing: Preprocessing = "pytorch-fid"
    device: str = "cpu"
    crop: Crop = "frame"
    factor: float = FACTOR
    chunk: int = CHUNK
    frames: Frames = "all"

    @property
    def name(self) -> str:
        """Each preprocessing is another extractor, so that a suite can hold several."""
        return f"inception-{self.preprocessing}"

    @property
    def requires(self) -> tuple[str, ...]:
        """``faces``, where they are cropped."""
        return ("faces",) if self.crop == "face" else ()

    @cached_property
    def definition(self) -> str:
        """Network, digest, crop, frames where not all are read, resize, input range, chunk."""
        rule = RULES[self.preprocessing]
        frames = "" if self.frames == "all" else f",frames:{words(self.frames)}"
        crop = "frame" if self.crop == "frame" else f"face{FACE_SIDE}-square-box{self.factor:g}"
        return (
            f"inception-2015-12-05@{digest8(self.model)},pool3-{WIDTH},crop:{crop}{frames},resize:{rule.words}{SIDE},"
            f"input:(x-{rule.middle:g})/{rule.half:g},chunk{self.chunk}"
        )

    def start(self, media: Media) -> InceptionPass | ChosenPass:
        """Begin a clip; the first loads the network."""
        chunked = Chunked(self._forward, self.device, WIDTH, self.chunk)
        if self.frames != "all":
            return ChosenPass(chunked, taken(np.arange(media.frame_count), self.frames))
        return InceptionPass(chunked, self.factor if self.crop == "face" else None)

    @cached_property
    def _forward(self) -> Forward:
        network = load(self.model, self.device)
        return embed(network, RULES[self.preprocessing])


class InceptionPass:
    """Runs the network on the frames, or on their faces."""

    def __init__(self, chunked: Chunked, factor: float | None) -> None:
        self._chunked, self._factor = chunked, factor

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Take the next frames."""
        for picture in self._pictures(batch, upstream):
            self._chunked.add(picture)

    def finish(self) -> Arrays:
        """``features`` and ``valid``."""
        features, valid = self._chunked.finish()
        return {"features": features, "valid": valid}

    def _pictures(
        self, batch: FrameBatch, upstream: Mapping[str, Arrays]
    ) -> Iterable[NDArray[np.uint8] | None]:
        return batch.images if self._factor is None else _face_crops(batch, upstream["faces"], self._factor)


class ChosenPass:
    """Runs the network on some of the frames, given by their numbers."""

    def __init__(self, chunked: Chunked, chosen: NDArray[np.int64]) -> None:
        self._chunked, self._chosen = chunked, chosen

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Take the next frames."""
        del upstream
        own = within(self._chosen, batch.start, len(batch.images))
        for picture in batch.images[own]:  # a copy, so that no picture holds its whole batch
            self._chunked.add(picture)

    def finish(self) -> Arrays:
        """``features``, ``valid`` and ``frame``."""
        features, valid = self._chunked.finish()
        check_count("inception's frames", len(features), len(self._chosen))
        return {"features": features, "valid": valid, "frame": self._chosen}


def _face_crops(batch: FrameBatch, faces: Arrays, factor: float) -> Iterator[NDArray[np.uint8] | None]:
    """Each frame's face, None where it has none."""
    for image, box, found in zip(batch.images, faces["box"], faces["found"], strict=True):
        yield crop_square(image, box.astype(float), factor, FACE_SIDE) if found else None


def embed(network: torch.nn.Module, rule: Rule) -> Forward:
    """The forward function: (N, H, W, 3) uint8 RGB of any one size -> (N, 2048) float32."""

    def forward(crops: torch.Tensor) -> torch.Tensor:
        """Pictures through the network."""
        pictures = resize(crops.permute(0, 3, 1, 2).float(), (SIDE, SIDE), rule.kind).clamp_(0, 255)
        features: torch.Tensor = network((pictures - rule.middle) / rule.half)
        return features.flatten(1)

    return forward


def load(model: Path, device: str = "cpu") -> torch.nn.Module:
    """The network with a file's tensors, every one and no other, for inference on a device.

    Raises:
        WeightsError: the file is not this network's.
    """
    import torch

    network = blank()
    tensors = state_dict(model)
    # Counters of training steps, which files of before torch 0.4.1 lack and inference does not read.
    counters = {name for name in network.state_dict() if name.endswith("num_batches_tracked")}
    load_strict(network, {name: torch.tensor(0) for name in counters} | tensors, model)
    return _inference(network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def blank() -> torch.nn.Module:
    """The network by the names of its file, not yet filled: torchvision's, with pytorch-fid's blocks.

    pytorch-fid's own constructor would download its weights, so its blocks are put together here.
    """
    import torch
    from pytorch_fid import inception as blocks  # type: ignore[import-untyped]
    from torchvision.models import Inception3  # type: ignore[import-untyped]

    with torch.device("meta"):
        network = Inception3(num_classes=1008, aux_logits=False, init_weights=False)
        for place, width, pool in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
            setattr(network, f"Mixed_{place}", blocks.FIDInceptionA(width, pool_features=pool))
        for place, inner in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
            setattr(network, f"Mixed_{place}", blocks.FIDInceptionC(768, channels_7x7=inner))
        network.Mixed_7b = blocks.FIDInceptionE_1(1280)
        network.Mixed_7c = blocks.FIDInceptionE_2(2048)
    return network.to_empty(device="cpu")  # type: ignore[no-any-return]


_STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
_BODY = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")


def _inference(network: torch.nn.Module) -> torch.nn.Module:
    """From (N, 3, 299, 299) to (N, 2048, 1, 1), each normalisation folded into its convolution."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval
    from torchvision.models.inception import BasicConv2d  # type: ignore[import-untyped]

    for part in network.eval().modules():
        if isinstance(part, BasicConv2d):
            part.conv, part.bn = fuse_conv_bn_eval(part.conv, part.bn), nn.Identity()
    parts = [*_STEM, "maxpool2", *(f"Mixed_{place}" for place in _BODY), "avgpool"]
    return nn.Sequential(*(getattr(network, name) for name in parts)).requires_grad_(False)


def random_file(path: Path, seed: int) -> None:
    """A file of the published form with seeded random weights."""
    save_state(random_state(blank(), seed), path)

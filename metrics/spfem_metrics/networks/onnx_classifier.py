"""Any ONNX classifier of faces as an extractor ``emotion-NAME``: a network trained on MEAD, or another's.

All that moves its numbers is an option and stands in the definition: how a face is cut, resized and scaled,
what the outputs mean, which are dropped, how many crops share a batch. It runs on the CPU by onnxruntime with
`THREADS`, since how work is shared among threads moves low bits. Batches go through whole, several at
once where torch has several threads: each keeps to one thread, so that moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.beside import threads
from spfem_metrics.errors import DefinitionError, WeightsError
from spfem_metrics.labels import Classes
from spfem_metrics.media import Media
from spfem_metrics.networks.chunks import CHUNK, Chunked, Forward, checked_chunk
from spfem_metrics.networks.face_crops import ClassifyingPass, Crop, Image, checked_crop, cut
from spfem_metrics.networks.files import digest8, model_file

if TYPE_CHECKING:
    import torch

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

THREADS = 1
"""Threads of onnxruntime, whatever the machine has."""

Floats = NDArray[np.float32]
Scores = Literal["logits", "probabilities"]
"""What the network gives: softmax is applied to logits, probabilities are divided by their sum."""


def _by_cv2(how: int) -> Callable[[Image, int], Image]:
    return lambda image, size: np.asarray(cv2.resize(image, (size, size), interpolation=how), np.uint8)


def _by_pil(how: str) -> Callable[[Image, int], Image]:
    def resized(image: Image, size: int) -> Image:
        from PIL import Image as Pil

        return np.asarray(Pil.fromarray(image).resize((size, size), Pil.Resampling[how]))

    return resized


RESIZES: Mapping[str, Callable[[Image, int], Image]] = {
    "cv2-linear": _by_cv2(cv2.INTER_LINEAR),
    "cv2-area": _by_cv2(cv2.INTER_AREA),
    "pil-bilinear": _by_pil("BILINEAR"),
    "pil-bicubic": _by_pil("BICUBIC"),
}
"""A crop -> a square of so many px. PIL's antialias where they shrink, ``cv2-linear`` does not and skips
pixels."""


@dataclass(frozen=True)
class Picture:
    """How a face becomes the network's input, (3, size, size) float32.

    Args:
        size: side of the input in px.
        mean: subtracted from values in 0..1, for each channel in the input's order.
        std: divided by, likewise. A network of 0..255 has mean 0 and std 1/255.
        crop: see `spfem_metrics.networks.face_crops.Crop`.
        factor: size of the crop over that of the face's box.
        resize: one of `RESIZES`.
        order: of the channels.

    Raises:
        DefinitionError: an impossible value.
    """

    size: int = 224
    mean: Sequence[float] = IMAGENET_MEAN
    std: Sequence[float] = IMAGENET_STD
    crop: Crop = "square"
    factor: float = 1.0
    resize: str = "cv2-linear"
    order: Literal["RGB", "BGR"] = "RGB"

    def __post_init__(self) -> None:
        checked_crop(self.crop, self.factor)
        if self.resize not in RESIZES or self.order not in ("RGB", "BGR") or self.size < 1:
            raise DefinitionError(
                f"a picture has a size of 1 px or more, an order RGB or BGR, and a resize among "
                f"{', '.join(RESIZES)}, not {self.size!r}, {self.order!r}, {self.resize!r}"
            )
        if len(self.mean) != 3 or len(self.std) != 3 or not all(value > 0 for value in self.std):
            raise DefinitionError("mean and std are three numbers each, those of std above 0")

    @property
    def definition(self) -> str:
        """Crop, resize, order of channels, scale."""
        mean, std = ("/".join(f"{value:g}" for value in values) for values in (self.mean, self.std))
        crop = checked_crop(self.crop, self.factor)
        return f"crop:{crop},resize:{self.resize}{self.size},{self.order},mean:{mean},std:{std}"

    def crop_of(self, image: Image, box: NDArray[np.floating]) -> Image:
        """(size, size, 3) uint8 RGB of the face in a frame."""
        return RESIZES[self.resize](cut(image, box, self.crop, self.factor), self.size)

    def tensor(self, crops: NDArray[np.uint8]) -> Floats:
        """(N, 3, size, size) float32, each level scaled in float64 and rounded once."""
        ordered = crops if self.order == "RGB" else crops[..., ::-1]
        levels = np.arange(256) / 255
        scaled = [
            ((levels - mean) / std).astype(np.float32)[ordered[..., channel]]
            for channel, (mean, std) in enumerate(zip(self.mean, self.std, strict=True))
        ]
        return np.stack(scaled, axis=1)


def onnx_classifier(
    *,
    weights: Mapping[str, Path],
    device: str = "cpu",
    name: str,
    classes: Mapping[str, Any],
    picture: Mapping[str, Any] | None = None,
    scores: Scores = "logits",
    chunk: int = CHUNK,
) -> OnnxClassifier:
    """The extractor ``emotion-NAME``; it needs ``faces``.

    Args:
        weights: ``model``: an ONNX file in one piece, of one input (N, 3, H, W) float32 and a first output
            (N, K).
        device: ignored: onnxruntime runs on the CPU.
        name: of the network, in lower case; the extractor is named after it.
        classes: arguments of `spfem_metrics.labels.Classes`: ``outputs``, ``vocabulary``, ``drop``.
        picture: arguments of `Picture`; what is left out is ImageNet's.
        scores: what the network gives.
        chunk: crops in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, or an option out of range.
        WeightsError: missing or, with the first clip, not such a network.
    """
    del device
    if scores not in get_args(Scores):
        raise DefinitionError(f"scores are logits or probabilities, not {scores!r}")
    model = model_file(weights, f"emotion-{name}", "an ONNX classifier")
    meant, seen = Classes(**classes), Picture(**(picture or {}))
    return OnnxClassifier(f"emotion-{name}", model, meant, seen, scores, checked_chunk(chunk))


@dataclass(frozen=True)
class OnnxClassifier:
    """Arrays: ``probabilities`` (T, C) float32, columns as ``classes.labels``, and ``valid`` (T,) bool.

    Args:
        name: of the extractor.
        model: the ONNX file.
        classes: what the outputs mean.
        picture: what the network sees.
        scores: what it gives.
        chunk: crops in a batch.
        network: its name in the definition; that of the extractor where empty.
    """

    name: str
    model: Path
    classes: Classes
    picture: Picture = field(default_factory=Picture)
    scores: Scores = "logits"
    chunk: int = CHUNK
    network: str = ""
    requires: tuple[str, ...] = ("faces",)

    @cached_property
    def definition(self) -> str:
        """Network, digest, picture, classes, what is made of the scores, threads, chunk."""
        network = f"{self.network or self.name.removeprefix('emotion-')}@{digest8(self.model)}"
        rule = "softmax" if self.scores == "logits" else "renormalised"
        parts = (network, self.picture.definition, self.classes.definition, rule)
        return f"{','.join(parts)},onnxruntime-threads{THREADS},chunk{self.chunk}"

    def start(self, media: Media) -> ClassifyingPass:
        """Begin a clip; the first loads the network."""
        del media
        chunked = Chunked(self._forward, "cpu", len(self.classes.labels), self.chunk, threads())
        return ClassifyingPass(chunked, self.picture.crop_of)

    @cached_property
    def _forward(self) -> Forward:
        run = open_network(self.model, self.picture.size)

        def forward(crops: torch.Tensor) -> torch.Tensor:
            """Crops through the network."""
            import torch

            given = run(self.picture.tensor(crops.numpy()))
            return torch.from_numpy(probabilities(given, self.classes, self.scores, self.model))

        return forward


def probabilities(given: Floats, classes: Classes, scores: Scores, model: Path) -> Floats:
    """(N, K) outputs -> (N, C) float32 probabilities of ``classes.labels``; dropped outputs take no share.

    Raises:
        WeightsError: not one number for every named output, not finite, or not probabilities.
    """
    if given.ndim != 2 or given.shape[1] != len(classes.outputs):
        raise WeightsError(
            f"{model}: gives an array {given.shape} where {len(classes.outputs)} numbers a crop are named: "
            "name every output, and drop those that are no classes"
        )
    if not np.isfinite(given).all():
        raise WeightsError(f"{model}: gives a number that is not finite for a crop of a face")
    kept = given[:, list(classes.columns)].astype(np.float64)
    shares = np.exp(kept - kept.max(axis=1, keepdims=True)) if scores == "logits" else kept
    total = shares.sum(axis=1, keepdims=True)
    if (shares < 0).any() or not (total > 0).all():
        raise WeightsError(f"{model}: gives numbers that are no probabilities; are they logits?")
    return np.asarray(shares / total, np.float32)


def open_network(model: Path, size: int) -> Callable[[Floats], Floats]:
    """An ONNX network as a function (N, 3, size, size) float32 -> its first output.

    A network exported for one picture at a time (a fixed batch of 1) is fed so.

    Raises:
        WeightsError: unreadable, in several files, or of another input.
    """
    session = _session(model)
    inputs = session.get_inputs()
    shape = list(inputs[0].shape) if len(inputs) == 1 else []
    fits = len(shape) == 4 and all(
        not isinstance(has, int) or has == wants
        for has, wants in zip(shape, (shape[0] if shape[0] == 1 else -1, 3, size, size), strict=True)
    )
    if not fits or inputs[0].type != "tensor(float)":
        has = ", ".join(f"{one.type} {one.shape}" for one in inputs)
        raise WeightsError(f"{model}: takes {has}, not one float tensor (N, 3, {size}, {size})")

    def run(batch: Floats) -> Floats:
        """One batch, in one go or picture by picture."""
        parts = np.split(batch, len(batch)) if shape[0] == 1 else [batch]
        given = [session.run([session.get_outputs()[0].name], {inputs[0].name: part})[0] for part in parts]
        return np.concatenate(given)

    return run


def _session(model: Path) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    # A thread that spins while it waits takes the core from the other networks and from decoding.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # No such folder: tensors in a second file would lie outside the digest that the definition names.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", f"{model}/none")
    known = (raised.Fail, raised.InvalidArgument, raised.InvalidGraph, raised.InvalidProtobuf)
    try:
        return onnxruntime.InferenceSession(model.read_bytes(), options, providers=["CPUExecutionProvider"])
    except (*known, raised.NotImplemented, raised.RuntimeException) as error:
        raise WeightsError(f"{model}: {_why(str(error))}") from error


def _why(error: str) -> str:
    if "External data" in error:
        return "keeps its tensors in a second file; save the network as one, so that its digest covers them"
    return f"not a readable ONNX network ({error.splitlines()[0][:150] if error else 'no message'})"

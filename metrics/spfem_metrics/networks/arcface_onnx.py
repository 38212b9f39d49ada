"""Who it is, as InsightFace sees it: the extractor ``arcface`` by an ArcFace network in ONNX.

Five points of any ``faces`` extractor are brought to ArcFace's template in 112 px (the similarity of least
squares, bilinear, black outside); (x - 127.5) / 127.5, RGB; 512 values, here of unit length. InsightFace
takes the points from its own detector, whose version and input size move them, and other points are other
embeddings (one face aligned in two ways agrees with itself at .90 to .95): the detector stands in the
signature.

The published networks (``w600k_r50.onnx`` of the pack buffalo_l) are licensed for non-commercial research
only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spfem_metrics.beside import threads
from spfem_metrics.errors import DefinitionError, WeightsError
from spfem_metrics.extractor import Arrays
from spfem_metrics.faces.alignment import align
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.chunks import CHUNK, Chunked, Forward, checked_chunk
from spfem_metrics.networks.files import digest8, model_file
from spfem_metrics.networks.onnx_classifier import THREADS, open_network
from spfem_metrics.networks.random_weights import random_tensor

if TYPE_CHECKING:
    import torch

SIDE = 112
WIDTH = 512


def arcface(*, weights: Mapping[str, Path], device: str = "cpu", chunk: int = CHUNK) -> ArcFace:
    """The extractor ``arcface``; it needs ``faces``.

    Args:
        weights: ``model``: ``w600k_r50.onnx``, or another ArcFace network of (N, 3, 112, 112) to (N, 512).
        device: taken for the factories' common form; onnxruntime runs on the CPU.
        chunk: crops in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, or an impossible ``chunk``.
        WeightsError: missing or, with the first clip, not such a network.
    """
    del device
    return ArcFace(model_file(weights, "arcface", "w600k_r50.onnx"), checked_chunk(chunk))


@dataclass(frozen=True)
class ArcFace:
    """Arrays: ``embedding`` (T, 512) float32 of unit length, and ``valid`` (T,) bool (a face was found)."""

    model: Path
    chunk: int = CHUNK
    name: str = "arcface"
    requires: tuple[str, ...] = ("faces",)

    @cached_property
    def definition(self) -> str:
        """Network, digest, alignment, input range, threads, chunk."""
        return (
            f"arcface-onnx@{digest8(self.model)},points5-similarity{SIDE},bilinear,border0,"
            f"input:(x-127.5)/127.5-rgb,l2,onnxruntime-threads{THREADS},chunk{self.chunk}"
        )

    def start(self, media: Media) -> ArcFacePass:
        """Begin a clip; the first loads the network."""
        del media
        return ArcFacePass(Chunked(self._forward, "cpu", WIDTH, self.chunk, threads()))

    @cached_property
    def _forward(self) -> Forward:
        return embed(self.model)


class ArcFacePass:
    """Aligns each face and embeds it."""

    def __init__(self, chunked: Chunked) -> None:
        self._chunked = chunked

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Align the faces of the next frames."""
        faces = upstream["faces"]
        for image, points, found in zip(batch.images, faces["points5"], faces["found"], strict=True):
            self._chunked.add(align(image, points.astype(float), SIDE) if found else None)

    def finish(self) -> Arrays:
        """``embedding`` and ``valid``."""
        embedding, valid = self._chunked.finish()
        return {"embedding": embedding, "valid": valid}


def embed(model: Path) -> Forward:
    """The forward function of a file: (N, 112, 112, 3) uint8 RGB -> (N, 512) of unit length.

    Raises:
        WeightsError: the file is no network of 112 px faces; when called, not one to 512 finite values.
    """
    import torch

    network = open_network(model, SIDE)

    def forward(crops: torch.Tensor) -> torch.Tensor:
        """Crops through the network."""
        blob = (crops.numpy().transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 127.5
        found = np.asarray(network(np.ascontiguousarray(blob)), np.float32)
        if found.shape != (len(crops), WIDTH) or not np.isfinite(found).all():
            raise WeightsError(f"{model}: gives no finite ({len(crops)}, {WIDTH}) for {len(crops)} faces")
        return torch.nn.functional.normalize(torch.from_numpy(found))

    return forward


R50 = ((64, 3), (128, 4), (256, 14), (512, 3))
"""Channels and blocks of the stages of the published network, IResNet-50."""


def random_file(path: Path, seed: int, stages: Sequence[tuple[int, int]] = R50) -> None:
    """An ONNX file of the published network's form with seeded random weights.

    Args:
        path: is replaced.
        seed: of every number.
        stages: channels and blocks of each stage, where a smaller network of the same form will do.

    Raises:
        DefinitionError: the package onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise DefinitionError("random ArcFace weights need the package onnx: pip install onnx") from error
    graph = _Graph(seed)
    graph.body(stages)
    faces, embeddings = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", *shape])
        for name, shape in (("input.1", [3, SIDE, SIDE]), (graph.last, [WIDTH]))
    )
    made = onnx.helper.make_graph(graph.nodes, "arcface", [faces], [embeddings], graph.tensors)
    # Versions that onnxruntime has read for years.
    opset = [onnx.helper.make_opsetid("", 14)]
    onnx.save(onnx.helper.make_model(made, opset_imports=opset, ir_version=7), str(path))


class _Graph:
    """IResNet (Duta et al. 2020) node by node; `last` is the newest output."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self.last = "input.1"
        self._seed = seed

    def body(self, stages: Sequence[tuple[int, int]]) -> None:
        """Stem, stages, and the projection to 512 values."""
        self._conv(3, stages[0][0], 3, 1)
        self._norm(stages[0][0])
        self._prelu(stages[0][0])
        inside, side = stages[0][0], SIDE
        for outside, blocks in stages:
            for block in range(blocks):
                self._block(inside if block == 0 else outside, outside, 2 if block == 0 else 1)
            inside, side = outside, -(-side // 2)
        self._norm(inside)
        self._add("Flatten")
        projection = self._tensor("weight", (WIDTH, inside * side**2)), self._tensor("bias", (WIDTH,))
        self._add("Gemm", projection, transB=1)
        self._norm(WIDTH)

    def _block(self, inside: int, outside: int, stride: int) -> None:
        start = self.last
        self._norm(inside)
        self._conv(inside, outside, 3, 1)
        self._norm(outside)
        self._prelu(outside)
        self._conv(outside, outside, 3, stride)
        self._norm(outside)
        deep, self.last = self.last, start
        if stride != 1:
            self._conv(inside, outside, 1, stride)
            self._norm(outside)
        self._add("Add", [deep])

    def _conv(self, inside: int, outside: int, kernel: int, stride: int) -> None:
        weight = self._tensor("weight", (outside, inside, kernel, kernel))
        self._add("Conv", [weight], strides=[stride] * 2, pads=[kernel // 2] * 4, kernel_shape=[kernel] * 2)

    def _norm(self, width: int) -> None:
        leaves = ("weight", "bias", "running_mean", "running_var")
        self._add("BatchNormalization", [self._tensor(leaf, (width,)) for leaf in leaves], epsilon=1e-5)

    def _prelu(self, width: int) -> None:
        self._add("PRelu", [self._tensor("slope", (width, 1, 1))])

    def _tensor(self, leaf: str, shape: tuple[int, ...]) -> str:
        import onnx

        name = f"{len(self.tensors)}.{leaf}"
        values = random_tensor(shape, name, self._seed).numpy()
        self.tensors.append(onnx.numpy_helper.from_array(values, name))
        return name

    def _add(self, kind: str, more: Sequence[str] = (), **attributes: Any) -> None:
        import onnx

        made = str(len(self.nodes))
        self.nodes.append(onnx.helper.make_node(kind, [self.last, *more], [made], **attributes))
        self.last = made

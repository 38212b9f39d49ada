"""What the judges' extractors share: a network over aligned crops, loaded with the first clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.extractor import Arrays
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.chunks import CHUNK, Chunked, Forward, prepared
from spfem_metrics.networks.files import digest8
from spfem_metrics.synthetic.nets.crops import RULE, cut, matrix_of
from spfem_metrics.synthetic.nets.files import filled

if TYPE_CHECKING:
    import torch

Split = Callable[[NDArray[np.float32], NDArray[np.bool_]], Arrays]
"""(T, D) outputs, zeros without a face, and (T,) whether there is one -> the extractor's arrays."""


def as_embedding(outputs: NDArray[np.float32], valid: NDArray[np.bool_]) -> Arrays:
    """The arrays of an extractor whose outputs are one vector: ``embedding`` (T, D) and ``valid`` (T,)."""
    return {"embedding": outputs, "valid": valid}


@dataclass(frozen=True)
class Judge:
    """An extractor that reads each found face's aligned crop with one network; it needs ``faces``.

    Args:
        name: of the extractor.
        model: the network's file.
        build: makes the network and wraps it as a forward function, when the first clip begins.
        split: outputs -> arrays.
        width: D of the outputs.
        rule: what is done to the outputs, for the definition.
        device: a torch device.
        chunk: crops in a batch; it moves low bits and enters the definition.
    """

    name: str
    model: Path
    build: Callable[[], tuple[torch.nn.Module, Callable[[torch.nn.Module], Forward]]]
    split: Split
    width: int
    rule: str
    device: str = "cpu"
    chunk: int = CHUNK
    requires: tuple[str, ...] = ("faces",)

    @cached_property
    def definition(self) -> str:
        """Network, digest, crop, rule, chunk."""
        return f"judge-{self.name}@{digest8(self.model)},{RULE},{self.rule},chunk{self.chunk}"

    def start(self, media: Media) -> JudgePass:
        """Begin a clip; the first loads the network."""
        del media
        return JudgePass(Chunked(self._forward, self.device, self.width, self.chunk), self.split)

    @cached_property
    def _forward(self) -> Forward:
        network, wrap = self.build()
        return wrap(prepared(filled(network, self.model), self.device))


class JudgePass:
    """Cuts each face by its own landmarks and reads it."""

    def __init__(self, chunked: Chunked, split: Split) -> None:
        self._chunked, self._split = chunked, split

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Cut the faces of the next frames."""
        faces = upstream["faces"]
        for image, points, found in zip(batch.images, faces["landmarks"], faces["found"], strict=True):
            self._chunked.add(cut(image, matrix_of(points.astype(np.float64))) if found else None)

    def finish(self) -> Arrays:
        """The extractor's arrays."""
        return self._split(*self._chunked.finish())

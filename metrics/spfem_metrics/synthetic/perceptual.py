"""How rendered pictures look: the extractor ``perceptual`` and the pair extractor ``perceptual-distance``.

Both read whole pictures, brought to 128 px (by area where they shrink, bilinearly where they grow).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.extractor import Arrays
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.chunks import CHUNK, Chunked, Forward, checked_chunk, prepared, run
from spfem_metrics.networks.files import digest8
from spfem_metrics.pairs.fitting import fit_to
from spfem_metrics.pairs.lockstep import lockstep
from spfem_metrics.synthetic.nets.files import filled, judge_file

if TYPE_CHECKING:
    import torch

SIDE = 128
WIDTH = 96
_RESIZE = "resize128:area-or-linear"

Pictures = NDArray[np.uint8]


def perceptual(*, weights: Mapping[str, Path], device: str = "cpu", chunk: int = CHUNK) -> Perceptual:
    """``features`` (T, 96) float32 of every frame, and ``valid`` (T,) bool, always true.

    Args:
        weights: empty for the shipped network, or ``model``: another file of it.
        device: a torch device.
        chunk: pictures in a batch; it enters the definition.

    Raises:
        DefinitionError: another key, or an impossible ``chunk``.
        WeightsError: the file is not there or, with the first clip, of another network.
    """
    return Perceptual(judge_file(weights, "perceptual"), device, checked_chunk(chunk))


def perceptual_distance(
    *, weights: Mapping[str, Path] | None = None, device: str = "cpu", chunk: int = CHUNK
) -> PerceptualDistance:
    """``distance`` (P,) float64 of each pair of frames, 0 for equal ones; options as `perceptual`."""
    return PerceptualDistance(judge_file(weights or {}, "perceptual"), device, checked_chunk(chunk))


@dataclass(frozen=True)
class Perceptual:
    """See `perceptual`."""

    model: Path
    device: str = "cpu"
    chunk: int = CHUNK
    name: str = "perceptual"
    requires: tuple[str, ...] = ()

    @cached_property
    def definition(self) -> str:
        """Network, digest, resizing, layer, chunk."""
        return f"judge-perceptual@{digest8(self.model)},{_RESIZE},last-layer-mean,chunk{self.chunk}"

    def start(self, media: Media) -> PerceptualPass:
        """Begin a clip; the first loads the network."""
        del media
        return PerceptualPass(Chunked(self._forward, self.device, WIDTH, self.chunk))

    @cached_property
    def _forward(self) -> Forward:
        from spfem_metrics.synthetic.nets.blocks import to_input

        network = _network(self.model, self.device)
        return lambda images: network(to_input(images))


class PerceptualPass:
    """Every frame through the network."""

    def __init__(self, chunked: Chunked) -> None:
        self._chunked = chunked

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Take the next frames."""
        del upstream
        for image in batch.images:
            self._chunked.add(fit_to(image, SIDE, SIDE))

    def finish(self) -> Arrays:
        """``features`` and ``valid``."""
        features, valid = self._chunked.finish()
        return {"features": features, "valid": valid}


@dataclass(frozen=True)
class PerceptualDistance:
    """See `perceptual_distance`."""

    model: Path
    device: str = "cpu"
    chunk: int = CHUNK
    name: str = "perceptual-distance"

    @cached_property
    def definition(self) -> str:
        """Network, digest, resizing, formula, chunk."""
        return f"judge-perceptual@{digest8(self.model)},{_RESIZE},lpips-5-layers,chunk{self.chunk}"

    def compare(self, output: Media, other: Media, pairs: NDArray[np.int64]) -> Arrays:
        """The distance of each pair of frames.

        Raises:
            InputError: pairs out of order or range.
            ResourceError: a batch does not fit into memory.
        """
        fitted = ((fit_to(a, SIDE, SIDE), fit_to(b, SIDE, SIDE)) for a, b in lockstep(output, other, pairs))
        parts = [run(self._forward, np.stack(rows), self.device) for rows in _chunks(fitted, self.chunk)]
        return {"distance": np.concatenate([np.zeros((0, 1)), *parts])[:, 0]}

    @cached_property
    def _forward(self) -> Forward:
        from spfem_metrics.synthetic.nets.blocks import to_input

        network = _network(self.model, self.device)

        def forward(both: torch.Tensor) -> torch.Tensor:
            """(N, 2, 128, 128, 3) uint8 -> (N, 1)."""
            distance: torch.Tensor = network.distance(to_input(both[:, 0]), to_input(both[:, 1]))  # type: ignore[operator]
            return distance[:, None]

        return forward


def _chunks(pairs: Iterator[tuple[Pictures, Pictures]], size: int) -> Iterator[Sequence[Pictures]]:
    """(2, 128, 128, 3) pictures of each pair, ``size`` pairs at a time."""
    while rows := [np.stack(pair) for pair in islice(pairs, size)]:
        yield rows


def _network(model: Path, device: str) -> torch.nn.Module:
    from spfem_metrics.synthetic.nets.perceptual import PerceptualNet

    return prepared(filled(PerceptualNet(), model), device)

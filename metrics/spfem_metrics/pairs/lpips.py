"""The pair extractors ``lpips-NET`` (alex, vgg, squeeze): learned perceptual distance frame by frame.

LPIPS depends on the pictures' size: compare numbers of one size only. Nor do numbers of two networks compare.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, InputError
from spfem_metrics.extractor import Arrays
from spfem_metrics.media import Media
from spfem_metrics.networks.chunks import checked_chunk, run
from spfem_metrics.networks.files import digest8, model_file
from spfem_metrics.networks.lpips_nets import SMALLEST, TRUNKS, Distance, Net, load
from spfem_metrics.pairs.fitting import fitted
from spfem_metrics.pairs.lockstep import lockstep
from spfem_metrics.sampling import Frames, check_frames, pairs_word, taken

if TYPE_CHECKING:
    import torch

CHUNK = 8
"""Pairs in a batch where the suite does not say."""


def lpips(
    *,
    weights: Mapping[str, Path],
    device: str = "cpu",
    net: Net = "alex",
    frames: Frames = "all",
    chunk: int = CHUNK,
) -> Lpips:
    """The pair extractor ``lpips-NET``.

    Args:
        weights: ``model``: torchvision's trunk (`spfem_metrics.networks.lpips_nets.TRUNKS`); ``heads``: the
            linear heads of version 0.1.
        device: a torch device.
        net: ``alex``, ``vgg`` or ``squeeze``.
        frames: pairs compared of each two clips at most, evenly spaced, or ``all``.
        chunk: pairs in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no such file was given, another net, impossible ``frames`` or ``chunk``, or no lpips
            is installed.
        WeightsError: missing or, with the first pair, not this network.
    """
    if net not in TRUNKS:
        raise DefinitionError(f"lpips takes net alex, vgg or squeeze, not {net!r}")
    check_frames(frames)
    if importlib.util.find_spec("lpips") is None:
        raise DefinitionError("lpips needs the package of that name: pip install 'spfem-bench[standard]'")
    trunk = model_file(weights, "lpips", TRUNKS[net])
    if "heads" not in weights:
        raise DefinitionError(f"lpips needs weights={{'heads': <path of LPIPS v0.1 {net}.pth>}}")
    heads = model_file({"model": weights["heads"]}, "lpips", f"LPIPS v0.1 {net}.pth")
    return Lpips(trunk, heads, net, device, checked_chunk(chunk), frames)


@dataclass(frozen=True)
class Lpips:
    """Whole pictures; an output of another size is brought to the other clip's size first.

    Resizing is by area where both sides shrink, bilinear otherwise; nothing else is resized. Arrays over P
    pairs: ``distance`` (P,) float64, at least 0; with ``frames`` over those taken of the pairs.
    """

    trunk: Path
    heads: Path
    net: Net = "alex"
    device: str = "cpu"
    chunk: int = CHUNK
    frames: Frames = "all"

    @property
    def name(self) -> str:
        """Each network is another extractor, so that a suite can hold several."""
        return f"lpips-{self.net}"

    @cached_property
    def definition(self) -> str:
        """Version, network, digests, input range, resize, pairs where not all are compared, chunk."""
        return (
            f"lpips0.1-{self.net}@{digest8(self.trunk)}+heads@{digest8(self.heads)},crop:frame,input:x/127.5-1,"
            f"spatial-mean,resize:to-other-area-or-linear{pairs_word(self.frames)},chunk{self.chunk}"
        )

    def compare(self, output: Media, other: Media, pairs: NDArray[np.int64]) -> Arrays:
        """The distance of each pair of frames that is taken.

        Raises:
            InputError: pairs out of order or range, or pictures too small for the network.
        """
        if len(pairs) and min(other.size) < SMALLEST[self.net]:
            raise InputError(
                f"LPIPS by {self.net} needs pictures of {SMALLEST[self.net]} px, not {other.size}"
            )
        met = map(fitted, lockstep(output, other, taken(pairs, self.frames)))
        found = [run(self._halved, chunk, self.device) for chunk in _stacked(met, self.chunk)]
        return {"distance": np.concatenate([np.zeros(0), *found])}

    @cached_property
    def _distance(self) -> Distance:
        return load(self.net, self.trunk, self.heads, self.device)

    def _halved(self, both: torch.Tensor) -> torch.Tensor:
        """Distances of a batch's first half from its second."""
        half = len(both) // 2
        return self._distance(both[:half], both[half:])


def _stacked(
    met: Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]], size: int
) -> Iterable[NDArray[np.uint8]]:
    """(2N, H, W, 3): the first pictures of ``size`` pairs, then their second ones."""
    pending = iter(met)
    while chunk := list(islice(pending, size)):
        yield np.stack([pair[0] for pair in chunk] + [pair[1] for pair in chunk])

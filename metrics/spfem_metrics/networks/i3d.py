"""What FVD looks with: the extractor ``i3d``, the 400 logits of I3D for every 16 pictures of a clip.

What is the same for all of FVD (Unterthiner et al. 2018): I3D trained on Kinetics-400, pictures of 224x224 in
[-1, 1], as features the 400 logits before the softmax, their mean over time. ``i3d_torchscript.pt`` gives
them for ``return_features=True``; with ``rescale=True`` it takes 0..255, else it wants [-1, 1], and [0, 1],
which it is given in some papers' code, makes another number of it.

How a picture comes to 224x224 is where published numbers differ, so each way is a definition of its own:

==================  ============================================================  ======================
``preprocessing``   resize                                                        as computed by
==================  ============================================================  ======================
``common-metrics``  shorter side to 224, bilinear with half-pixel centres and     common_metrics_on_
                    without antialiasing; the square in the middle                video_quality
``original``        to 224x224 whatever the shape, TensorFlow 1's bilinear        google-research's FVD
==================  ============================================================  ======================

StyleGAN-V leaves the resize to code inside the file's archive, which this package does not run: its numbers
are those of either way for clips of 224x224 only (with ``ddof=0`` in the metric).

A clip is cut into windows of 16 consecutive pictures at its own rate, the first from its first picture, none
overlapping; what is left at the end is dropped. A clip of fewer than 16 pictures has none. With ``windows``
only some go through the network, evenly spaced as the metric takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Arrays
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.chunks import Chunked, Forward, checked_chunk
from spfem_metrics.networks.files import digest8, load_strict, model_file, state_dict
from spfem_metrics.networks.random_weights import random_state, save_state
from spfem_metrics.networks.resizing import bilinear, bilinear_tf1, resize
from spfem_metrics.networks.torchscript import archive_tensors, is_archive
from spfem_metrics.sampling import Frames, check_count, check_frames, taken, words

if TYPE_CHECKING:
    import torch

WIDTH = 400
"""Values per window."""
FRAMES = 16
"""Pictures in a window."""
SIDE = 224
"""px of the network's input."""
CHUNK = 2
"""Windows in a batch where the suite does not say."""

Preprocessing = Literal["common-metrics", "original"]


def short_side(pictures: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) to (N, 3, 224, 224): the shorter side to 224, the longer rounded up, then the middle."""
    height, width = pictures.shape[2:]
    scale = SIDE / min(height, width)
    size = (SIDE, ceil(width * scale)) if height < width else (ceil(height * scale), SIDE)
    resized = resize(pictures, size, bilinear)
    top, left = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    return resized[:, :, top : top + SIDE, left : left + SIDE]


def whole(pictures: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) to (N, 3, 224, 224), all of the picture whatever its shape."""
    return resize(pictures, (SIDE, SIDE), bilinear_tf1)


@dataclass(frozen=True)
class Rule:
    """How a picture comes to the network's size.

    Args:
        fit: (N, 3, H, W) float32 to (N, 3, 224, 224), the range of values kept.
        words: the same, as definitions name it.
    """

    fit: Callable[[torch.Tensor], torch.Tensor]
    words: str


RULES: Mapping[Preprocessing, Rule] = {
    "common-metrics": Rule(short_side, "short-side-bilinear-noaa224-centre"),
    "original": Rule(whole, "bilinear-tf1-noaa224x224"),
}


def i3d(
    *,
    weights: Mapping[str, Path],
    device: str = "cpu",
    preprocessing: Preprocessing = "common-metrics",
    windows: Frames = "all",
    chunk: int = CHUNK,
) -> Clips:
    """The extractor ``i3d``.

    Args:
        weights: ``model``: ``i3d_torchscript.pt`` or the same tensors as a state_dict or safetensors.
        device: a torch device.
        preprocessing: a row of the module's table.
        windows: read of each clip at most, evenly spaced, or ``all``.
        chunk: windows in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, or an option out of range.
        WeightsError: missing or, with the first clip, not this network.
    """
    if preprocessing not in RULES:
        raise DefinitionError(f"i3d takes preprocessing {', '.join(RULES)}, not {preprocessing!r}")
    model = model_file(weights, "i3d", "i3d_torchscript.pt")
    check_frames(windows)
    return Clips(model, device, preprocessing, checked_chunk(chunk), windows)


@dataclass(frozen=True)
class Clips:
    """Arrays over the clip's n windows: ``features`` (n, 400) float32, ``first`` (n,) int64 frame of each.

    n is the number of frames divided by 16, rounded down, or ``windows`` where that is less: it may be 0.
    """

    model: Path
    device: str = "cpu"
    preprocessing: Preprocessing = "common-metrics"
    chunk: int = CHUNK
    windows: Frames = "all"
    name: str = "i3d"
    requires: tuple[str, ...] = ()

    @cached_property
    def definition(self) -> str:
        """Network, digest, features, windows and which where not all are read, resize, input range, chunk."""
        windows = "" if self.windows == "all" else f"windows:{words(self.windows)},"
        return (
            f"i3d-kinetics400@{digest8(self.model)},logits{WIDTH}-time-mean,"
            f"window{FRAMES}-hop{FRAMES}-from0,{windows}"
            f"rate:own,crop:frame,resize:{RULES[self.preprocessing].words},input:x/127.5-1,chunk{self.chunk}"
        )

    def start(self, media: Media) -> ClipsPass:
        """Begin a clip; the first loads the network."""
        chosen = taken(np.arange(media.frame_count // FRAMES), self.windows)
        return ClipsPass(Chunked(self._forward, self.device, WIDTH, self.chunk), chosen)

    @cached_property
    def _forward(self) -> Forward:
        return embed(load(self.model, self.device), RULES[self.preprocessing])


class ClipsPass:
    """Gathers pictures to windows and runs the network on those that are chosen by their numbers."""

    def __init__(self, chunked: Chunked, chosen: NDArray[np.int64]) -> None:
        self._chunked, self._chosen = chunked, chosen
        self._wanted = frozenset(chosen.tolist())
        self._window: list[NDArray[np.uint8]] = []

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Take the next frames."""
        del upstream
        for index, image in enumerate(batch.images, batch.start):
            if index // FRAMES in self._wanted:
                self._window.append(image)
            if len(self._window) == FRAMES:
                self._chunked.add(np.stack(self._window))
                self._window = []

    def finish(self) -> Arrays:
        """``features`` and ``first``."""
        features, _ = self._chunked.finish()
        check_count("i3d's windows", len(features), len(self._chosen))
        return {"features": features, "first": self._chosen * FRAMES}


def embed(network: torch.nn.Module, rule: Rule) -> Forward:
    """The forward function: (N, T, H, W, 3) uint8 RGB of any one size, T >= 9 -> (N, 400) float32."""
    import torch

    def forward(windows: torch.Tensor) -> torch.Tensor:
        """Windows through the network."""
        pictures = rule.fit(windows.flatten(0, 1).permute(0, 3, 1, 2).float())
        inputs = (pictures / 127.5 - 1).reshape(len(windows), -1, 3, SIDE, SIDE).transpose(1, 2)
        features: torch.Tensor = network(inputs.contiguous(memory_format=torch.channels_last_3d))
        return features

    return forward


def load(model: Path, device: str = "cpu") -> torch.nn.Module:
    """The network with a file's tensors, every one and no other, for inference on a device.

    Of a TorchScript archive the tensors are read as data; its code is neither compiled nor run.

    Raises:
        WeightsError: the file is not this network's.
    """
    import torch

    network = blank()
    tensors = archive_tensors(model) if is_archive(model) else state_dict(model)
    # Counters of training steps, which inference does not read and conversions from TensorFlow lack.
    counters = {name for name in network.state_dict() if name.endswith("num_batches_tracked")}
    load_strict(network, {name: torch.tensor(0) for name in counters} | tensors, model)
    folded = _folded(network.eval().requires_grad_(False))
    return folded.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload,no-any-return]


def blank() -> torch.nn.Module:
    """The network by the names of its file, not yet filled; no random number is drawn."""
    import torch

    from spfem_metrics.networks.architectures.i3d import I3D

    with torch.device("meta"):
        network = I3D()
    return network.to_empty(device="cpu")


def _folded(network: torch.nn.Module) -> torch.nn.Module:
    """Each normalisation folded into its convolution, which moves results by rounding only."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    from spfem_metrics.networks.architectures.i3d import Unit

    for part in network.modules():
        if isinstance(part, Unit) and isinstance(part.batch3d, nn.BatchNorm3d):
            part.conv3d, part.batch3d = fuse_conv_bn_eval(part.conv3d, part.batch3d), nn.Identity()
    return network


def random_file(path: Path, seed: int) -> None:
    """A state_dict by the published names and shapes with seeded random weights, in place of the archive."""
    save_state(random_state(blank(), seed), path)

"""SyncNet's two towers at work: one pass over consecutive pictures, windows of sound in batches.

The tower of pictures is run over ``chunk + 4`` of them at a time, and the last four are kept for the next
chunk, which gives the same windows as sliding five pictures over the clip, without copying each five times.
The tower of sound pads and strides in time, so its windows of 20 columns are run one by one, ``chunk`` in a
batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.networks.checkpoints import fill
from spfem_metrics.networks.chunks import run

if TYPE_CHECKING:
    import torch

    from spfem_metrics.networks.architectures.syncnet import SyncNet

FRAMES, COLUMNS, WIDTH, SIDE = 5, 20, 1024, 224
"""Pictures and columns of a window, D of an embedding, px of a picture."""

Rows = NDArray[np.float32]
Flags = NDArray[np.bool_]
Picture = NDArray[np.uint8]
"""(224, 224, 3) uint8 BGR, what the network sees."""


def load(model: Path, device: str) -> SyncNet:
    """The network with a file's tensors, for inference on a device, its normalisations folded.

    The published file is of 54,573,114 bytes, which is the size of the 88 tensors without the 14 counters of
    training steps (54,573,454 as torch writes them today; with them 54,577,523), so counters may be missing.

    Raises:
        WeightsError: missing, or not this network's, every tensor and no other.
    """
    import torch

    from spfem_metrics.networks.architectures.syncnet import SyncNet

    with torch.device("meta"):
        network = SyncNet()
    fill(network.to_empty(device="cpu"), model)
    _fold(network.eval().requires_grad_(False))
    network.netcnnlip.to(memory_format=torch.channels_last_3d)
    return network.to(device)


def _fold(network: torch.nn.Module) -> None:
    """Fold each normalisation into the layer before it; moves the embeddings by rounding only."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

    for part in network.children():
        if not isinstance(part, nn.Sequential):
            continue
        for index in range(len(part) - 1):
            layer, norm = part[index], part[index + 1]
            if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                continue
            fuse: Any = fuse_linear_bn_eval if isinstance(layer, nn.Linear) else fuse_conv_bn_eval
            part[index], part[index + 1] = fuse(layer, norm), nn.Identity()


@dataclass(frozen=True)
class Towers:
    """The network on its device, loaded with the first window.

    Args:
        model: its file.
        device: a torch device.
        chunk: windows in a batch.
    """

    model: Path
    device: str
    chunk: int

    @cached_property
    def network(self) -> SyncNet:
        """As `load` gives it."""
        return load(self.model, self.device)

    def video(self, pictures: NDArray[np.uint8]) -> Rows:
        """(N, 224, 224, 3) uint8 BGR of consecutive pictures, N >= 5 -> (N - 4, 1024)."""
        return run(lambda x: self.network.video(x.permute(3, 0, 1, 2).float()), pictures, self.device)

    def audio(self, windows: Rows) -> Rows:
        """(N, 13, 20) float32 -> (N, 1024)."""
        cut: list[NDArray[Any]] = [windows[i : i + self.chunk] for i in range(0, len(windows), self.chunk)]
        found = [run(lambda x: self.network.audio(x[:, None]), some, self.device) for some in cut]
        return np.concatenate([np.zeros((0, WIDTH), np.float32), *found])


@dataclass
class Lips:
    """Embeds the windows of pictures that come one by one; row i is the window that begins at picture i.

    Args:
        towers: the network.
    """

    towers: Towers
    _crops: list[Picture] = field(default_factory=list)
    _run: int = 0
    _count: int = 0
    _begins: list[NDArray[np.int64]] = field(default_factory=list)
    _done: list[Rows] = field(default_factory=list)

    def add(self, crop: Picture | None, run: int = 1) -> None:
        """The next picture, None where there is none; a window never spans two runs."""
        if crop is None or run != self._run:
            self._flush()
            self._crops, self._run = [], run
        if crop is not None:
            self._crops.append(crop)
        self._count += 1
        if len(self._crops) == self.towers.chunk + FRAMES - 1:
            self._flush()
            self._crops = self._crops[-(FRAMES - 1) :]

    def finish(self) -> tuple[Rows, Flags]:
        """(P, 1024) float32 for P pictures, zeros where no window begins, and (P,) bool."""
        self._flush()
        rows, valid = np.zeros((self._count, WIDTH), np.float32), np.zeros(self._count, np.bool_)
        if self._done:
            begins = np.concatenate(self._begins)
            rows[begins], valid[begins] = np.concatenate(self._done), True
        return rows, valid

    def _flush(self) -> None:
        if len(self._crops) < FRAMES:
            return
        rows = self.towers.video(np.stack(self._crops))
        self._begins.append(np.arange(len(rows)) + self._count - len(self._crops))
        self._done.append(rows)


def sound_windows(cepstra: NDArray[np.float64], count: int) -> Rows:
    """(count, 13, 20) float32: window i has the columns from 4i on of (M, 13) cepstra, M >= 4 count + 16."""
    begins = 4 * np.arange(count)[:, None] + np.arange(COLUMNS)
    return np.ascontiguousarray(cepstra[begins].transpose(0, 2, 1), np.float32)

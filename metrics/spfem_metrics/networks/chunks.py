"""A network over a clip's crops in batches of one pinned length.

How images share a batch moves the low bits of what a network says. So a clip's crops (of frames with a face,
in order) go through in chunks of a length that the extractor's definition states, whatever batches the frames
were decoded in, and no chunk holds crops of two clips.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.beside import Lane
from spfem_metrics.errors import DefinitionError, ResourceError

if TYPE_CHECKING:
    import torch

CHUNK = 32
"""Crops in a batch where the suite does not say."""
Forward = Callable[["torch.Tensor"], "torch.Tensor"]
"""(N, H, W, 3) uint8 crops on the device -> (N, D) float32."""


def prepared(network: torch.nn.Module, device: str) -> torch.nn.Module:
    """The network on its device, for inference only: channels last, normalisations folded into convolutions.

    On a CPU this takes two thirds of the time; folding moves the results by rounding only (1e-6).
    """
    import torch

    fold_norms(network.eval())
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def fold_norms(network: torch.nn.Module) -> None:
    """Fold each normalisation that directly follows a convolution in an ``nn.Sequential``, in place."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for part in network.modules():
        if not isinstance(part, nn.Sequential):
            continue
        for index in range(len(part) - 1):
            conv, norm = part[index], part[index + 1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                part[index], part[index + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()


def run(forward: Forward, crops: NDArray[np.uint8] | NDArray[np.float32], device: str) -> NDArray[np.float32]:
    """One batch through a network: full float32 precision, deterministic kernels, no gradients.

    Args:
        forward: of a batch on the device.
        crops: (N, ...) pictures, or windows of sound.
        device: a torch device.

    Returns:
        (N, D) float32.

    Raises:
        ResourceError: the batch does not fit into memory. It is not tried in parts, since that would move low
            bits under an unchanged definition.
    """
    import torch

    try:
        with torch.inference_mode(), _kernels(device):
            images = torch.from_numpy(crops).to(device)
            return np.asarray(forward(images).float().cpu().numpy(), np.float32)
    except torch.OutOfMemoryError as error:
        raise ResourceError(_no_room(len(crops), device)) from error


def _kernels(device: str) -> AbstractContextManager[None]:
    """What holds for a GPU's kernels; it is the process's, so that a CPU's batches leave it alone."""
    import torch

    if device == "cpu":
        return nullcontext()
    # `enabled` is off unless it is asked for, and cuDNN with it
    return torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)


def _no_room(count: int, device: str) -> str:
    if count == 1:
        return f"{device} has no memory left for a single crop: free some, or use --device cpu"
    return (
        f"{device} has no memory left for {count} crops at once: give the extractor the option "
        f"`chunk: {count // 2}` in the suite (its definition changes with it), or use --device cpu"
    )


def checked_chunk(chunk: int) -> int:
    """The option ``chunk`` of an extractor.

    Raises:
        DefinitionError: not a whole number of at least 1.
    """
    if not isinstance(chunk, int) or chunk < 1:
        raise DefinitionError(f"chunk is the number of crops in a batch, at least 1, not {chunk!r}")
    return chunk


@dataclass
class Chunked:
    """Collects crops, runs full chunks, and lays the results out over the clip's frames.

    Args:
        forward: the network with its input convention.
        device: a torch device.
        width: D of its output.
        chunk: crops in a batch.
        lanes: batches that threads work on at once, for networks that keep to one thread of their own; with 1
            a batch is done before the next crop is taken.
    """

    forward: Forward
    device: str
    width: int
    chunk: int = CHUNK
    lanes: int = 1
    _valid: list[bool] = field(default_factory=list)
    _crops: list[NDArray[np.uint8]] = field(default_factory=list)
    _done: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, crop: NDArray[np.uint8] | None) -> None:
        """The next frame's (H, W, 3) crop, None where it has no face."""
        self._valid.append(crop is not None)
        if crop is not None:
            self._crops.append(crop)
        if len(self._crops) == self.chunk:
            self._flush()

    def finish(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(T, D) float32, zeros without a face, and (T,) bool."""
        if self._crops:
            self._flush()
        if self.lanes > 1:
            self._done += self._lane.rest()
            self._lane.close()
        valid = np.array(self._valid, np.bool_)
        values = np.zeros((len(valid), self.width), np.float32)
        if self._done:
            values[valid] = np.concatenate(self._done)
        return values, valid

    def _flush(self) -> None:
        crops, self._crops = np.stack(self._crops), []
        if self.lanes == 1:
            self._done.append(self._run(crops))
        else:
            self._lane.put(self._run, crops)
            self._done += self._lane.ready()

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return run(self.forward, crops, self.device)

    @cached_property
    def _lane(self) -> Lane[NDArray[np.float32]]:
        return Lane(self.lanes)

"""SyncNet (Chung and Zisserman 2016), the network ``S`` of the released ``syncnet_v2.model``.

Two towers of 1024-d embeddings that are not normalised: sound, as 13 cepstra over 20 steps of 10 ms, and five
pictures of 224 px. 13,631,616 parameters in 102 tensors. Module names follow the file's keys, so that loading
is strict: ``netcnnaud``, ``netfcaud``, ``netfclip``, ``netcnnlip``, each numbered with its activations and
pools counted.

Only the first layer of the tower of pictures sees more than one picture, and none of its layers pads in time.
So one pass over T pictures gives the T - 4 windows that sliding five of them would.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

FRAMES = 5
"""Pictures in a window."""
WIDTH = 1024
"""D of an embedding."""


class SyncNet(nn.Module):
    """Both towers; inputs as SyncNet's own evaluation gives them, which scales nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(*_sound())
        self.netfcaud = _head()
        self.netfclip = _head()
        self.netcnnlip = nn.Sequential(*_pictures())

    def audio(self, windows: torch.Tensor) -> torch.Tensor:
        """(N, 1, 13, 20) cepstra of int16 samples -> (N, 1024)."""
        seen: torch.Tensor = self.netfcaud(self.netcnnaud(windows).flatten(1))
        return seen

    def video(self, pictures: torch.Tensor) -> torch.Tensor:
        """(3, T, 224, 224) BGR 0..255, T >= 5 -> (T - 4, 1024); row i is the window that begins at i."""
        seen: torch.Tensor = self.netfclip(self.netcnnlip(pictures[None])[0].flatten(1).T)
        return seen


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, WIDTH))


def _sound() -> Iterable[nn.Module]:
    """1 x 13 x 20 -> 512 x 1 x 1; the second axis is the cepstrum's, the third is time."""
    yield from _flat(1, 64, 3, padding=1)
    yield nn.MaxPool2d(1, 1)
    yield from _flat(64, 192, 3, padding=1)
    yield nn.MaxPool2d(3, (1, 2))
    for inputs, outputs in ((192, 384), (384, 256), (256, 256)):
        yield from _flat(inputs, outputs, 3, padding=1)
    yield nn.MaxPool2d(3, 2)
    yield from _flat(256, 512, (5, 4))


def _flat(
    inputs: int, outputs: int, kernel: int | tuple[int, int], padding: int = 0
) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _pictures() -> Iterable[nn.Module]:
    """3 x T x 224 x 224 -> 512 x (T - 4) x 1 x 1."""
    halve = (1, 2, 2)
    yield from _deep(3, 96, (FRAMES, 7, 7), stride=halve)
    yield nn.MaxPool3d((1, 3, 3), halve)
    yield from _deep(96, 256, (1, 5, 5), stride=halve, padding=(0, 1, 1))
    yield nn.MaxPool3d((1, 3, 3), halve, padding=(0, 1, 1))
    for _ in range(3):
        yield from _deep(256, 256, (1, 3, 3), padding=(0, 1, 1))
    yield nn.MaxPool3d((1, 3, 3), halve)
    yield from _deep(256, 512, (1, 6, 6))


def _deep(
    inputs: int,
    outputs: int,
    kernel: tuple[int, int, int],
    stride: tuple[int, int, int] = (1, 1, 1),
    padding: tuple[int, int, int] = (0, 0, 0),
) -> tuple[nn.Module, ...]:
    conv = nn.Conv3d(inputs, outputs, kernel, stride=stride, padding=padding)
    return conv, nn.BatchNorm3d(outputs), nn.ReLU(inplace=True)

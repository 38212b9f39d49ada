"""The two ``sync`` networks under one shape, so that one training serves the judge and the supervisor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spfem_bench.training.files import Set


@dataclass(frozen=True)
class Branches:
    """What training needs of a sync network.

    Args:
        about: its architecture in a sentence.
        pictures: consecutive ones that a window shows.
        steps: of training.
        far: weight of the loss that keeps the curve of distances from falling again further out.
        build: the untrained network.
        windows: (N,) samples at 16 kHz, (A,) seconds -> (A, C, W) features of the sound.
        covered: number of samples, (A,) seconds -> (A,) whether the sound reaches that far.
        track: (network, (B, L, 3, 64, 64) in -1..1, step) -> (B, V, D) of unit length, of the windows that
            begin at every ``step``-th frame.
        audio: (network, (A, C, W)) -> (A, D) of unit length.
    """

    about: str
    pictures: int
    steps: int
    far: float
    build: Callable[[], nn.Module]
    windows: Callable[[NDArray[np.float32], NDArray[np.float64]], NDArray[np.float32]]
    covered: Callable[[int, NDArray[np.float64]], NDArray[np.bool_]]
    track: Callable[[nn.Module, torch.Tensor, int], torch.Tensor]
    audio: Callable[[nn.Module, torch.Tensor], torch.Tensor]

    def standardised(self, features: NDArray[np.float32]) -> nn.Module:
        """An untrained network whose ``mean`` and ``scale`` are those of (A, C, W) features of sound."""
        net = self.build()
        mean, spread = features.mean(axis=(0, 2)), features.std(axis=(0, 2))
        net.get_buffer("mean").copy_(torch.from_numpy(mean)[:, None])
        net.get_buffer("scale").copy_(torch.from_numpy(1 / np.maximum(spread, 1e-3))[:, None])
        return net


def branches(which: Set) -> Branches:
    """The sync network of a set."""
    return {"judges": _judge, "supervisors": _supervisor}[which]()


def _judge() -> Branches:
    from spfem_metrics.synthetic.nets import speech
    from spfem_metrics.synthetic.nets.sync import FRAMES, Sync

    def track(net: nn.Module, frames: torch.Tensor, step: int) -> torch.Tensor:
        assert isinstance(net, Sync)
        windows = frames.unfold(1, FRAMES, step).permute(0, 1, 5, 2, 3, 4)
        return net.video(windows.flatten(0, 1)).view(*windows.shape[:2], -1)

    def audio(net: nn.Module, windows: torch.Tensor) -> torch.Tensor:
        assert isinstance(net, Sync)
        return net.audio(windows)

    about = (
        f"Two branches after SyncNet: {FRAMES} pictures in one convolution, 13 MFCC x {speech.COLUMNS}; "
        "residual blocks."
    )
    return Branches(about, FRAMES, 900, 20.0, Sync, speech.windows, speech.covered, track, audio)


def _supervisor() -> Branches:
    from spfem_baselines.supervisors import speech
    from spfem_baselines.supervisors.sync import FRAMES, SyncNet

    def windows(samples: NDArray[np.float32], times: NDArray[np.float64]) -> NDArray[np.float32]:
        found = speech.log_mel(torch.from_numpy(np.array(samples)), torch.from_numpy(times))
        return np.asarray(found.numpy(), np.float32)

    def covered(count: int, times: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray(np.rint(times * speech.RATE) + speech.SPAN <= count, np.bool_)

    def track(net: nn.Module, frames: torch.Tensor, step: int) -> torch.Tensor:
        assert isinstance(net, SyncNet)
        return net.track(frames)[:, ::step]

    def audio(net: nn.Module, windows: torch.Tensor) -> torch.Tensor:
        assert isinstance(net, SyncNet)
        return net.audio(windows)

    about = (
        "Pictures read one by one by depthwise blocks, five readings joined; 40 log-mel x 16; group norms."
    )
    return Branches(about, FRAMES, 600, 0.0, SyncNet, windows, covered, track, audio)

"""Extractors: a clip in, named arrays out, once.

Two shapes exist. A clip extractor reads one clip; one that looks at faces names the extractor whose faces
it uses (`requires`), so that faces are found once and every network sees the same crops. A pair extractor
reads two clips in lockstep (SSIM, PSNR). Both stream: memory does not grow with the clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.media import FrameBatch, Media

Arrays = Mapping[str, NDArray[np.generic]]
"""What an extractor found in one clip, by name; the first axis is the frame unless it says otherwise."""


class Pass(Protocol):
    """One extractor's work on one clip: frames are pushed in order, arrays come out at the end."""

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> Arrays | None:
        """Take the next frames, with the required extractors' arrays for just these frames.

        Returns:
            The rows that are final by now and were not returned before, in order, with the names, types and
            values that `finish` gives for them. A pass that looks ahead (smoothing) returns them some frames
            late; whoever requires it gets its frames as late. None where nothing is final, and always from a
            pass that nobody requires.
        """
        ...

    def finish(self) -> Arrays:
        """The clip's arrays; called once, after the last frame."""
        ...


@runtime_checkable
class Extractor(Protocol):
    """Turns one clip into arrays. ``definition`` enters the signature of every metric that uses it."""

    @property
    def name(self) -> str:
        """The name under which metrics ask for it, e.g. ``faces``."""
        ...

    @property
    def definition(self) -> str:
        """Every choice that moves its arrays, without white space or ``|``: network, digest, crop, rule."""
        ...

    @property
    def requires(self) -> Sequence[str]:
        """Names of the extractors whose arrays it needs for the same frames."""
        ...

    def start(self, media: Media) -> Pass:
        """Begin a clip (``media`` gives size, rate, times and audio; the frames come by `Pass.push`)."""
        ...


@runtime_checkable
class PairExtractor(Protocol):
    """Compares two clips frame by frame."""

    @property
    def name(self) -> str:
        """The name under which metrics ask for it, e.g. ``ssim``."""
        ...

    @property
    def definition(self) -> str:
        """Every choice that moves its arrays, without white space or ``|``."""
        ...

    def compare(self, output: Media, other: Media, pairs: NDArray[np.int64]) -> Arrays:
        """Arrays over the frame pairs.

        Args:
            output: the clip under test.
            other: the clip it is compared with.
            pairs: (P, 2) int64 indices (output frame, other frame), both columns non-decreasing.
        """
        ...


@dataclass(frozen=True)
class ClipFeatures:
    """All that was extracted from one clip.

    Args:
        fps: nominal frames per second.
        times: (T,) float64 seconds of every frame.
        size: (width, height) in pixels.
        arrays: extractor name -> its arrays.
    """

    fps: float
    times: NDArray[np.float64]
    size: tuple[int, int]
    arrays: Mapping[str, Arrays]

    def __getitem__(self, extractor: str) -> Arrays:
        """The arrays of one extractor."""
        return self.arrays[extractor]

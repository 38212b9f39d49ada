"""What an extractor reads: frames on a time base, and audio. The harness's clips fit this by shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.sampling import within

Frames = NDArray[np.uint8]
"""(N, H, W, 3) uint8 RGB, C-contiguous."""


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Consecutive frames of one clip.

    Args:
        start: index of the first frame in its clip.
        images: (N, H, W, 3) uint8 RGB, C-contiguous.
        times: (N,) float64 presentation times in seconds, strictly increasing, first frame of a clip at 0.
    """

    start: int
    images: Frames
    times: NDArray[np.float64]


class Media(Protocol):
    """A clip as extractors see it: lazily read, so that a long clip never sits in memory."""

    @property
    def fps(self) -> Fraction:
        """Nominal frames per second (the mean rate where the rate varies)."""
        ...

    @property
    def frame_count(self) -> int:
        """Number of video frames."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        ...

    @property
    def times(self) -> NDArray[np.float64]:
        """(T,) float64 presentation times in seconds, the first at 0."""
        ...

    def batches(self, size: int = 32) -> Iterator[FrameBatch]:
        """All frames in order, at most ``size`` at a time."""
        ...

    def audio(self, rate: int) -> NDArray[np.float32] | None:
        """(N,) float32 mono in [-1, 1] at ``rate`` Hz, starting with the first frame; None without audio."""
        ...


@runtime_checkable
class Choosing(Protocol):
    """What a `Media` may have besides: frames by their numbers, without the work for those between them."""

    def chosen(self, frames: NDArray[np.int64], size: int = 32) -> Iterator[Frames]:
        """Frames whose numbers increase, at most ``size`` at a time: the bytes of `batches`."""
        ...


def chosen(media: Media, frames: NDArray[np.int64], size: int = 32) -> Iterator[Frames]:
    """The pictures of some frames: by the media's own means where it is `Choosing`, else out of all of them.

    Args:
        media: the clip.
        frames: (n,) numbers, increasing.
        size: pictures at a time, at most.

    Yields:
        (N, H, W, 3) uint8 RGB.

    Raises:
        InputError: numbers that do not increase, are negative or beyond the clip's end.
    """
    if len(frames) and (frames[0] < 0 or (np.diff(frames) <= 0).any()):
        raise InputError("frames are asked for by numbers that increase from 0 on")
    if isinstance(media, Choosing) and len(frames) and frames[-1] < media.frame_count:
        yield from media.chosen(frames, size)
    else:
        yield from _out_of_all(media, frames, size)


def _out_of_all(media: Media, frames: NDArray[np.int64], size: int) -> Iterator[Frames]:
    done = 0
    batches = media.batches(size) if len(frames) else iter(())
    for batch in batches:
        own = within(frames, batch.start, len(batch.images))
        if len(own):
            yield batch.images if len(own) == len(batch.images) else batch.images[own]
        done += len(own)
        if done == len(frames):
            return
    if done < len(frames):
        raise InputError(f"frame {frames[done]} was asked of a clip that ended before it")


@dataclass(frozen=True)
class ArrayMedia:
    """Frames and audio already in memory, as a `Media`: for training loops and tests.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        fps: frames per second.
        samples: (N,) float32 mono in [-1, 1], or None.
        sample_rate: of ``samples``, in Hz.
    """

    frames: Frames
    fps: Fraction
    samples: NDArray[np.float32] | None = None
    sample_rate: int = 16000

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.frames.shape[2], self.frames.shape[1]

    @property
    def times(self) -> NDArray[np.float64]:
        """(T,) seconds, evenly spaced."""
        return np.arange(len(self.frames), dtype=np.float64) / float(self.fps)

    def batches(self, size: int = 32) -> Iterator[FrameBatch]:
        """All frames in order, at most ``size`` at a time."""
        times = self.times
        for start in range(0, len(self.frames), size):
            images = np.ascontiguousarray(self.frames[start : start + size])
            yield FrameBatch(start, images, times[start : start + size])

    def audio(self, rate: int) -> NDArray[np.float32] | None:
        """The samples at ``rate`` Hz, resampled by a polyphase filter where the rates differ."""
        if self.samples is None or rate == self.sample_rate:
            return self.samples
        from scipy.signal import resample_poly

        ratio = Fraction(rate, self.sample_rate)
        return np.asarray(resample_poly(self.samples, ratio.numerator, ratio.denominator), np.float32)

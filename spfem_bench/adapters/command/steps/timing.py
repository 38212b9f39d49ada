"""Which source frames a prepared clip shows, and reading them: nothing is ever blended."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import SourceClip
from spfem_baselines.contract import Frames
from spfem_bench.adapters.precomputed import frames_on_screen
from spfem_bench.clips.timing import regular_times

Indices = NDArray[np.int64]

_CHUNK = 32


def resampled(source: SourceClip, fps: Fraction) -> Indices:
    """(T,) int64, for each tick of a regular grid the frame of the clip on screen then.

    The grid starts with the first frame and has a tick wherever the clip still lasts, its last frame taken
    to last one frame of its nominal rate.
    """
    times = source.times
    is_regular = np.array_equal(times, regular_times(len(times), source.fps))
    length = len(times) / source.fps if is_regular else Fraction(float(times[-1])) + 1 / source.fps
    return frames_on_screen(times, regular_times(max(1, ceil(length * fps)), fps))


def looped(count: int, wanted: int) -> Indices:
    """(wanted,) int64: 0 to ``count - 1``, back to 0, and so on; no frame stands still at the turns."""
    if count == 1:
        return np.zeros(wanted, np.int64)
    period = 2 * (count - 1)
    phase = np.arange(wanted, dtype=np.int64) % period
    return np.asarray(np.where(phase < count, phase, period - phase), np.int64)


def picked(clip: SourceClip, indices: Indices) -> Iterator[Frames]:
    """The frames of the indices in their order, in chunks (n, H, W, 3) uint8 RGB of at most 32."""
    for run in _runs(indices):
        yield from _forwards(clip, run) if run[0] <= run[-1] else _backwards(clip, run)


def _runs(indices: Indices) -> list[Indices]:
    """The indices cut wherever their direction turns; those that stand still go with what they follow."""
    turns: list[int] = []
    direction = 0
    for at, step in enumerate(np.sign(np.diff(indices)).tolist(), 1):
        if step and direction and step != direction:
            turns.append(at)
            direction = 0
        else:
            direction = direction or step
    return np.split(indices, turns)


def _forwards(clip: SourceClip, run: Indices) -> Iterator[Frames]:
    start = int(run[0])
    for chunk in clip.frames(start, int(run[-1]) + 1):
        inside = run[np.searchsorted(run, start) : np.searchsorted(run, start + len(chunk))] - start
        for at in range(0, len(inside), _CHUNK):
            yield chunk[inside[at : at + _CHUNK]]
        start += len(chunk)


def _backwards(clip: SourceClip, run: Indices) -> Iterator[Frames]:
    for at in range(0, len(run), _CHUNK):
        block = run[at : at + _CHUNK]
        low = int(block[-1])
        frames = np.concatenate(list(clip.frames(low, int(block[0]) + 1)))
        yield frames[block - low]

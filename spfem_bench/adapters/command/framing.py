"""Which frame of the real source each frame that came stands for.

In order of trust: the frame map the program gave; the first source frame it gave and, from there, the frame
on screen at the same time; the manifest's dropped frames, where just as many frames came as are then due.
All of these count frames of the prepared source, and are then told in frames of the real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from spfem_bench.adapters.check import OutputError
from spfem_bench.adapters.command.job import Result
from spfem_bench.adapters.command.parts import Produced
from spfem_bench.adapters.precomputed import RATE_SLACK, frames_on_screen
from spfem_bench.clips.timing import regular_times

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Grid:
    """The frames of the prepared source.

    Args:
        fps: their rate.
        source_frames: (P,) int64, the frame of the real source that each stands for.
    """

    fps: Fraction
    source_frames: Indices

    @property
    def count(self) -> int:
        """P."""
        return len(self.source_frames)


@dataclass(frozen=True, eq=False)
class Came:
    """The frames that came.

    Args:
        fps: their rate.
        times: (T,) seconds from the first.
    """

    fps: Fraction
    times: NDArray[np.float64]

    @property
    def count(self) -> int:
        """T."""
        return len(self.times)


def source_map(result: Result, came: Came, produced: Produced, grid: Grid) -> Indices:
    """(T,) int64 frames of the real source.

    Raises:
        OutputError: the map or the number of frames does not fit the source.
    """
    return grid.source_frames[_prepared_map(result, came, produced, grid)]


def _prepared_map(result: Result, came: Came, produced: Produced, grid: Grid) -> Indices:
    if result.frame_map is not None:
        return _given(result.frame_map, came.count, grid.count)
    if result.first_source_frame is not None:
        return _from(result.first_source_frame, came, grid)
    _check_count(came, produced, grid)
    return _from(produced.head, came, grid)


def _given(frame_map: tuple[int, ...], count: int, source_count: int) -> Indices:
    given = np.asarray(frame_map, np.int64)
    if len(given) != count:
        raise OutputError(f"its frame map has {len(given)} entries for {count} frames")
    if given.max(initial=0) >= source_count:
        raise OutputError(f"its frame map points outside the {source_count} frames it was given")
    return given


def _from(first: int, came: Came, grid: Grid) -> Indices:
    """The frame on screen at the same time, counted from ``first``."""
    if first >= grid.count:
        raise OutputError(f"its first source frame is {first}, of {grid.count} it was given")
    if same_rate(came.fps, grid.fps):
        if first + came.count > grid.count:
            raise OutputError(
                f"{came.count} frames came from frame {first} on, of {grid.count} frames it was given"
            )
        return np.arange(first, first + came.count)
    source = regular_times(grid.count, grid.fps)
    times = came.times + source[first]
    if times[-1] > source[-1] + 1.5 / float(grid.fps) + 1e-6:
        raise OutputError(f"its output ends {times[-1] - source[-1]:.2f} s after its source")
    return frames_on_screen(source, times)


def _check_count(came: Came, produced: Produced, grid: Grid) -> None:
    """Without a word from the program, as many frames must come as the manifest lets expect.

    Raises:
        OutputError: more came, or fewer and the manifest gives no other length.
    """
    same = same_rate(came.fps, grid.fps)
    left = grid.count - produced.head - produced.tail
    due = left if same else round(left * came.fps / grid.fps)
    slack = 0 if same else 1  # where rates differ, programs round the last frame either way
    if came.count > due + slack or (came.count < due - slack and produced.length == "source"):
        raise OutputError(
            f"{came.count} frames came where {due} are due, and no frame map says which they stand for"
        )


def same_rate(one: Fraction, other: Fraction) -> bool:
    """Whether two rates are one, rounded: 30 for 30000/1001, but not 29."""
    return bool(abs(one / other - 1) <= RATE_SLACK / 20)

"""The door every model's output passes: what is wrong is said here, before anything is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import Space, as_space

MIN_SHARE = 0.5
"""An output that stands for less than this share of the source's frames has failed, not scored well."""


class OutputError(Exception):
    """What a model returned is not a clip the harness can judge; the trial fails with this sentence."""


def checked_frames(chunks: Iterable[Any]) -> Iterator[NDArray[np.uint8]]:
    """The chunks, each verified to be (N, H, W, 3) uint8 RGB of one size.

    Raises:
        OutputError: another dtype, shape or size, NaN frames, or no frames at all.
    """
    size: tuple[int, ...] | None = None
    for chunk in chunks:
        frames = np.asarray(chunk)
        _check_chunk(frames)
        size = size or frames.shape[1:3]
        if frames.shape[1:3] != size:
            raise OutputError(
                f"frame size changes from {size[::-1]} to {frames.shape[2:0:-1]} (width, height)"
            )
        if len(frames):
            yield frames
    if size is None:
        raise OutputError("no frames at all")


def _check_chunk(frames: NDArray[Any]) -> None:
    if np.issubdtype(frames.dtype, np.floating) and np.isnan(frames).any():
        raise OutputError("frames hold NaN")
    if frames.dtype != np.uint8:
        raise OutputError(f"frames are {frames.dtype}; uint8 in 0..255 is expected")
    if frames.ndim != 4 or frames.shape[3] != 3:
        raise OutputError(f"frames have shape {frames.shape}; (N, H, W, 3) RGB is expected")


def checked_space(space: object) -> Space:
    """What of its source's frame the output shows.

    Raises:
        OutputError: none of `spfem_baselines.SPACES`.
    """
    try:
        return as_space(space)
    except ValueError as error:
        raise OutputError(str(error)) from error


def checked_map(
    frame_map: NDArray[np.int64] | None, count: int, source_count: int, min_share: float = MIN_SHARE
) -> NDArray[np.int64]:
    """The output's frame map, identity where the model gave none.

    Args:
        frame_map: (T,) source frame of each output frame, or None.
        count: T, the frames that came.
        source_count: frames of the source clip.
        min_share: smallest share of the source's frames the output must stand for.

    Raises:
        OutputError: wrong length, out of range, going backwards, or too few frames.
    """
    if frame_map is None and count != source_count:
        raise OutputError(
            f"{count} frames came for a source of {source_count} and no frame map says which they stand for"
        )
    given = np.arange(count) if frame_map is None else np.asarray(frame_map)
    if given.shape != (count,) or not np.issubdtype(given.dtype, np.integer):
        raise OutputError(
            f"the frame map has shape {given.shape} for {count} frames; one integer each is due"
        )
    if count and (given.min() < 0 or given.max() >= source_count):
        raise OutputError(f"the frame map points outside the source's {source_count} frames")
    if (np.diff(given) < 0).any():
        raise OutputError("the frame map goes backwards in time")
    covered = len(np.unique(given))
    if covered < min_share * source_count:
        raise OutputError(
            f"the output stands for {covered} of {source_count} source frames; {min_share:.0%} is the least"
        )
    return given.astype(np.int64)

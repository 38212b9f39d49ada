"""What a model or caller hands in to be stored, checked on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spfem_bench.clips.picture import Image
from spfem_bench.errors import UsageError


def checked_images(chunks: Iterable[NDArray[np.uint8]]) -> Iterator[Image]:
    """The frames of ``chunks`` one by one, C-contiguous.

    Raises:
        UsageError: a chunk is not (N, H, W, 3) uint8, or its frames are of another size than the first.
    """
    size: tuple[int, ...] | None = None
    at = 0
    for chunk in chunks:
        _check_chunk(chunk, at)
        size = chunk.shape[1:3] if size is None else size
        if chunk.shape[1:3] != size:
            raise UsageError(
                f"frame {at} is {chunk.shape[2]}x{chunk.shape[1]}, the first was {size[1]}x{size[0]}"
            )
        at += len(chunk)
        yield from np.ascontiguousarray(chunk)


def _check_chunk(chunk: object, at: int) -> None:
    if not isinstance(chunk, np.ndarray):
        raise UsageError(f"frames from {at} on are a {type(chunk).__name__}, not a numpy array")
    if chunk.dtype != np.uint8:
        odd = np.issubdtype(chunk.dtype, np.inexact) and not np.isfinite(chunk).all()
        what = f"{chunk.dtype} with values that are not finite" if odd else str(chunk.dtype)
        raise UsageError(f"frames from {at} on are {what}; give uint8 RGB, 0 to 255")
    if chunk.ndim != 4 or chunk.shape[3] != 3 or 0 in chunk.shape[1:3]:
        raise UsageError(f"frames from {at} on have shape {chunk.shape}; give (N, H, W, 3) RGB")


def checked_rate(fps: Fraction) -> Fraction:
    """``fps`` as a positive fraction (whole numbers will do).

    Raises:
        UsageError: it is a float, which cannot say 30000/1001, or not positive.
    """
    if not isinstance(fps, int | Fraction) or fps <= 0:
        raise UsageError(f"a frame rate must be a positive Fraction, not {fps!r}")
    return Fraction(fps)


def checked_times(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) float64 seconds.

    Raises:
        UsageError: they are not finite, do not start at 0 or do not increase.
    """
    seconds = np.asarray(times, np.float64)
    steps = np.diff(seconds)
    if seconds.ndim != 1 or not np.isfinite(seconds).all() or seconds[:1].any() or (steps <= 0).any():
        raise UsageError("frame times must be finite seconds that start at 0 and increase")
    return seconds


def checked_map(frame_map: ArrayLike | None, count: int) -> tuple[int, ...] | None:
    """The map as a tuple; None for the identity.

    Raises:
        UsageError: it is not one non-decreasing, non-negative whole number a frame.
    """
    if frame_map is None:
        return None
    given = np.asarray(frame_map)
    if given.shape != (count,) or not np.issubdtype(given.dtype, np.integer):
        raise UsageError(
            f"the frame map is {given.dtype} of shape {given.shape}; give one whole number for each of "
            f"{count} frames"
        )
    if (given < 0).any() or (np.diff(given) < 0).any():
        raise UsageError("the frame map must not be negative and must not go back in time")
    return None if np.array_equal(given, np.arange(count)) else tuple(given.tolist())

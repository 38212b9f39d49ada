"""Two clips read side by side, once and only where frames meet, with a small batch of either in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.media import Frames, Media, chosen

BATCH = 8
"""Frames of either clip held at a time."""

Picture = NDArray[np.uint8]


class _Reader:
    """Some of one clip's frames in order, each as often in a row as it is asked for."""

    def __init__(self, media: Media, frames: NDArray[np.int64]) -> None:
        numbers = np.unique(frames)
        self._pictures = zip(numbers.tolist(), _each(chosen(media, numbers, BATCH)), strict=False)
        self._at: tuple[int, Picture] | None = None

    def frame(self, number: int) -> Picture:
        """The picture of the frame asked for last, or of the next of the clip's."""
        while self._at is None or self._at[0] != number:
            self._at = next(self._pictures, None)
            if self._at is None:
                raise InputError(f"frame {number} was asked of a clip that ended before it")
        return self._at[1]


def _each(batches: Iterator[Frames]) -> Iterator[Picture]:
    for images in batches:
        yield from images


def lockstep(first: Media, second: Media, pairs: NDArray[np.int64]) -> Iterator[tuple[Picture, Picture]]:
    """The pictures of each pair, in order.

    Args:
        first: indexed by the first column.
        second: indexed by the second column.
        pairs: (P, 2) indices, both columns non-decreasing.

    Yields:
        (H, W, 3) uint8 RGB of either clip.

    Raises:
        InputError: pairs of another shape or order, or beyond a clip's end.
    """
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise InputError(f"frame pairs must have shape (P, 2), not {pairs.shape}")
    if len(pairs) and (pairs.min() < 0 or (np.diff(pairs, axis=0) < 0).any()):
        raise InputError("frame pairs must be non-negative and never go back in time")
    ours, theirs = _Reader(first, pairs[:, 0]), _Reader(second, pairs[:, 1])
    for index, other in pairs.tolist():
        yield ours.frame(index), theirs.frame(other)

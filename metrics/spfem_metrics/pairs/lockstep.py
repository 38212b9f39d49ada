"""Two clips read side by side, each decoded once, with one small batch of either in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.media import Media

BATCH = 8
"""Frames of either clip held at a time."""

Picture = NDArray[np.uint8]


class _Reader:
    """One clip's frames by index, never backwards beyond the batch at hand."""

    def __init__(self, media: Media) -> None:
        self._batches = media.batches(BATCH)
        self._start = 0
        self._images = np.zeros((0, 0, 0, 3), np.uint8)

    def frame(self, index: int) -> Picture:
        """The picture of one frame; an earlier batch cannot be asked for again."""
        while index >= self._start + len(self._images):
            batch = next(self._batches, None)
            if batch is None:
                raise InputError(f"frame {index} was asked of a clip that ended before it")
            self._start, self._images = batch.start, batch.images
        return np.asarray(self._images[index - self._start], np.uint8)


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
    ours, theirs = _Reader(first), _Reader(second)
    for index, other in pairs.tolist():
        yield ours.frame(index), theirs.frame(other)

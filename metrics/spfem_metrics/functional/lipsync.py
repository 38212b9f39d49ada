"""Lip-sync with the sound, from two sequences of embeddings: the arithmetic under LSE-C and LSE-D.

After SyncNet (Chung and Zisserman 2016; the released `evaluate`). What "LSE" names differs between papers in
three choices, all of them arguments or stated here: what stands beyond the clip's ends (`Ends`), the epsilon
inside the norm, and the order, which is fixed: mean over windows first, then minimum and median over
offsets. SyncNet's own protocol is ``reach=15, ends="zero-padded", eps=1e-6``.

Offsets have SyncNet's sign: at offset k the window of video frame i is compared with the sound of frame
i - k, so a positive one means lips that come k frames after their sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats, alike, floats

Ends = Literal["paired", "zero-padded"]
"""``paired``: only pairs of which both rows exist and were seen. ``zero-padded``: sound beyond the ends is a
row of zeros, as in SyncNet; this mixes the length of the video's embeddings into the means, the more so the
shorter the clip."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class SyncDistances:
    """Distances between video windows and sound.

    Args:
        values: (W, 2 reach + 1) distances, 0 where not counted. Column c compares frame i with the sound of
            frame i + c - reach.
        counted: (W, 2 reach + 1) bool.
    """

    values: Floats
    counted: Flags

    @property
    def reach(self) -> int:
        """Offsets tried either way."""
        return int(self.values.shape[1] // 2)

    @property
    def fewest(self) -> int:
        """Pairs at the offset that has fewest."""
        return int(self.counted.sum(axis=0).min())

    def at(self, offset: int) -> Floats:
        """(n,) the counted distances at one offset, in the order of frames."""
        column = self.reach - offset
        return np.asarray(self.values[self.counted[:, column], column], np.float64)


@dataclass(frozen=True)
class SyncCurve:
    """Mean distance at each offset.

    Args:
        means: (2 reach + 1,) in the columns of `SyncDistances`.
    """

    means: Floats

    @property
    def reach(self) -> int:
        """Offsets tried either way."""
        return len(self.means) // 2

    @property
    def offset(self) -> int:
        """Where the mean distance is least, in frames; of equal ones the smallest shift."""
        shifts = np.arange(self.reach, -self.reach - 1, -1)
        return int(shifts[np.lexsort((shifts, np.abs(shifts), self.means))[0]])

    def distance(self, offset: int | None = None) -> float:
        """LSE-D: the mean distance at the best offset, or at the one given."""
        at = self.offset if offset is None else offset
        return float(self.means[self.reach - at])

    def confidence(self, offset: int | None = None) -> float:
        """LSE-C: by how much the distance at the best (or given) offset lies under the median of all.

        At the best offset it is never below 0; at a given one it can be.
        """
        return float(np.median(self.means)) - self.distance(offset)


def sync_distances(
    video: ArrayLike,
    audio: ArrayLike,
    *,
    reach: int = 15,
    ends: Ends = "paired",
    eps: float = 0.0,
    seen: tuple[ArrayLike, ArrayLike] | None = None,
) -> SyncDistances:
    """Euclidean distances of every video window to the sound at every offset.

    Args:
        video: (W, D) embedding of the frames from i on.
        audio: (W, D) embedding of the sound from frame i on.
        reach: frames tried either way, at least 1.
        ends: see `Ends`.
        eps: added to every component of a difference before the norm (torch's `pairwise_distance` adds 1e-6).
        seen: (W,) flags of usable rows of ``video`` and of ``audio``, for ``paired`` only.

    Raises:
        InputError: shapes differ, values are not finite, the reach is under 1, or ``seen`` is given with
            ``zero-padded``.
    """
    lips, sound = floats("video", video, 2), floats("audio", audio, 2)
    alike("embeddings", lips, sound)
    if reach < 1 or (ends == "zero-padded" and seen is not None):
        raise InputError(f"no lip-sync with reach {reach}, ends {ends!r} and flags {seen is not None}")
    padded = np.pad(sound, ((reach, reach), (0, 0)))
    offsets = range(2 * reach + 1)
    columns = [np.linalg.norm(lips - padded[c : c + len(lips)] + eps, axis=1) for c in offsets]
    counted = _pairs(len(lips), reach, seen) if ends == "paired" else np.ones((len(lips), len(offsets)), bool)
    return SyncDistances(np.where(counted, np.stack(columns, axis=1), 0.0), counted)


def _pairs(count: int, reach: int, seen: tuple[ArrayLike, ArrayLike] | None) -> Flags:
    """(W, 2 reach + 1) whether a column's pair exists and both of it were seen."""
    lips, sound = (np.ones(count, bool),) * 2 if seen is None else (np.asarray(s, bool) for s in seen)
    if lips.shape != (count,) or sound.shape != (count,):
        raise InputError(f"flags of shape {lips.shape} and {sound.shape} for {count} windows")
    padded = np.pad(sound, reach)
    return np.stack([lips & padded[c : c + count] for c in range(2 * reach + 1)], axis=1)


def sync_curve(distances: SyncDistances) -> SyncCurve:
    """Mean over windows, for each offset.

    Raises:
        InputError: an offset has no pair at all.
    """
    if not distances.fewest:
        raise InputError(f"an offset within {distances.reach} frames leaves no pair to compare")
    return SyncCurve(distances.values.sum(axis=0) / distances.counted.sum(axis=0))


def framewise_confidence(distances: SyncDistances, offset: int) -> Floats:
    """(n,) for each window with a pair at this offset, how far its distance lies under the clip's median.

    SyncNet's ``fconf`` (before its median filter of 9 frames): the median is that of the mean curve.
    """
    return np.asarray(np.median(sync_curve(distances).means) - distances.at(offset), np.float64)

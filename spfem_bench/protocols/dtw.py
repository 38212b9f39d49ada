"""Which frame of one recording says what a frame of another says: dynamic time warping of their sound.

As the published pair list of the field was made: 16 kHz, 13 MFCC with a hop of 1/30 s, L1 local distance,
steps (1,1), (1,0), (0,1) of equal weight, no window, both ends tied.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spfem_bench.errors import ClipError, SilentClipError
from spfem_bench.protocols.mfcc import RATE, mfcc

DTW_VERSION = 1
"""Raised whenever the same two sounds would be aligned otherwise."""

HOP = 1 / 30
"""Seconds between the windows that are aligned."""

MAX_CELLS = 100_000_000
"""Largest table of steps, one byte each: two clips of five and a half minutes."""

Floats = NDArray[np.float64]
Pairs = NDArray[np.int64]

_DIAGONAL, _DOWN, _RIGHT = 0, 1, 2


class Sounding(Protocol):
    """What is read of a clip."""

    @property
    def times(self) -> Floats:
        """(T,) seconds of the frames."""
        ...

    def audio(self, rate: int) -> NDArray[np.float32] | None:
        """(N,) mono samples, starting with the first frame."""
        ...


def align_audio(source: Sounding, truth: Sounding) -> Pairs:
    """One frame of ``truth`` for each frame of ``source``, by their sound.

    Returns:
        (T, 2) int64 (source frame, truth frame), both columns non-decreasing, T the source's frames.

    Raises:
        SilentClipError: one of them has no sound.
        ClipError: one of them has no frame, or they are too long to align.
    """
    first, second = _features(source, "source"), _features(truth, "truth")
    return frame_pairs(np.asarray(source.times), np.asarray(truth.times), warp(first, second)[0])


def _features(clip: Sounding, side: str) -> Floats:
    samples = clip.audio(RATE)
    name = getattr(clip, "path", f"the {side}")
    if samples is None or not len(samples):
        raise SilentClipError(f"{name} has no sound to align by; give the trial's {side} its audio file")
    if not len(clip.times):
        raise ClipError(f"{name} has no frame to align")
    return mfcc(samples, HOP)


def warp(a: Floats, b: Floats) -> tuple[Pairs, float]:
    """The cheapest monotone path through two feature sequences, and its cost (the sum of L1 distances).

    Works along anti-diagonals, so that numpy does the inner loop; of equally cheap steps the diagonal one is
    taken, then the one that advances ``a``.

    Args:
        a: (N, D) features.
        b: (M, D) features.

    Returns:
        (P, 2) int64 path from (0, 0) to (N-1, M-1), and its cost.

    Raises:
        ClipError: N * M exceeds `MAX_CELLS`.
    """
    n, m = len(a), len(b)
    if n * m > MAX_CELLS:
        raise ClipError(f"clips of {n * HOP:.0f} s and {m * HOP:.0f} s are too long to align; cut them first")
    steps = np.zeros((n, m), np.uint8)
    cost = np.inf
    # before[i + 1], older[i + 1]: cost of row i on the last diagonal and on the one before it.
    before, older = np.full(n + 1, np.inf), np.full(n + 1, np.inf)
    for d in range(n + m - 1):
        rows = np.arange(max(0, d - m + 1), min(n - 1, d) + 1)
        local = np.abs(a[rows] - b[d - rows]).sum(axis=1)
        arrivals = np.stack([older[rows], before[rows], before[rows + 1]])
        step = arrivals.argmin(axis=0)
        best = arrivals.min(axis=0) if d else np.zeros(1)
        steps[rows, d - rows] = step
        older, before = before, np.full(n + 1, np.inf)
        before[rows + 1] = best + local
        cost = float(before[n])
    return _backtrack(steps), cost


def _backtrack(steps: NDArray[np.uint8]) -> Pairs:
    i, j = steps.shape[0] - 1, steps.shape[1] - 1
    path = [(i, j)]
    while i or j:
        step = steps[i, j]
        i -= step != _RIGHT
        j -= step != _DOWN
        path.append((i, j))
    return np.asarray(path[::-1], np.int64)


def frame_pairs(source_times: Floats, truth_times: Floats, path: Pairs, hop: float = HOP) -> Pairs:
    """Carry a path between windows of sound over to frames.

    A source frame falls to the window nearest in time, that window to the middle one of those it is matched
    with, and that one to the truth frame nearest in time.

    Args:
        source_times: (T,) seconds, increasing, from 0.
        truth_times: (U,) seconds, increasing, from 0.
        path: (P, 2) int64, monotone, from (0, 0), every source window in it.
        hop: seconds between windows.

    Returns:
        (T, 2) int64 (source frame, truth frame), both columns non-decreasing.
    """
    windows = np.rint(source_times / hop).astype(np.int64).clip(0, path[-1, 0])
    first = np.searchsorted(path[:, 0], windows, side="left")
    last = np.searchsorted(path[:, 0], windows, side="right") - 1
    matched = path[(first + last) // 2, 1] * hop
    return np.stack([np.arange(len(source_times)), _nearest(truth_times, matched)], axis=1).astype(np.int64)


def _nearest(times: Floats, wanted: Floats) -> Pairs:
    """Index of the time nearest to each wanted one, the earlier of two equally near."""
    right = np.searchsorted(times, wanted).clip(1, max(1, len(times) - 1))
    if len(times) == 1:
        return np.zeros(len(wanted), np.int64)
    left = right - 1
    nearer = np.where(wanted - times[left] <= times[right] - wanted, left, right)
    return np.asarray(nearer, np.int64)

"""SyncNet's own arithmetic from embeddings to LSE-D, LSE-C, offset and frame-wise confidence.

As the released ``evaluate``: Euclidean distances with 1e-6 added to every component of a difference (torch's
``pairwise_distance``), rows of zeros beyond the ends of the sound, the mean over windows at each shift, then
the least and the median over shifts. In float64, where the original has float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import floats
from spfem_metrics.functional.lipsync import sync_curve, sync_distances

Floats = NDArray[np.float64]

EPS = 1e-6
MEDIAN = 9
"""Frames of the median over the frame-wise confidence."""


@dataclass(frozen=True)
class SyncNetScore:
    """What ``evaluate`` says of a clip.

    Args:
        distance: LSE-D, the least of the mean distances over shifts.
        confidence: LSE-C, their median less the least.
        offset: frames by which the lips come after the sound at the least; of equal ones the largest.
        framewise: (W,) how far each window's distance there lies under the median, through a median of nine
            windows with zeros beyond the ends, so that the first and last four are drawn to 0.
        windows: W.
        padded: share of all distances that were taken to a row of zeros.
    """

    distance: float
    confidence: float
    offset: int
    framewise: Floats
    windows: int
    padded: float


def syncnet_score(video: ArrayLike, audio: ArrayLike, *, reach: int) -> SyncNetScore:
    """LSE-D, LSE-C and offset.

    Args:
        video: (W, D) embeddings of the windows of pictures, W >= 1.
        audio: (W, D) embeddings of the windows of sound.
        reach: shifts tried either way (``vshift``), 15 in syncnet_python, 10 in the papers' script.

    Raises:
        InputError: shapes differ, nothing to compare, or values that are not finite.
    """
    found = sync_distances(video, audio, reach=reach, ends="zero-padded", eps=EPS)
    means = sync_curve(found).means
    least = int(np.argmin(means))
    median = lower_median(means)
    count = len(found.values)
    beyond = 2 * sum(min(count, shift) for shift in range(1, reach + 1))
    return SyncNetScore(
        distance=float(means[least]),
        confidence=median - float(means[least]),
        offset=reach - least,
        framewise=zero_padded_median(median - found.values[:, least], MEDIAN),
        windows=count,
        padded=beyond / found.values.size,
    )


def lower_median(values: ArrayLike) -> float:
    """The median as ``torch.median`` takes it: of an even number of values the lower middle one.

    Raises:
        InputError: no values, or values that are not finite.
    """
    ordered = np.sort(floats("values", values, 1))
    if not len(ordered):
        raise InputError("no values to take the median of")
    return float(ordered[(len(ordered) - 1) // 2])


def zero_padded_median(values: ArrayLike, width: int) -> Floats:
    """A running median with zeros beyond the ends, as ``scipy.signal.medfilt``.

    Args:
        values: (N,).
        width: frames, odd.

    Raises:
        InputError: an even width, or values that are not finite.
    """
    if width < 1 or width % 2 == 0:
        raise InputError(f"a running median needs an odd width, not {width}")
    padded = np.pad(floats("values", values, 1), width // 2)
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1), np.float64)

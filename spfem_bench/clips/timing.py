"""One rule from a file's time stamps to frames per second and presentation times.

A rate is *nominal* when every frame lies within one tick of the file's time base (at most a quarter of a
frame) of ``i / fps``: what differs is only the container's rounding, so the times are exactly ``i / fps``
in whatever container the clip is kept. The container's own rates are tried first, then the mean rate
``(frames - 1) / (last - first)``. Where none fits, the stamps are kept as they are and the rate is the
mean. Either way the first frame is at 0 and the last frame lasts ``1 / fps``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Timeline:
    """When every frame is shown.

    Args:
        fps: nominal rate, or the mean rate where the spacing varies.
        times: (T,) float64 seconds, strictly increasing, the first 0.
        regular: True where ``times`` are exactly ``i / fps``.
    """

    fps: Fraction
    times: NDArray[np.float64]
    regular: bool

    @property
    def variable(self) -> bool:
        """True where a frame departs from ``i / fps`` by more than half a frame."""
        departure = np.abs(self.times - regular_times(len(self.times), self.fps))
        return bool(departure.max(initial=0.0) > 0.5 / float(self.fps))

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame to the end of the last, which lasts ``1 / fps``."""
        if self.regular:
            return len(self.times) / self.fps
        return Fraction(float(self.times[-1])) + 1 / self.fps


def regular_times(count: int, fps: Fraction) -> NDArray[np.float64]:
    """(count,) float64 ``i / fps``, each the nearest float64 to the exact value."""
    return np.arange(count, dtype=np.int64) * fps.denominator / np.float64(fps.numerator)


def timeline_of(ticks: NDArray[np.int64], time_base: Fraction, rates: Iterable[Fraction]) -> Timeline:
    """The rule of this module.

    Args:
        ticks: (T,) int64 presentation stamps, strictly increasing.
        time_base: seconds a tick.
        rates: nominal rates the container names, most trusted first; with one frame the first is taken.

    Raises:
        ValueError: no frames, stamps that do not increase, or one frame and no rate.
    """
    if len(ticks) == 0 or np.any(np.diff(ticks) <= 0):
        raise ValueError("presentation times do not increase")
    stamps = (ticks - ticks[0]) * time_base.numerator / np.float64(time_base.denominator)
    candidates = [*rates, *_mean_rate(ticks, time_base)]
    if not candidates:
        raise ValueError("a single frame without a frame rate")
    for fps in candidates:
        nominal = regular_times(len(ticks), fps)
        if np.abs(stamps - nominal).max() <= _tolerance(time_base, fps):
            return Timeline(fps, nominal, regular=True)
    return Timeline(candidates[-1], stamps, regular=False)


def timeline_from(times: NDArray[np.float64], fps: Fraction) -> Timeline:
    """A timeline whose times and rate are already known, as a stored clip's are."""
    return Timeline(fps, times, regular=bool(np.array_equal(times, regular_times(len(times), fps))))


def _mean_rate(ticks: NDArray[np.int64], time_base: Fraction) -> list[Fraction]:
    span = int(ticks[-1] - ticks[0]) * time_base
    return [(len(ticks) - 1) / span] if span else []


def _tolerance(time_base: Fraction, fps: Fraction) -> float:
    return float(min(time_base, 1 / (4 * fps))) * (1 + 1e-6)

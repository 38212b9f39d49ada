"""Trajectories of two clips on a common uniform time base: correlation and lag.

Frame rates may differ or vary; values between frames are interpolated linearly. Instants between two frames
of which one was not seen are left out, never bridged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats, floats

STEP = 0.01
"""Seconds between instants of the common base; also the resolution of `best_lag`."""


@dataclass(frozen=True)
class Trajectory:
    """Values over time.

    Args:
        times: (T,) seconds, strictly increasing.
        values: (T, C) finite.
        seen: (T,) bool; values of other frames are not used.

    Raises:
        InputError: shapes differ, times do not increase, or values are not finite.
    """

    times: Floats
    values: Floats
    seen: NDArray[np.bool_]

    def __post_init__(self) -> None:
        times, values = floats("times", self.times, 1), floats("values", self.values, 2)
        if not len(times) == len(values) == len(self.seen):
            raise InputError(f"{len(times)} times, {len(values)} values and {len(self.seen)} flags differ")
        if (np.diff(times) <= 0).any():
            raise InputError("times must increase")


@dataclass(frozen=True)
class Paired:
    """Two trajectories on one base.

    Args:
        output: (N, C).
        source: (N, C).
        output_seen: (N,) bool.
        source_seen: (N,) bool.
        step: seconds between instants.
    """

    output: Floats
    source: Floats
    output_seen: NDArray[np.bool_]
    source_seen: NDArray[np.bool_]
    step: float

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(N,) where both were seen."""
        return self.output_seen & self.source_seen

    @property
    def span(self) -> float:
        """Seconds of the base in which both were seen."""
        return int(self.seen.sum()) * self.step


def on_common_base(output: Trajectory, source: Trajectory, step: float = STEP) -> Paired:
    """Both trajectories at the instants k * ``step`` that lie within both clips."""
    base = _common_base(output.times, source.times, step)
    output_values, output_seen = _at(output, base)
    source_values, source_seen = _at(source, base)
    return Paired(output_values, source_values, output_seen, source_seen, step)


def _common_base(first: Floats, second: Floats, step: float) -> Floats:
    if not len(first) or not len(second):
        return np.zeros(0)
    start, end = max(first[0], second[0]), min(first[-1], second[-1])
    return step * np.arange(np.ceil(start / step - 1e-6), np.floor(end / step + 1e-6) + 1)


def _at(trajectory: Trajectory, base: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Linear interpolation; an instant counts as seen where every frame it rests on was seen."""
    if not len(base):
        return np.zeros((0, trajectory.values.shape[1])), np.zeros(0, bool)
    columns = [np.interp(base, trajectory.times, column) for column in trajectory.values.T]
    seen = np.interp(base, trajectory.times, trajectory.seen.astype(np.float64)) > 1 - 1e-9
    return np.stack(columns, axis=1), seen


def channel_correlations(output: Floats, source: Floats) -> Floats:
    """Pearson correlation of each channel.

    A channel that does not move on one side carries nothing of the other: 0, not undefined.

    Args:
        output: (N, C), N >= 1.
        source: (N, C).

    Returns:
        (C,) in [-1, 1].
    """
    a, b = output - output.mean(axis=0), source - source.mean(axis=0)
    power = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    still = (np.ptp(output, axis=0) < 1e-9) | (np.ptp(source, axis=0) < 1e-9)
    raw = (a * b).sum(axis=0) / np.where(still, 1.0, power)
    return np.asarray(np.clip(np.where(still, 0.0, raw), -1.0, 1.0), np.float64)


def best_lag(paired: Paired, reach: float = 0.5, overlap: float = 1.0) -> tuple[float, float] | None:
    """The shift at which the output follows the source best.

    Args:
        paired: from `on_common_base`.
        reach: seconds searched either way, in steps of ``paired.step``.
        overlap: seconds seen in both clips that a shift must leave to be considered.

    Returns:
        Lag in seconds, positive where the output comes late, and the mean channel correlation there; of
        equal correlations the smallest lag wins. None where no shift leaves enough.
    """
    limit = round(reach / paired.step)
    shifts = sorted(range(-limit, limit + 1), key=lambda shift: (abs(shift), shift))
    matches = [(shift, _shifted_correlation(paired, shift, overlap)) for shift in shifts]
    known = [(shift, match) for shift, match in matches if match is not None]
    if not known:
        return None
    shift, match = max(known, key=lambda pair: pair[1])
    return shift * paired.step, match


def _shifted_correlation(paired: Paired, shift: int, overlap: float) -> float | None:
    count = len(paired.output) - abs(shift)
    if count < 1:
        return None
    late, early = slice(max(shift, 0), max(shift, 0) + count), slice(max(-shift, 0), max(-shift, 0) + count)
    seen = paired.output_seen[late] & paired.source_seen[early]
    if seen.sum() * paired.step < overlap - 1e-9:
        return None
    return float(channel_correlations(paired.output[late][seen], paired.source[early][seen]).mean())

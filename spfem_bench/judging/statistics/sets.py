"""Intervals for set metrics (KID, Fréchet distances), whose unit is again the speaker.

Such a score has no value per trial; what can be left out is a speaker, on every side at once (the delete-one
jackknife, Tukey 1958; Efron and Stein 1981). Drawing speakers with replacement instead repeats rows, which
moves a Fréchet distance so far that the interval can miss its own point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from spfem_bench.judging.statistics.pivots import t_quantile
from spfem_bench.judging.statistics.types import Floats, Interval
from spfem_metrics.errors import InputError
from spfem_metrics.functional import kernel_intervals
from spfem_metrics.functional.checks import floats
from spfem_metrics.functional.frechet import frechet_distance
from spfem_metrics.functional.kernel import Kernel

BySpeaker = Mapping[str, ArrayLike]
"""For each speaker its (n, D) features, n >= 1."""

FEWEST_SPEAKERS = 6
"""Speakers from which on the jackknife keeps its level (docs/statistics.md)."""

_Rows = Mapping[str, Floats]
_Distance = Callable[[_Rows, _Rows], float]


def frechet_jackknife(
    candidate: BySpeaker,
    baseline: BySpeaker,
    real: BySpeaker,
    *,
    ddof: Literal[0, 1] = 1,
    level: float = 0.95,
) -> Interval:
    """The difference of two Fréchet distances from the same real rows, candidate minus baseline.

    Few rows bias both distances upwards; they compare only with as many rows of the same speakers, and what
    the interval covers is the difference to be expected of sets of this size. Centred on the difference, its
    half width is t of S - 1 degrees of freedom times the root of ``(S - 1)/S sum_s (d_s - mean)^2``, with d_s
    the difference without speaker s on any side.

    Args:
        candidate: its rows.
        baseline: its rows; every speaker has as many as the candidate's.
        real: the real rows, of these or other speakers.
        ddof: as in `spfem_metrics.functional.frechet_distance`.
        level: coverage, between 0 and 1.

    Returns:
        Question ``any-actors``. Not reliable for fewer than `FEWEST_SPEAKERS`; without ends for fewer than
        three, or where nothing scatters.

    Raises:
        InputError: speakers or numbers of rows differ, widths differ, values are not finite, or a side
            without one speaker has fewer than two rows.
    """
    sides = [_rows(name, side) for name, side in _named(candidate, baseline, real)]
    if {name: len(rows) for name, rows in sides[0].items()} != {
        name: len(rows) for name, rows in sides[1].items()
    }:
        raise InputError(
            "Fréchet distances compare only with as many rows of the same speakers on both sides"
        )
    distance = partial(_frechet, ddof=ddof)
    speakers = sorted({name for side in sides for name in side})
    whole, *without = (_difference(sides, left_out, distance) for left_out in (None, *speakers))
    return _jackknife(whole, np.array(without), sides, level)


def kernel_difference(
    candidate: BySpeaker,
    baseline: BySpeaker,
    real: BySpeaker,
    *,
    kernel: Kernel = Kernel(),  # noqa: B008 (frozen)
    level: float = 0.95,
) -> Interval:
    """The difference of two kernel distances (KID) from the same real rows, candidate minus baseline.

    Over pairs of rows of different speakers, hence unbiased at any size; the real rows' own term cancels. The
    jackknife is that of `frechet_jackknife`, at the price of one distance.

    Args:
        candidate: its rows.
        baseline: its rows.
        real: the real rows, of these or other speakers.
        kernel: the polynomial.
        level: coverage, between 0 and 1.

    Returns:
        As `frechet_jackknife`.

    Raises:
        InputError: widths differ, values are not finite, or a side without one speaker has no two others.
    """
    ours, theirs, real_rows = sides = [_rows(name, side) for name, side in _named(candidate, baseline, real)]
    speakers = sorted({name for side in sides for name in side})
    means = [
        sign * _pair_means(first, second, speakers, kernel)
        for sign, first, second in (
            (1, ours, ours),
            (-1, theirs, theirs),
            (-2, ours, real_rows),
            (2, theirs, real_rows),
        )
    ]
    whole, *without = np.sum(means, axis=0)
    return _jackknife(float(whole), np.array(without), sides, level)


def kernel_score(
    first: BySpeaker,
    second: BySpeaker,
    *,
    kernel: Kernel = Kernel(),  # noqa: B008 (frozen)
    level: float = 0.95,
) -> Interval:
    """One kernel distance (KID) with the interval of `spfem_metrics.functional.kernel_interval`.

    Args:
        first: rows of one side.
        second: rows of the other.
        kernel: the polynomial.
        level: coverage, between 0 and 1.

    Raises:
        InputError: as `kernel_difference`.
    """
    sides = [_rows(name, side) for name, side in (("first", first), ("second", second))]
    flat = [(np.concatenate(list(rows.values())), _owners(rows)) for rows in sides]
    found = kernel_intervals.kernel_interval(flat[0], flat[1], kernel=kernel, pairs="between", level=level)
    return _interval(found.estimate, found.half_width, sides, level)


def _named(candidate: BySpeaker, baseline: BySpeaker, real: BySpeaker) -> Iterable[tuple[str, BySpeaker]]:
    return (("candidate", candidate), ("baseline", baseline), ("real", real))


def _rows(name: str, side: BySpeaker) -> _Rows:
    rows = {speaker: floats(f"{name}, {speaker}", matrix, 2) for speaker, matrix in sorted(side.items())}
    if not rows or len({matrix.shape[1] for matrix in rows.values()}) > 1:
        raise InputError(f"{name}: no rows, or rows of several widths")
    return rows


def _owners(rows: _Rows) -> list[str]:
    return [speaker for speaker, matrix in rows.items() for _ in matrix]


def _frechet(first: _Rows, second: _Rows, ddof: Literal[0, 1]) -> float:
    return frechet_distance(*(np.concatenate(list(rows.values())) for rows in (first, second)), ddof=ddof)


def _difference(sides: Iterable[_Rows], left_out: str | None, distance: _Distance) -> float:
    ours, theirs, real = ({name: rows for name, rows in side.items() if name != left_out} for side in sides)
    if not (ours and theirs and real):
        raise InputError(f"nothing is left on one side without {left_out}")
    return distance(ours, real) - distance(theirs, real)


def _pair_means(first: _Rows, second: _Rows, speakers: list[str], kernel: Kernel) -> Floats:
    """(S + 1,) the kernel's mean over pairs of rows of different speakers, then that without each speaker."""
    shape = (len(speakers), len(speakers))
    sums, numbers = np.zeros(shape), np.zeros(shape)
    for (i, one), (j, other) in product(enumerate(speakers), repeat=2):
        if i != j and one in first and other in second:
            sums[i, j] = float(kernel.of_products(first[one] @ second[other].T, first[one].shape[1]).sum())
            numbers[i, j] = len(first[one]) * len(second[other])
    left = _without(numbers)
    if not (left > 0).all():
        raise InputError("a kernel distance over speakers needs three on each side, or two and others")
    return _without(sums) / left


def _without(blocks: Floats) -> Floats:
    """(S + 1,) the sum of all blocks, then without each speaker's row and column; the diagonal is 0."""
    total = float(blocks.sum())
    return np.array([total, *(total - blocks.sum(axis=0) - blocks.sum(axis=1))])


def _jackknife(whole: float, without: Floats, sides: list[_Rows], level: float) -> Interval:
    count = len(without)
    error = math.sqrt((count - 1) * float(np.var(without)))
    # What rounding alone leaves of a difference that no speaker moves is no scatter.
    if count < 3 or error <= 1e-12 * float(np.abs(without).max()):
        return _interval(whole, None, sides, level)
    return _interval(whole, float(t_quantile((1 + level) / 2, np.array(count - 1.0))) * error, sides, level)


def _interval(point: float, half: float | None, sides: list[_Rows], level: float) -> Interval:
    """Checked and told whether it is reliable."""
    if not 0 < level < 1:
        raise InputError(f"a level must lie between 0 and 1, not {level}")
    count = len({name for side in sides for name in side})
    note = "" if count >= FEWEST_SPEAKERS else f"a jackknife over {count} speakers does not keep its level"
    if half is None:
        note = f"no speaker of {count} moves the score, or there are too few to leave one out"
    return Interval(
        point=point,
        low=None if half is None else point - half,
        high=None if half is None else point + half,
        level=level,
        method="delete-one-speaker jackknife t",
        question="any-actors",
        clusters=count,
        n=sum(map(len, sides[0].values())),
        reliable=not note,
        note=note,
    )

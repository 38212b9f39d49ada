"""Paired permutation over speakers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spfem_bench.judging.statistics.samples import Sample
from spfem_bench.judging.statistics.streams import blocks, signs
from spfem_bench.judging.statistics.types import Floats, Permutation

MOST_COUNTED = 2**14
"""Arrangements up to which all are counted: 14 speakers."""

_CHUNK = 2**10
"""Arrangements held at once."""

_ROUNDING = 1e-12
"""Share of the sum of all sizes by which rounding may move a sum that is equal."""


def permutation(
    differences: ArrayLike, speakers: Sequence[str], *, seed: int = 0, resamples: int = 9999
) -> Permutation:
    """Two-sided sign-flip test of the speakers' mean differences (Fisher 1935; Phipson and Smyth 2010).

    Were two systems the same, each speaker's mean difference would have either sign with the same chance,
    whatever its distribution and however many clips it rests on: p is the share of arrangements of signs in
    which the mean over speakers is at least as far from 0. Arrangements drawn at random count the one
    observed as well, so that p is never 0.

    Args:
        differences: (N,) finite, candidate minus baseline on the same trials.
        speakers: (N,) the speaker of each.
        seed: of the draws, where arrangements are too many to count.
        resamples: number of the draws.

    Returns:
        Order of rows, names of speakers and swapped sides move no bit.

    Raises:
        InputError: as `interval`.
    """
    found = Sample.of(differences, speakers).means
    least = smallest_p(int(np.count_nonzero(found)), len(found), resamples)
    exact = counted(len(found))
    p = float(p_values(found, seed, resamples))
    return Permutation(p, exact, 2 ** len(found) if exact else resamples, least)


def counted(speakers: int) -> bool:
    """Whether the arrangements of so many signs are few enough to count all."""
    return 1 << speakers <= MOST_COUNTED


def smallest_p(differing: int, speakers: int, resamples: int = 9999) -> float:
    """The smallest p that so many speakers allow: ``2^(1 - differing)``, or one of the arrangements drawn.

    Args:
        differing: speakers whose mean difference is not 0.
        speakers: all of them, by whose number arrangements are counted or drawn.
        resamples: number of the draws.
    """
    least = 2.0 ** (1 - max(1, differing))
    return least if counted(speakers) else max(least, 1 / (1 + resamples))


def p_values(means: Floats, seed: int = 0, resamples: int = 9999) -> Floats:
    """(...) the p-values of as many data sets, which share the arrangements drawn.

    Args:
        means: (..., S) speakers' mean differences.
        seed: of the draws.
        resamples: their number.
    """
    count = means.shape[-1]
    bar = np.abs(means.sum(axis=-1)) - _ROUNDING * np.abs(means).sum(axis=-1)
    exact = counted(count)
    arranged = (
        _all_signs(count) if exact else (signs(g, count)[:wanted] for g, wanted in blocks(seed, resamples))
    )
    extreme = sum(_extreme(part, means, bar) for part in arranged)
    return np.asarray(extreme / 2**count if exact else (1 + extreme) / (1 + resamples), np.float64)


def _extreme(arranged: Floats, means: Floats, bar: Floats) -> NDArray[np.int64]:
    """(...) in how many arrangements the sum is at least as far from 0 as the bar."""
    sums = np.abs(means @ arranged.T)
    return np.asarray((sums >= bar[..., None]).sum(axis=-1), np.int64)


def _all_signs(count: int) -> Iterator[Floats]:
    """Every arrangement of signs, some rows at a time."""
    for start in range(0, 2**count, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, 2**count))
        yield np.asarray(1.0 - 2.0 * (rows[:, None] >> np.arange(count) & 1), np.float64)

"""Means of strata, their standard errors, and how both move when the strata are drawn again.

Every function takes many data sets at once along its leading axis, so that coverage is simulated with the
very code that makes the intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spfem_bench.judging.statistics.streams import blocks, counts
from spfem_bench.judging.statistics.types import Floats

Strata = Sequence[Floats]
"""Each (..., n_s): what is drawn within one stratum, for each of many data sets."""

NO_SPREAD = 1e-12
"""A standard error below this share of the largest value is what rounding leaves of none."""


@dataclass(frozen=True)
class Means:
    """Estimates of as many data sets.

    Args:
        point: (...) mean over strata of their means.
        error: (...) its standard error, 0 where nothing scatters.
        freedom: (...) degrees of freedom of the error (Satterthwaite 1946), at least 1.
    """

    point: Floats
    error: Floats
    freedom: Floats


def means(strata: Strata) -> Means:
    """The mean of the strata's means with its error, ``1/S sqrt(sum_s v_s / n_s)``.

    v_s is the unbiased variance within stratum s; a stratum of one has none and borrows the others' mean. For
    a single stratum this is the mean, its standard error and n - 1 degrees of freedom.

    Args:
        strata: at least one.
    """
    sizes = [part.shape[-1] for part in strata]
    point = np.mean([part.mean(axis=-1) for part in strata], axis=0)
    spreads = [part.var(axis=-1, ddof=1) for part in strata if part.shape[-1] > 1]
    if not spreads:
        return Means(point, np.zeros_like(point), np.ones_like(point))
    error = np.sqrt(_variance(spreads, sizes)) / len(strata)
    largest = np.max([np.abs(part).max(axis=-1) for part in strata], axis=0)
    return Means(point, np.where(error > NO_SPREAD * largest, error, 0.0), _freedom(spreads, sizes))


def _freedom(spreads: Sequence[Floats], sizes: Sequence[int]) -> Floats:
    """``(sum_s a_s)^2 / sum_s (a_s^2 / (n_s - 1))`` with a_s = v_s / n_s; 1 where nothing scatters."""
    known = [size for size in sizes if size > 1]
    parts = [spread / size for spread, size in zip(spreads, known, strict=True)]
    squares = np.asarray(sum(part**2 / (size - 1) for part, size in zip(parts, known, strict=True)))
    return np.where(squares > 0, sum(parts) ** 2 / np.where(squares > 0, squares, 1.0), 1.0)


def drawn_again(strata: Strata, seed: int, resamples: int) -> Floats:
    """(resamples, ...) studentised means of data sets drawn again within their strata, unsorted.

    ``(mean* - mean) / error*``, each draw with its own error (Efron 1979; Hall 1988); infinite where a draw
    has none. Data sets share the draws, which depend on the strata's sizes, seed and index only.

    Args:
        strata: (..., n_s) each, n_s >= 2 for at least one.
        seed: of the draws.
        resamples: their number.
    """
    centred = [(part - part.mean(axis=-1, keepdims=True)).reshape(-1, part.shape[-1]) for part in strata]
    shape = (resamples, *strata[0].shape[:-1])
    drawn = [_block(rng, centred)[:wanted] for rng, wanted in blocks(seed, resamples)]
    return np.concatenate(drawn).reshape(shape)


def _block(rng: np.random.Generator, centred: Sequence[Floats]) -> Floats:
    """(BLOCK, R) studentised means of one stream."""
    shifts, spreads, sizes = [], [], [part.shape[-1] for part in centred]
    for part, size in zip(centred, sizes, strict=True):
        taken = counts(rng, size)
        shifts.append(taken @ part.T / size)
        if size > 1:
            spreads.append(np.maximum(taken @ (part * part).T - size * shifts[-1] ** 2, 0.0) / (size - 1))
    scale = np.mean([(part * part).mean(axis=-1) for part in centred], axis=0)
    return _ratio(sum(shifts), _variance(spreads, sizes), scale)


def _variance(spreads: Sequence[Floats], sizes: Sequence[int]) -> Floats:
    """Of the sum of the strata's means, from the variances of those that have one, in the order of sizes."""
    known = [size for size in sizes if size > 1]
    own = sum(spread / size for spread, size in zip(spreads, known, strict=True))
    return np.asarray(own + np.mean(spreads, axis=0) * (len(sizes) - len(known)), np.float64)


def _ratio(shift: Floats, variance: Floats, scale: Floats) -> Floats:
    """Shift over the root of the variance; infinite with the shift's sign where there is none."""
    flat = variance <= NO_SPREAD * scale
    unbounded = np.where(
        np.abs(shift) > math.sqrt(NO_SPREAD) * np.sqrt(scale), np.copysign(np.inf, shift), 0.0
    )
    return np.where(flat, unbounded, shift / np.sqrt(np.where(flat, 1.0, variance)))


def t_quantile(share: float, freedom: Floats) -> Floats:
    """Student's t quantile for each number of degrees of freedom."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, share), np.float64)

"""How a metric moves along the levels of a degradation, and how sure that is.

Everything here takes a `Curve`: values of trials at rising levels, each trial in a cluster (its speaker; for
set metrics a group of speakers). The cluster is the unit in which people are drawn, so every interval is
Student's t over the clusters' means.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Of every interval."""

POWER = 0.8
"""With which an effect called visible would be found."""

COVERED = 0.5
"""Share of trials that must be scored at a level for the level to count."""


@dataclass(frozen=True)
class Curve:
    """Values of trials at the levels of a degradation.

    Args:
        levels: (L,) rising, the first 0: no harm.
        values: (N, L) float64, NaN where a trial has no score.
        clusters: (N,) names of the clusters.
    """

    levels: tuple[float, ...]
    values: Floats
    clusters: tuple[str, ...]

    def covered(self) -> Curve:
        """Only the levels at which enough trials are scored, among trials scored without harm."""
        kept = np.isfinite(self.values[:, 0])
        values = self.values[kept]
        clusters = tuple(name for name, keep in zip(self.clusters, kept, strict=True) if keep)
        shares = np.isfinite(values).mean(axis=0) if len(values) else np.zeros(len(self.levels))
        columns = np.flatnonzero(shares >= COVERED)
        return Curve(tuple(self.levels[i] for i in columns), values[:, columns], clusters)


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95% interval.

    Args:
        estimate: mean of the clusters' means; None without a value.
        low: lower bound, None where one cluster leaves none.
        high: upper bound.
        clusters: how many there are.
    """

    estimate: float | None
    low: float | None
    high: float | None
    clusters: int

    def above(self, bar: float) -> bool:
        """Whether the whole interval lies above a number."""
        return self.low is not None and self.low > bar

    def below(self, bar: float) -> bool:
        """Whether the whole interval lies below a number."""
        return self.high is not None and self.high < bar

    def within(self, bar: float) -> bool:
        """Whether the whole interval lies in [-bar, bar]."""
        return self.low is not None and self.high is not None and -bar <= self.low and self.high <= bar


def quantile(share: float, freedom: int) -> float:
    """Student's t quantile."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def interval(values: Floats, clusters: Sequence[str], pseudo: tuple[float, ...] = ()) -> Interval:
    """Student's t interval over the clusters' means.

    Args:
        values: (N,) with NaN where there is none.
        clusters: (N,) names.
        pseudo: means of clusters that were not observed and are counted in.
    """
    means = cluster_means(values, clusters)
    count = len(means)
    if not count:
        return Interval(None, None, None, 0)
    pooled = np.array([*means, *pseudo])
    estimate = float(pooled.mean())
    if count < 2:
        return Interval(estimate, None, None, count)
    half = quantile((1 + LEVEL) / 2, len(pooled) - 1) * float(pooled.std(ddof=1)) / math.sqrt(len(pooled))
    return Interval(estimate, estimate - half, estimate + half, count)


def cluster_means(values: Floats, clusters: Sequence[str]) -> list[float]:
    """Mean of each cluster that has a value, in the order of the names."""
    names = np.asarray(clusters)
    found = [values[(names == name) & np.isfinite(values)] for name in sorted(set(clusters))]
    return [float(own.mean()) for own in found if len(own)]


def gamma(row: Floats, tie: float) -> float:
    """Goodman and Kruskal's gamma of one trial's values with the levels.

    ``(C - D) / (C + D)`` over pairs of levels, C those at which the value rises by more than ``tie``, D those
    at which it falls by more; 0 where every pair is tied.

    Args:
        row: (L,) values in the order of the levels, NaN where there is none.
        tie: difference up to which two values are the same.
    """
    known = row[np.isfinite(row)]
    gaps = known[None, :] - known[:, None]
    upper = gaps[np.triu_indices(len(known), 1)]
    rises, falls = int((upper > tie).sum()), int((upper < -tie).sum())
    return (rises - falls) / (rises + falls) if rises + falls else 0.0


def trend(curve: Curve, sign: int, tie: float) -> Interval:
    """Mean over clusters of the trials' `gamma`, with one cluster of gamma 0 counted in.

    The cluster without a trend is counted in as Agresti and Coull (1998) count in observations: trials that
    all agree would else give an interval of no width. With it the lower bound reaches .5 with six clusters
    that all agree, and not with fewer. The interval is cut off at -1 and 1.

    Args:
        curve: of a metric.
        sign: 1 where the value should rise, -1 where it should fall.
        tie: see `gamma`.
    """
    found = [sign * gamma(row, tie) for row in curve.values]
    whole = interval(np.array(found, np.float64), curve.clusters, (0.0,))
    if whole.low is None or whole.high is None:
        return whole
    return Interval(whole.estimate, max(-1.0, whole.low), min(1.0, whole.high), whole.clusters)


def change(curve: Curve, column: int, start: int = 0) -> Interval:
    """Mean change of the value from one level to another, over the trials scored at both.

    Args:
        curve: of a metric.
        column: index of the level.
        start: index of the level it is compared with.
    """
    return interval(curve.values[:, column] - curve.values[:, start], curve.clusters)


def reversal(curve: Curve, sign: int, tie: float) -> float | None:
    """The first level at which the mean significantly turns back by more than ``tie``, else None."""
    for column in range(1, len(curve.levels)):
        step = change(curve, column, column - 1)
        if step.below(-tie) if sign > 0 else step.above(tie):
            return curve.levels[column]
    return None


def noise_floor(differences: Floats) -> float:
    """95th percentile of the size of changes that nobody should see; 0 without any."""
    known = np.abs(differences[np.isfinite(differences)])
    return float(np.quantile(known, 0.95, method="higher")) if known.size else 0.0


@dataclass(frozen=True)
class Spread:
    """Where the differences between trials come from.

    Args:
        between: variance of the clusters' true means.
        within: variance of trials of one cluster.
    """

    between: float
    within: float

    def detectable(self, trials: int, clusters: int) -> float:
        """Mean change that is found with probability `POWER`.

        ``(t(.975) + t(.8)) sqrt(between / k + within / n)`` with k - 1 degrees of freedom.

        Args:
            trials: n, in all.
            clusters: k, at least 2.
        """
        freedom = clusters - 1
        factor = quantile((1 + LEVEL) / 2, freedom) + quantile(POWER, freedom)
        return factor * math.sqrt(self.between / clusters + self.within / trials)


def spread(values: Floats, clusters: Sequence[str]) -> Spread | None:
    """Variance components by one-way analysis of variance (method of moments).

    Trials of a cluster of one tell nothing of the variance within: where no cluster has two, all of it is
    taken for variance between, which only makes `Spread.detectable` larger.

    Returns:
        None for fewer than two clusters.
    """
    names = np.asarray(clusters)
    groups = [values[(names == name) & np.isfinite(values)] for name in sorted(set(clusters))]
    groups = [group for group in groups if len(group)]
    count, total = len(groups), sum(map(len, groups))
    if count < 2:
        return None
    means = np.array([group.mean() for group in groups])
    if total == count:
        return Spread(float(means.var(ddof=1)), 0.0)
    sizes = np.array([len(group) for group in groups], np.float64)
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups) / (total - count)
    grand = float((sizes * means).sum() / total)
    among = float((sizes * (means - grand) ** 2).sum()) / (count - 1)
    size = (total - float((sizes**2).sum()) / total) / (count - 1)
    return Spread(max(0.0, (among - within) / size), within)


def visible_from(curve: Curve, trials: int, clusters: int, floor: float) -> tuple[float, float] | None:
    """The lowest level from which on every mean change would be found.

    Args:
        curve: of a metric.
        trials: n of the comparison that is planned.
        clusters: its speakers.
        floor: noise floor, which a change must exceed too.

    Returns:
        (level, detectable change at that level), None where even the strongest level is not visible.
    """
    found: tuple[float, float] | None = None
    for column in range(len(curve.levels) - 1, 0, -1):
        moved = curve.values[:, column] - curve.values[:, 0]
        parts, mean = spread(moved, curve.clusters), change(curve, column).estimate
        if parts is None or mean is None:
            break
        least = max(parts.detectable(trials, clusters), floor)
        if abs(mean) <= least:
            break
        found = (curve.levels[column], least)
    return found


def as_floats(rows: Sequence[Sequence[float | None]]) -> Floats:
    """(N, L) values with NaN for None."""
    plain = [[math.nan if value is None else value for value in row] for row in rows]
    return cast("Floats", np.array(plain, np.float64).reshape(len(plain), -1))

"""The interval of a mean, or of a mean of means, whose values come in clusters (speakers)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from spfem_metrics.errors import InputError

EVEN_MIN = 0.75
"""Effective number of clusters, as a share of their number, under which no interval is given.

In 20 000 draws each of normal scores, 2 to 24 speakers and one or half of them with k times the others'
trials, the nominal 95% interval covers .90 or more down to this share; at .6 it falls to .82 (four speakers),
and where one of six speakers holds 40 of 60 trials (share .36) to .72.
"""

Groups = Sequence[Sequence[tuple[str, float]]]
"""For each group (emotion) its (cluster, value) pairs, none empty."""


@dataclass(frozen=True)
class ClusterInterval:
    """The mean over groups of their means, and how sure it is.

    Args:
        estimate: in the values' unit.
        half_width: half of Student's t interval; None where none can be given.
        clusters: their number.
        effective: number of clusters of equal weight that would weigh as evenly, 1 <= effective <= clusters.
    """

    estimate: float
    half_width: float | None
    clusters: int
    effective: float

    @property
    def uneven(self) -> bool:
        """Whether so few clusters hold so much of the weight that the interval would miss its level."""
        return self.clusters > 1 and self.effective < EVEN_MIN * self.clusters


def cluster_interval(groups: Groups, level: float = 0.95) -> ClusterInterval:
    """Student's t interval for the mean over groups of each group's plain mean, linearised over clusters.

    With m_e the mean of the N_e values of group e of E, cluster c moves the estimate by
    ``u_c = 1/E sum_e (S_ce - m_e n_ce) / N_e`` (S the sum and n the number of its values in e; a cluster may
    lack in some groups). The variance is ``C/(C-1) sum_c u_c^2`` (linearised over clusters, Woodruff 1971),
    the half width t with C - 1 degrees of freedom times its root. For one group of clusters of equal size
    that is Student's interval over the clusters' means.

    Args:
        groups: at least one.
        level: coverage, between 0 and 1.

    Returns:
        Without a half width for one cluster, for `ClusterInterval.uneven` ones, and where no cluster moves
        the estimate (an accuracy of 1 for everybody): an interval of no width would claim certainty. The
        order of values moves no bit.

    Raises:
        InputError: there is no group, or an empty one.
    """
    if not groups or not all(groups):
        raise InputError("an interval needs at least one group, and at least one value in each")
    means = [math.fsum(value for _, value in group) / len(group) for group in groups]
    moved: dict[str, list[float]] = {name: [] for name in sorted({name for g in groups for name, _ in g})}
    weights: dict[str, list[float]] = {name: [] for name in moved}
    for mean, group in zip(means, groups, strict=True):
        share = 1 / (len(groups) * len(group))
        for name, value in group:
            moved[name].append((value - mean) * share)
            weights[name].append(share)
    count, effective = len(moved), 1 / math.fsum(math.fsum(shares) ** 2 for shares in weights.values())
    found = ClusterInterval(math.fsum(means) / len(means), None, count, effective)
    spread = math.sqrt(math.fsum(math.fsum(parts) ** 2 for parts in moved.values()))
    # What rounding alone leaves of equal values is no spread.
    size = max(abs(value) for group in groups for _, value in group)
    if count < 2 or found.uneven or spread <= 1e-12 * size:
        return found
    return ClusterInterval(found.estimate, _quantile(count - 1, level) * spread, count, effective)


def _quantile(freedom: int, level: float) -> float:
    """Two-sided t quantile times the root of C / (C - 1)."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt((freedom + 1) / freedom)

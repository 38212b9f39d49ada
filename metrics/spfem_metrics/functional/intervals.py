"""Intervals of a mean whose rows come in clusters (speakers)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from spfem_metrics.errors import InputError


def cluster_means(values: Sequence[float], clusters: Sequence[str]) -> Mapping[str, float]:
    """Mean of the values of each cluster, by cluster name in sorted order.

    Raises:
        InputError: the lengths differ.
    """
    if len(values) != len(clusters):
        raise InputError(f"{len(values)} values for {len(clusters)} cluster names")
    grouped: dict[str, list[float]] = {name: [] for name in sorted(set(clusters))}
    for value, name in zip(values, clusters, strict=True):
        grouped[name].append(value)
    return {name: math.fsum(group) / len(group) for name, group in grouped.items()}


def t_half_width(means: Sequence[float], level: float = 0.95) -> float | None:
    """Half of Student's t interval for the mean of independent values.

    Args:
        means: one per cluster.
        level: coverage, between 0 and 1.

    Returns:
        In the values' unit; None for fewer than two values, or for equal ones (an accuracy of 0 or 1 for
        everybody): neither says anything of the spread, and an interval of no width would claim certainty.
    """
    count = len(means)
    if count < 2:
        return None
    from scipy.special import stdtrit

    middle = math.fsum(means) / count
    variance = math.fsum((value - middle) ** 2 for value in means) / (count - 1)
    if variance == 0:
        return None
    return float(stdtrit(count - 1, (1 + level) / 2)) * math.sqrt(variance / count)

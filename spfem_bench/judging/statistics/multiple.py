"""Many hypotheses in one table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from spfem_metrics.errors import InputError

Hypothesis = TypeVar("Hypothesis", bound=Hashable)


def holm(p_values: Mapping[Hypothesis, float]) -> dict[Hypothesis, float]:
    """Adjusted p-values that keep the chance of any false finding (Holm 1979).

    The i-th smallest of m is multiplied by m - i + 1 and raised to those before it. An adjusted p of at most
    alpha is a finding; the smallest p that few speakers allow may leave none (2^-5 = .031 with six speakers,
    and with two hypotheses .063).

    Args:
        p_values: by hypothesis, each between 0 and 1.

    Returns:
        By hypothesis, in the order given.

    Raises:
        InputError: a value is not between 0 and 1.
    """
    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise InputError(f"{name}: p = {p} is not between 0 and 1")
    adjusted: dict[Hypothesis, float] = {}
    least, left = 0.0, len(p_values)
    for name, p in sorted(p_values.items(), key=lambda item: item[1]):
        least = max(least, min(1.0, left * p))
        adjusted[name] = least
        left -= 1
    return {name: adjusted[name] for name in p_values}

"""Similarities of vectors: cosine for directions, overlap where length counts too."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats, alike, floats


def cosine_rows(first: ArrayLike, second: ArrayLike) -> Floats:
    """Cosine of each pair of rows.

    Args:
        first: (N, D), N >= 1.
        second: (N, D).

    Returns:
        (N,) in [-1, 1].

    Raises:
        InputError: shapes differ, values are not finite, or a row is zero.
    """
    a, b = floats("first", first, 2), floats("second", second, 2)
    alike("cosine", a, b)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    if not lengths.all():
        raise InputError("cosine: a row of zeros has no direction")
    return np.asarray(np.clip((a * b).sum(axis=1) / lengths, -1.0, 1.0), np.float64)


def overlap(first: ArrayLike, second: ArrayLike) -> float:
    """Dice overlap ``2 a.b / (a.a + b.b)``: the cosine, lowered where the lengths differ.

    Equals ``cos(a, b) * 2 r / (1 + r^2)`` with r the ratio of lengths, so a faint smile does not pass for a
    broad one as it does under the cosine. 1 for equal vectors, two zero vectors included.

    Args:
        first: (E,).
        second: (E,).

    Returns:
        In [-1, 1]; in [0, 1] where no coefficient is negative.

    Raises:
        InputError: shapes differ or values are not finite.
    """
    a, b = floats("first", first, 1), floats("second", second, 1)
    alike("overlap", a, b)
    size = float(a @ a + b @ b)
    return float(np.clip(2 * (a @ b) / size, -1.0, 1.0)) if size else 1.0

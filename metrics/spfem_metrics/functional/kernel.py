"""Kernel distance (KID): an unbiased companion of the Fréchet distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats, floats

_TILE = 1024
"""Rows and columns of the kernel matrix held at once, so that memory does not grow with its square."""


@dataclass(frozen=True)
class Kernel:
    """The polynomial kernel ``(gamma x.y + offset)^degree``; by default that of KID (Binkowski et al. 2018).

    Args:
        degree: at least 1.
        gamma: 1/D where None; 1 suits features of unit length.
        offset: added before the power.
    """

    degree: int = 3
    gamma: float | None = None
    offset: float = 1.0

    def of_products(self, products: Floats, width: int) -> Floats:
        """The kernel of pairs, given the dot products of vectors of ``width`` values."""
        base = (1.0 / width if self.gamma is None else self.gamma) * products + self.offset
        # By multiplication, which is many times faster than a power of floats.
        return reduce(np.multiply, [base] * self.degree)


def kernel_distance(
    first: ArrayLike, second: ArrayLike, *, degree: int = 3, gamma: float | None = None, offset: float = 1.0
) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel ``(gamma x.y + offset)^degree``.

    All rows are used, without drawing subsets, a tile of pairs at a time. Binkowski et al. 2018 (there called
    KID), whose gamma is 1/D.

    Args:
        first: (n1, D), n1 >= 2.
        second: (n2, D), n2 >= 2.
        degree: of the polynomial, at least 1.
        gamma: 1/D where None; 1 suits features of unit length.
        offset: added before the power.

    Returns:
        Around 0 for samples of one distribution, also below it.

    Raises:
        InputError: dimensions differ, fewer than two rows, or values are not finite.
    """
    x, y = floats("first", first, 2), floats("second", second, 2)
    if x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise InputError(f"sets of shape {x.shape} and {y.shape}: need one width and two rows each")
    kernel = Kernel(degree, gamma, offset)
    across = _kernel_sum(x, y, kernel) / (len(x) * len(y))
    return float(sum(_off_diagonal_mean(z, kernel) for z in (x, y)) - 2 * across)


def _kernel_sum(a: Floats, b: Floats, kernel: Kernel) -> float:
    """Sum of the kernel over all pairs, a tile at a time."""
    tiles = product(range(0, len(a), _TILE), range(0, len(b), _TILE))
    products = (a[i : i + _TILE] @ b[j : j + _TILE].T for i, j in tiles)
    return math.fsum(float(kernel.of_products(dots, a.shape[1]).sum()) for dots in products)


def _off_diagonal_mean(rows: Floats, kernel: Kernel) -> float:
    diagonal = float(kernel.of_products((rows * rows).sum(axis=1), rows.shape[1]).sum())
    count = len(rows)
    return (_kernel_sum(rows, rows, kernel) - diagonal) / (count * (count - 1))

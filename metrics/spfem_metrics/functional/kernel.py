"""Kernel distance (KID): an unbiased companion of the Fréchet distance."""

from __future__ import annotations

from numpy.typing import ArrayLike

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats, floats


def kernel_distance(
    first: ArrayLike, second: ArrayLike, *, degree: int = 3, gamma: float | None = None, offset: float = 1.0
) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel ``(gamma x.y + offset)^degree``.

    All rows are used, without drawing subsets. Binkowski et al. 2018 (there called KID), whose gamma is 1/D.

    Args:
        first: (n1, D), n1 >= 2.
        second: (n2, D), n2 >= 2.
        degree: of the polynomial.
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
    scale = 1.0 / x.shape[1] if gamma is None else gamma

    def kernel(a: Floats, b: Floats) -> Floats:
        return (scale * (a @ b.T) + offset) ** degree

    across = kernel(x, y).mean()
    return float(_off_diagonal_mean(kernel(x, x)) + _off_diagonal_mean(kernel(y, y)) - 2 * across)


def _off_diagonal_mean(matrix: Floats) -> float:
    count = len(matrix)
    return float((matrix.sum() - matrix.trace()) / (count * (count - 1)))

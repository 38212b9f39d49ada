"""What every functional form asks of its input before it computes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spfem_metrics.errors import InputError

Floats = NDArray[np.float64]


def floats(name: str, array: ArrayLike, ndim: int) -> Floats:
    """The array as float64.

    Raises:
        InputError: it has another number of axes, or holds NaN or infinity.
    """
    values = np.asarray(array, np.float64)
    if values.ndim != ndim:
        raise InputError(f"{name} must have {ndim} axes, not shape {values.shape}")
    if not np.isfinite(values).all():
        raise InputError(f"{name} holds NaN or infinite values")
    return values


def alike(name: str, first: Floats, second: Floats) -> None:
    """Both arrays have one shape and at least one row.

    Raises:
        InputError: they do not.
    """
    if first.shape != second.shape:
        raise InputError(f"{name}: shapes {first.shape} and {second.shape} differ")
    if not len(first):
        raise InputError(f"{name}: nothing to compare")

"""How far a trajectory has moved from another, frame by frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spfem_metrics.functional.checks import Floats, alike, floats


def angle_drift(output: ArrayLike, source: ArrayLike) -> Floats:
    """Mean absolute difference of angles, the short way around the circle.

    Args:
        output: (N, A) degrees.
        source: (N, A) degrees.

    Returns:
        (A,) degrees in [0, 180].

    Raises:
        InputError: shapes differ or values are not finite.
    """
    a, b = floats("output angles", output, 2), floats("source angles", source, 2)
    alike("angles", a, b)
    turned = np.abs(a - b) % 360.0
    return np.asarray(np.minimum(turned, 360.0 - turned).mean(axis=0), np.float64)


def component_drift(output: ArrayLike, source: ArrayLike) -> Floats:
    """Mean absolute difference per component.

    Args:
        output: (N, C).
        source: (N, C).

    Returns:
        (C,) in the inputs' unit.

    Raises:
        InputError: shapes differ or values are not finite.
    """
    a, b = floats("output", output, 2), floats("source", source, 2)
    alike("drift", a, b)
    return np.asarray(np.abs(a - b).mean(axis=0), np.float64)

"""Curves through a few points."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_QUARTER = np.array([-1.0, 1.0])
Points = Floats | Sequence[tuple[float, ...]]


def spline(points: Points, count: int) -> Floats:
    """A Catmull-Rom curve through points, at ``count`` places evenly spread over its spans.

    Args:
        points: (K, D), K >= 2.
        count: number of samples, both ends included.

    Returns:
        (count, D).
    """
    knots = np.asarray(points, np.float64)
    return np.asarray(_weights(len(knots), count) @ knots)


@lru_cache(maxsize=128)
def _weights(knots: int, count: int) -> Floats:
    """(count, knots) shares of each knot in each sample; the ends are continued in a straight line."""
    place = np.linspace(0, knots - 1, count)
    span = np.minimum(place.astype(np.int64), knots - 2)
    t = place - span
    basis = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
    padded = np.zeros((count, knots + 2))
    for k, share in enumerate(basis):
        padded[np.arange(count), span + k] = 0.5 * share
    weights = padded[:, 1:-1].copy()
    weights[:, :2] += padded[:, :1] * (2, -1)
    weights[:, -2:] += padded[:, -1:] * (-1, 2)
    return weights


def mirrored(points: Points) -> Floats:
    """A curve given from the middle to the image's right, continued from the left: (2 K - 1, D).

    The first point must lie on the middle plane.
    """
    right = np.asarray(points, np.float64)
    left = right[:0:-1] * np.array([-1.0] + [1.0] * (right.shape[1] - 1))
    return np.concatenate([left, right])


def ring(centre: tuple[float, float], radii: tuple[float, float], count: int = 28) -> Floats:
    """(count, 2) points of an ellipse."""
    return np.asarray(_circle(count) * radii + centre)


@lru_cache(maxsize=32)
def _circle(count: int) -> Floats:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def loop(upper: Floats, lower: Floats) -> Floats:
    """The closed outline between two curves that run the same way."""
    return np.concatenate([upper, lower[::-1]])


def band(curve: Floats, width: float | Floats) -> Floats:
    """The outline of a stroke along a curve.

    Args:
        curve: (K, 2).
        width: over all, or (K,) at each point.
    """
    along = np.empty_like(curve)
    along[1:-1] = curve[2:] - curve[:-2]
    along[0], along[-1] = curve[1] - curve[0], curve[-1] - curve[-2]
    half = 0.5 * width / (np.sqrt(np.einsum("ij,ij->i", along, along)) + 1e-9)
    across = along[:, ::-1] * (half[:, None] * _QUARTER)
    return np.concatenate([curve + across, (curve - across)[::-1]])


@lru_cache(maxsize=32)
def tapered(count: int) -> Floats:
    """(count,) widths of a stroke that is thin at both ends, 1 in the middle."""
    s = np.linspace(-1, 1, count)
    return np.asarray((1 - s**2) ** 0.7 + 0.02)

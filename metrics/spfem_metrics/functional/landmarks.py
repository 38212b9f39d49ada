"""Distances between two sets of face landmarks, as they stand or after the head's place is taken out."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats, alike, floats

Removed = Literal["nothing", "similarity"]
"""``nothing``: landmarks are compared where they stand in the picture; ``similarity``: each frame's landmarks
are first moved, turned and scaled onto the other's by least squares, so that only the shape counts."""


def landmark_distances(
    output: ArrayLike, other: ArrayLike, interocular: ArrayLike, removed: Removed = "similarity"
) -> Floats:
    """Mean distance over frames of each landmark from its like, in inter-ocular distances; their mean is LMD.

    The landmark distance of Chen et al. 2018 ("Lip movements generation at a glance"), which is in pixels and
    takes out the mean position; by the inter-ocular distance it no longer depends on the crop.

    Args:
        output: (N, K, 2) px, K >= 2.
        other: (N, K, 2) px, row i corresponds to row i of ``output``.
        interocular: (N,) px of ``other``, positive.
        removed: see `Removed`.

    Returns:
        (K,) >= 0.

    Raises:
        InputError: shapes do not fit, no frames, values are not finite, or a distance is not positive.
    """
    a, b = floats("output landmarks", output, 3), floats("other landmarks", other, 3)
    alike("landmarks", a, b)
    scale = floats("interocular", interocular, 1)
    if a.shape[2] != 2 or a.shape[1] < 2 or scale.shape != (len(a),):
        raise InputError(f"landmarks {a.shape} and distances {scale.shape} do not fit")
    if (scale <= 0).any():
        raise InputError("an inter-ocular distance is not positive")
    moved = similarity_fit(a, b) if removed == "similarity" else a
    return np.asarray((np.linalg.norm(moved - b, axis=-1) / scale[:, None]).mean(axis=0), np.float64)


def similarity_fit(points: ArrayLike, targets: ArrayLike) -> Floats:
    """Each row of points moved, turned and scaled (never mirrored) onto its targets by least squares.

    In the plane, points as complex numbers have one complex factor of rotation and scale with a closed form
    (Procrustes analysis; Dryden and Mardia 1998, chapter 3). Points that all coincide are moved only.

    Args:
        points: (N, K, 2).
        targets: (N, K, 2).

    Returns:
        (N, K, 2).

    Raises:
        InputError: shapes differ, no rows, or values are not finite.
    """
    a, b = floats("points", points, 3), floats("targets", targets, 3)
    alike("landmarks", a, b)
    ours, theirs = a[..., 0] + 1j * a[..., 1], b[..., 0] + 1j * b[..., 1]
    centre = theirs.mean(axis=1, keepdims=True)
    ours, theirs = ours - ours.mean(axis=1, keepdims=True), theirs - centre
    power = (np.abs(ours) ** 2).sum(axis=1, keepdims=True)
    factor = (ours.conj() * theirs).sum(axis=1, keepdims=True) / np.where(power > 0, power, 1.0)
    fitted = factor * ours + centre
    return np.stack([fitted.real, fitted.imag], axis=-1)

"""Distances between two sets of face landmarks, as they stand or after the head's place is taken out.

Two forms of one idea. `landmark_distances` counts in inter-ocular distances and does not depend on the crop;
`pixel_distances` is the form whose numbers are published (EAT's evaluation on MEAD), in pixels of whatever
crop the landmarks were found in.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats, alike, floats

IBUG = 68
"""Landmarks of iBUG 300-W (Sagonas et al. 2013): jaw 17, brows 10, nose 9, eyes 12, mouth 20."""

MEDIAPIPE_IBUG = (
    127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 5, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178,
)  # fmt: skip
"""For each landmark of iBUG the nearest of MediaPipe's 478, by its number in the canonical face model.

The choice is this project's, symmetrical about the face's middle. The two sets do not mark the same places:
on the jaw iBUG follows the visible outline, MediaPipe points of the skin. So distances between faces that
were found by one finder compare with each other, and with no distance by another finder (dlib's, in most
papers).
"""

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


def ibug_of_mediapipe(landmarks: ArrayLike) -> Floats:
    """The 68 landmarks of iBUG from MediaPipe's 478 (`MEDIAPIPE_IBUG`).

    Args:
        landmarks: (N, 478, 2) px, or (N, 478, 3), whose depth is left out.

    Returns:
        (N, 68, 2) px.

    Raises:
        InputError: another shape, or values are not finite.
    """
    points = floats("landmarks", landmarks, 3)
    if points.shape[1] != 478 or points.shape[2] not in (2, 3):
        raise InputError(f"MediaPipe's landmarks have shape (N, 478, 2 or 3), not {points.shape}")
    return points[:, MEDIAPIPE_IBUG, :2]


def pixel_distances(output: ArrayLike, other: ArrayLike) -> Floats:
    """Mean distance of the landmarks from their likes, frame by frame, in pixels, as EAT's evaluation has it.

    Coordinates are whole pixels (rounded half up, as dlib rounds its own), and either set is moved to its own
    mean; neither size nor roll is removed, so a larger picture of the same face is farther away.

    Args:
        output: (N, K, 2) px.
        other: (N, K, 2) px, row i corresponds to row i of ``output``.

    Returns:
        (N,) px, >= 0.

    Raises:
        InputError: shapes differ or are others, no frames, or values are not finite.
    """
    a, b = floats("output landmarks", output, 3), floats("other landmarks", other, 3)
    alike("landmarks", a, b)
    if a.shape[2] != 2 or not a.shape[1]:
        raise InputError(f"landmarks have shape (N, K, 2), not {a.shape}")
    ours, theirs = (
        whole - whole.mean(axis=1, keepdims=True) for whole in (np.floor(x + 0.5) for x in (a, b))
    )
    return np.asarray(np.linalg.norm(ours - theirs, axis=-1).mean(axis=1), np.float64)


def shorter_pairs(first: int, second: int) -> NDArray[np.int64]:
    """Frames that meet when both clips are thinned evenly to the shorter one's length.

    This is how EAT's evaluation pairs frames. Frame k of n meets at ``floor(k length / n)`` of either clip:
    where the lengths differ, the longer one is played faster, which is no alignment of what is said.

    Args:
        first: frames of one clip, at least 0.
        second: frames of the other.

    Returns:
        (min(first, second), 2) indices.
    """
    count = min(first, second)
    picked = [np.linspace(0, length, count, endpoint=False).astype(np.int64) for length in (first, second)]
    return np.stack(picked, axis=1)


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

"""Mouth shapes freed from where the head is, how it leans and how large it appears."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import Floats, alike, floats

Form = Literal["motion", "shape"]
"""``motion``: each clip's mean mouth is removed first, so that a mouth held in another emotion costs
nothing; ``shape``: it is kept."""


def normalised_mouth(points: ArrayLike, eyes: ArrayLike, interocular: ArrayLike) -> Floats:
    """Mouth landmarks in a frame of the face: centred, upright, in inter-ocular distances.

    Translation is removed by the mean of the mouth's points, roll by the line of the eyes, scale by the
    inter-ocular distance. Yaw and pitch are not undone.

    Args:
        points: (T, K, 2) px.
        eyes: (T, 2, 2) px, the eye at image left first.
        interocular: (T,) px, positive.

    Returns:
        (T, K, 2) in inter-ocular distances.

    Raises:
        InputError: shapes do not fit, values are not finite, or an inter-ocular distance is not positive.
    """
    mouth, pair = floats("points", points, 3), floats("eyes", eyes, 3)
    scale = floats("interocular", interocular, 1)
    if not len(mouth) == len(pair) == len(scale) or mouth.shape[2:] != (2,) or pair.shape[1:] != (2, 2):
        raise InputError(f"mouth {mouth.shape}, eyes {pair.shape} and distances {scale.shape} do not fit")
    if (scale <= 0).any():
        raise InputError("an inter-ocular distance is not positive")
    flat = mouth[..., 0] + 1j * mouth[..., 1]
    line = (pair[:, 1] - pair[:, 0]) @ np.array([1, 1j])
    upright = (flat - flat.mean(axis=1, keepdims=True)) * np.exp(-1j * np.angle(line))[:, None]
    return np.stack([upright.real, upright.imag], axis=-1) / scale[:, None, None]


def mouth_distance(output: ArrayLike, source: ArrayLike, form: Form = "motion") -> float:
    """Mean distance of corresponding mouth landmarks, over frames and points.

    The landmark distance of talking-head work (LMD), with scale and roll removed so that it does not depend
    on the crop, and, in the form ``motion``, with each clip's own mean mouth removed.

    Args:
        output: (N, K, 2) from `normalised_mouth`.
        source: (N, K, 2), row i corresponds to row i of ``output``.
        form: see `Form`.

    Returns:
        In the inputs' unit (inter-ocular distances), >= 0.

    Raises:
        InputError: shapes differ, or no frames.
    """
    a, b = floats("output mouth", output, 3), floats("source mouth", source, 3)
    alike("mouths", a, b)
    if form == "motion":
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return float(np.linalg.norm(a - b, axis=-1).mean())

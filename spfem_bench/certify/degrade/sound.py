"""Harm to the sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def late_sound(samples: Samples, seconds: float, rate: int) -> Samples:
    """Sound that comes late, or early where ``seconds`` is negative, with silence where nothing is left.

    Args:
        samples: (N,) float32.
        seconds: how late.
        rate: samples a second.

    Returns:
        (N,) float32.
    """
    moved = round(seconds * rate)
    if moved == 0:
        return samples
    out = np.zeros_like(samples)
    if abs(moved) >= len(samples):
        return out
    if moved > 0:
        out[moved:] = samples[:-moved]
    else:
        out[:moved] = samples[-moved:]
    return out

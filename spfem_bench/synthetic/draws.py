"""Seeded random streams: one of its own for each key, the same on every platform."""

from __future__ import annotations

import numpy as np


def generator(*key: int) -> np.random.Generator:
    """A PCG64 stream that depends on the whole key and on nothing else."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))

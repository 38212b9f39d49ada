"""Random draws that depend on a seed and an index only, not on who draws first or how many at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spfem_bench.judging.statistics.types import Floats

BLOCK = 500
"""Draws of one stream; part of what a seed means."""


def blocks(seed: int, draws: int) -> Iterator[tuple[np.random.Generator, int]]:
    """For each block of draws its own generator, and how many of its draws are wanted.

    A block is always drawn whole, so the first draws of many are the draws of few.

    Args:
        seed: not negative.
        draws: how many in all.
    """
    for index, start in enumerate(range(0, draws, BLOCK)):
        yield np.random.default_rng((seed, index)), min(BLOCK, draws - start)


def counts(rng: np.random.Generator, size: int) -> Floats:
    """(BLOCK, size) how often each of ``size`` things is taken in drawing as many with replacement."""
    drawn = rng.integers(size, size=(BLOCK, size)) + size * np.arange(BLOCK)[:, None]
    return np.bincount(drawn.ravel(), minlength=BLOCK * size).reshape(BLOCK, size).astype(np.float64)


def signs(rng: np.random.Generator, size: int) -> Floats:
    """(BLOCK, size) signs, each -1 or 1 with the same chance."""
    return np.asarray(2.0 * rng.integers(2, size=(BLOCK, size)) - 1, np.float64)

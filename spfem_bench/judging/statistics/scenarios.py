"""Scores whose true mean is known, to measure intervals and tests with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from spfem_bench.judging.statistics.types import Floats

Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]

SHAPES: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "t3": lambda rng, shape: rng.standard_t(3, size=shape) / np.sqrt(3),
    "lognormal": lambda rng, shape: (rng.lognormal(size=shape) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e),
}
"""Draws of mean 0 and variance 1: normal, heavy-tailed (Student's t of 3), skewed (e to the normal's)."""

LAYOUTS: Mapping[str, Callable[[int], list[int]]] = {
    "1": lambda speakers: [1] * speakers,
    "2": lambda speakers: [2] * speakers,
    "5": lambda speakers: [5] * speakers,
    "2 to 20": lambda speakers: [2 + 18 * (index % 3 == 0) + index % 3 for index in range(speakers)],
}
"""Clips of each speaker; ``2 to 20`` repeats 20, 3, 4."""


@dataclass(frozen=True)
class Scenario:
    """Many data sets of true mean 0.

    Args:
        speakers: their number.
        shape: one of `SHAPES`, of the speakers' parts and the clips' parts alike.
        layout: one of `LAYOUTS`.
        draws: number of data sets.
    """

    speakers: int
    shape: str
    layout: str
    draws: int

    def scores(self, seed: int) -> list[Floats]:
        """For each speaker (draws, clips): a speaker's part and, with several clips, a part of each clip."""
        rng, draw, sizes = (
            np.random.default_rng(seed),
            SHAPES[self.shape],
            LAYOUTS[self.layout](self.speakers),
        )
        own = [draw(rng, (self.draws, 1)) for _ in sizes]
        if max(sizes) == 1:
            return own
        return [part + draw(rng, (self.draws, size)) for part, size in zip(own, sizes, strict=True)]

    def clips(self, seed: int) -> list[Floats]:
        """Clips' parts alone, the speakers' being given; every other speaker's scatter twice as far."""
        rng, draw = np.random.default_rng(seed), SHAPES[self.shape]
        sizes = LAYOUTS[self.layout](self.speakers)
        return [(1 + place % 2) * draw(rng, (self.draws, size)) for place, size in enumerate(sizes)]

    def paired(self, seed: int) -> list[Floats]:
        """Differences of two sets of `scores`: two systems that are the same but for chance."""
        both = zip(self.scores(2 * seed), self.scores(2 * seed + 1), strict=True)
        return [first - second for first, second in both]

"""The words of judging: intervals, tests and verdicts as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Question = Literal["these-actors", "any-actors"]
"""Whether the speakers are given and clips are drawn (does it hold on this benchmark?), or the speakers are
drawn (would it hold on new people?)."""

Method = Literal["auto", "t", "bootstrap-t"]

VerdictName = Literal["better", "worse", "equivalent", "inconclusive"]


@dataclass(frozen=True)
class Interval:
    """An estimate and how sure it is.

    Args:
        point: the estimate, in the values' unit.
        low: lower end; None where no interval can be given.
        high: upper end; None where no interval can be given.
        level: nominal coverage, between 0 and 1.
        method: how the ends were found.
        question: what is taken as drawn.
        clusters: number of speakers.
        n: number of values.
        reliable: False where simulation says that the level is not reached, or where there is no interval.
        note: why not, else empty.
    """

    point: float
    low: float | None
    high: float | None
    level: float
    method: str
    question: Question
    clusters: int
    n: int
    reliable: bool
    note: str

    @property
    def half_width(self) -> float | None:
        """Its wider side, in the values' unit; None without ends."""
        if self.low is None or self.high is None:
            return None
        return max(self.point - self.low, self.high - self.point)

    def above(self, bar: float) -> bool:
        """Whether the whole interval lies above a number."""
        return self.low is not None and self.low > bar

    def below(self, bar: float) -> bool:
        """Whether the whole interval lies below a number."""
        return self.high is not None and self.high < bar

    def within(self, bar: float) -> bool:
        """Whether the whole interval lies strictly between -bar and bar."""
        return self.above(-bar) and self.below(bar)


@dataclass(frozen=True)
class Permutation:
    """A two-sided test that differences have no preferred sign.

    Args:
        p: between `smallest_p` and 1.
        exact: whether every arrangement of signs was counted.
        arrangements: how many were counted.
        smallest_p: the smallest p that so many speakers with a difference allow.
    """

    p: float
    exact: bool
    arrangements: int
    smallest_p: float


@dataclass(frozen=True)
class Verdict:
    """What may be said of one paired comparison.

    Args:
        name: ``better`` and ``worse`` say how the candidate stands to the baseline.
        interval: of the mean difference, candidate minus baseline, at level 1 - alpha.
        p: two-sided, of no difference; adjusted where `note` says so.
        margin: difference up to which the two count as the same; None where none was stated.
        note: why nothing stronger was said, else empty.
    """

    name: VerdictName
    interval: Interval
    p: float
    margin: float | None
    note: str

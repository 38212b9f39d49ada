"""Intervals of a mean over speakers, for either question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spfem_bench.judging.statistics.pivots import Means, drawn_again, means, t_quantile
from spfem_bench.judging.statistics.samples import Sample
from spfem_bench.judging.statistics.types import Floats, Interval, Method, Question
from spfem_metrics.errors import InputError

FEWEST: dict[Method, int | None] = {"auto": 6, "t": 48, "bootstrap-t": None}
"""Speakers (clips, for these actors) from which on a method covers, at level .95, at least .93 of symmetric
and .88 of skewed scores (docs/statistics.md); bootstrap-t alone covers but .92 of heavy-tailed ones."""

NAMES: dict[Method, str] = {"auto": "wider of t and bootstrap-t", "t": "t", "bootstrap-t": "bootstrap-t"}


@dataclass(frozen=True)
class Ends:
    """Lower and upper ends of as many data sets' intervals; infinite where a method gives none."""

    low: Floats
    high: Floats


def interval(
    values: ArrayLike,
    speakers: Sequence[str],
    *,
    question: Question,
    level: float = 0.95,
    method: Method = "auto",
    seed: int = 0,
    resamples: int = 4999,
) -> Interval:
    """The mean over speakers of each speaker's mean, with its interval.

    Speakers weigh the same however many clips they have: a new person's expected score, and a t statistic
    that holds its level with unequal speakers (Ibragimov and Mueller 2010). The point is the same for both
    questions; they differ in what is drawn. ``any-actors``: speakers. ``these-actors``: clips within each
    speaker, the speakers being given.

    ``auto`` takes each end from whichever of t and bootstrap-t reaches further: t alone misses skewed scores
    (.82 to .88 of a nominal .95 over 6 to 24 speakers), bootstrap-t alone differences of skewed scores.

    Args:
        values: (N,) finite, in the metric's unit; for a comparison the differences on the same trials.
        speakers: (N,) the speaker of each.
        question: what is drawn.
        level: coverage, between 0 and 1.
        method: of finding the ends.
        seed: of the resamples.
        resamples: their number, at least ``2 / (1 - level)``.

    Returns:
        Without ends where nothing scatters; `Interval.reliable` False where the level is not reached. Order
        of rows and names of speakers move no bit, and negated values mirror it.

    Raises:
        InputError: there are no values, they are not finite, speakers and values differ in number, or the
            level or the number of resamples cannot be.
    """
    return Estimate(Sample.of(values, speakers), question, method, seed, resamples).interval(level)


class Estimate:
    """A mean of which intervals at several levels and a p-value are wanted: draws once.

    Args:
        sample: the values.
        question: what is drawn.
        method: of finding the ends.
        seed: of the resamples.
        resamples: their number.
    """

    def __init__(
        self,
        sample: Sample,
        question: Question,
        method: Method = "auto",
        seed: int = 0,
        resamples: int = 4999,
    ) -> None:
        self.sample, self.question, self.method = sample, question, method
        self._strata = sample.strata(question)
        self._means = means(self._strata)
        bare = method == "t" or not self._means.error
        self._drawn = None if bare else np.sort(drawn_again(self._strata, seed, resamples), axis=0)

    def interval(self, level: float) -> Interval:
        """At one level, turned back to the values' own sign.

        Raises:
            InputError: the level is not between 0 and 1, or the resamples are too few for it.
        """
        ends, note = self._ends(level)
        point, low, high = float(self._means.point), *ends
        if self.sample.sign < 0:
            point, low, high = 0.0 - point, *(None if end is None else 0.0 - end for end in (high, low))
        return Interval(
            point=point,
            low=low,
            high=high,
            level=level,
            method=NAMES[self.method],
            question=self.question,
            clusters=len(self.sample.groups),
            n=self.sample.size,
            reliable=not note,
            note=note,
        )

    def p(self) -> float:
        """Two-sided, of a mean of 0: twice the tail of the draws, with one counted in (p > 0).

        1 where nothing scatters, t's where there are no draws.
        """
        if not self._means.error:
            return 1.0
        found = float(self._means.point / self._means.error)
        by_t = 2 * float(_t_share(-abs(found), float(self._means.freedom)))
        if self._drawn is None:
            return by_t
        # The sample is turned so that its mean is not negative: the upper tail is the smaller one.
        by_draws = min(1.0, 2 * (int((self._drawn >= found).sum()) + 1) / (len(self._drawn) + 1))
        return max(by_t, by_draws) if self.method == "auto" else by_draws

    def _ends(self, level: float) -> tuple[tuple[float | None, float | None], str]:
        if not 0 < level < 1:
            raise InputError(f"a level must lie between 0 and 1, not {level}")
        if not self._means.error:
            return (None, None), self._nothing_scatters()
        found, note = ends(self._means, self._drawn, level, self.method), self._weakness()
        if not np.isfinite([found.low, found.high]).all():
            found = ends(self._means, None, level, "t")
            note = note or "so many values are equal that only a t interval is had"
        return (float(found.low), float(found.high)), note

    def _nothing_scatters(self) -> str:
        if max(map(len, self._strata)) == 1:
            one = "speaker" if self.question == "any-actors" else "clip of each speaker"
            return f"one {one} says nothing about others"
        return "all values are the same: nothing to judge their scatter by"

    def _weakness(self) -> str:
        """Why the level is not reached, or nothing."""
        sizes = [len(part) for part in self._strata]
        if 2 * sizes.count(1) > len(sizes):
            return f"{sizes.count(1)} of {len(sizes)} speakers have one clip, too few to see their scatter"
        fewest, drawn = FEWEST[self.method], sum(sizes)
        if fewest is None or drawn < fewest:
            what = "speakers" if self.question == "any-actors" else "clips"
            return f"{NAMES[self.method]} over {drawn} {what} does not keep its level"
        return ""


def ends(found: Means, drawn: Floats | None, level: float, method: Method) -> Ends:
    """The ends of as many data sets' intervals.

    Args:
        found: (...) estimates.
        drawn: (B, ...) sorted studentised draws; None where t alone is wanted.
        level: coverage.
        method: which of the two, or the further end of both.

    Raises:
        InputError: there are too few draws for the level.
    """
    reach = t_quantile((1 + level) / 2, found.freedom)
    down, up = reach, reach
    if method != "t" and drawn is not None:
        rank = int((len(drawn) + 1) * (1 - level) / 2 + 1e-9)
        if rank < 1:
            raise InputError(f"{len(drawn)} resamples are too few for a level of {level}")
        least, most = -drawn[rank - 1], drawn[-rank]
        # The upper tail of the draws sets the lower end.
        down, up = (np.maximum(reach, most), np.maximum(reach, least)) if method == "auto" else (most, least)
    return Ends(found.point - down * found.error, found.point + up * found.error)


def _t_share(value: float, freedom: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(freedom, value))

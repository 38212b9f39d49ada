"""A mean over emotions as the mean of one value for each speaker, whether readings are missing or not.

A score is the mean over emotions of each emotion's plain mean over its readings. With m_e the mean of the
N_e readings of emotion e of E, speaker s moves it by ``u_s = 1/E sum_e (sum of s's readings in e - n_se m_e)
/ N_e`` (linearised over speakers, Woodruff 1971; `spfem_metrics.functional.cluster_interval`), n_se being the
number of s's readings in e: an emotion in which a speaker has no reading does not move it. The speaker's
value is ``score + S u_s`` for S speakers. Their mean is the score to the bit but for rounding, their scatter
that of the score; with as many readings of everybody in every emotion they are the speakers' own means.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from spfem_bench.judging.statistics import Interval, interval, two_level, two_level_p
from spfem_metrics.errors import InputError
from spfem_metrics.functional import ClusterInterval

ROUNDING = 1e-12
"""Share of the largest reading by which rounding may set two equal sums apart."""

Readings = Iterable[tuple[float, str, str]]
"""(value, speaker, emotion) of every reading."""


@dataclass(frozen=True)
class Linear:
    """A mean over emotions under one training seed, and what each speaker does to it.

    Args:
        point: the mean, in the values' unit.
        moved: speaker -> by how much the speaker moves it; the sum is 0.
        weights: speaker -> share of the readings' weight; the sum is 1.
        emotions: those with a reading, sorted.
        size: of the largest reading.
    """

    point: float
    moved: Mapping[str, float]
    weights: Mapping[str, float]
    emotions: tuple[str, ...]
    size: float

    def values(self, people: Sequence[str]) -> list[float]:
        """One value for each of the speakers, the score itself where one does not move it."""
        return [self.point + len(people) * self.moved.get(name, 0.0) for name in people]

    def minus(self, other: Linear) -> Linear:
        """The difference of two means over the same emotions, speaker by speaker.

        Each side is the mean over its own readings, so that the point is the difference of the two.

        Raises:
            InputError: the emotions differ.
        """
        _require_alike([self, other], "the two")
        people = sorted({*self.moved, *other.moved})
        size = max(self.size, other.size)
        return Linear(
            _apart(self.point, other.point, size),
            {name: _apart(self.moved.get(name, 0.0), other.moved.get(name, 0.0), size) for name in people},
            {name: (self.weights.get(name, 0.0) + other.weights.get(name, 0.0)) / 2 for name in people},
            self.emotions,
            size,
        )


def linear(readings: Readings) -> Linear:
    """Of the readings under one training seed.

    Raises:
        InputError: there is none.
    """
    groups: dict[str, list[tuple[float, str]]] = {}
    for value, speaker, emotion in readings:
        groups.setdefault(emotion, []).append((value, speaker))
    if not groups:
        raise InputError("there is no reading under one of the training seeds")
    means = {e: math.fsum(value for value, _ in group) / len(group) for e, group in groups.items()}
    moved: dict[str, list[float]] = {}
    weights: dict[str, list[float]] = {}
    for emotion, group in sorted(groups.items()):
        share = 1 / (len(groups) * len(group))
        for value, speaker in group:
            moved.setdefault(speaker, []).append((value - means[emotion]) * share)
            weights.setdefault(speaker, []).append(share)
    return Linear(
        math.fsum(means.values()) / len(means),
        {name: math.fsum(parts) for name, parts in sorted(moved.items())},
        {name: math.fsum(parts) for name, parts in sorted(weights.items())},
        tuple(sorted(groups)),
        max(abs(value) for group in groups.values() for value, _ in group),
    )


def over_speakers_and_seeds(seeds: Sequence[Linear]) -> tuple[Interval, float]:
    """The mean over training seeds with its two-level interval, and the p of a mean of 0.

    Args:
        seeds: one for each training seed.

    Returns:
        The interval around the mean of the seeds' points, and p; 1 where the interval is not reliable.

    Raises:
        InputError: a seed has readings in other emotions, or few speakers hold most readings.
    """
    _require_alike(seeds, "training seeds")
    people = sorted({name for one in seeds for name in one.moved})
    _require_even(seeds, people)
    cells = [
        (value, name, str(index))
        for index, one in enumerate(seeds)
        for name, value in zip(people, one.values(people), strict=True)
    ]
    values, speakers, models = [c[0] for c in cells], [c[1] for c in cells], [c[2] for c in cells]
    found = replace(
        two_level(values, speakers, models), point=math.fsum(one.point for one in seeds) / len(seeds)
    )
    return found, two_level_p(values, speakers, models) if found.reliable else 1.0


def over_speakers(one: Linear) -> Interval:
    """A mean under one training seed with its interval over speakers alone, that training being given.

    Raises:
        InputError: few speakers hold most readings.
    """
    people = sorted(one.moved)
    _require_even([one], people)
    return replace(interval(one.values(people), people, question="any-actors"), point=one.point)


def _require_alike(ones: Sequence[Linear], what: str) -> None:
    if len({one.emotions for one in ones}) > 1:
        raise InputError(f"{what} have readings in different emotions")


def _require_even(seeds: Sequence[Linear], people: Sequence[str]) -> None:
    """The rule of scores: few speakers with most of the weight make an interval that misses its level."""
    weights = [math.fsum(one.weights.get(name, 0.0) for one in seeds) / len(seeds) for name in people]
    effective = 1 / math.fsum(weight**2 for weight in weights)
    if ClusterInterval(0.0, None, len(people), effective).uneven:
        raise InputError(
            f"few of the {len(people)} speakers hold most readings (as if {effective:.1f} of equal weight)"
        )


def _apart(one: float, other: float, size: float) -> float:
    """Their difference, 0 where rounding alone may have made it."""
    return one - other if abs(one - other) > ROUNDING * size else 0.0

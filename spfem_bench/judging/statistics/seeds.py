"""Training seeds as a second level: would the method, trained again, do so too?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from spfem_bench.judging.statistics.intervals import interval
from spfem_bench.judging.statistics.pivots import means, t_quantile
from spfem_bench.judging.statistics.types import Floats, Interval, Question
from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import floats

SEEDS_ALIKE = "the means of all training seeds are the same"

LEAST_TAIL = 1e-15
"""Of a t distribution: smaller ones are not worth telling apart."""

_HALVINGS = 60
"""Of the range of logarithms in which a p is sought: it is then known to the last bits."""

Reach = tuple[float, float]
"""How far an interval reaches below and above its point."""

Cells = Sequence[Sequence[Sequence[float]]]
"""For each training seed, for each speaker, its values."""


def two_level(
    values: ArrayLike,
    speakers: Sequence[str],
    seeds: Sequence[str],
    *,
    question: Question = "any-actors",
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The mean over speakers and training seeds, with an interval that takes seeds as drawn too.

    Every seed is scored on every speaker. Two intervals' reaches, that over speakers (`interval`, of values
    averaged over seeds) and Student's over the seeds' means, are joined by root of sum of squares, below and
    above apart (MOVER: Zou and Donner 2008). Both hold the interaction of speakers and seeds, so it errs on
    the wide side. For ``these-actors`` the first is the mean reach of each seed's own interval, as though all
    seeds met the same scatter of clips.

    Args:
        values: (N,) finite.
        speakers: (N,) the speaker of each.
        seeds: (N,) the training seed, or name of the trained model, of each.
        question: whether speakers are given or drawn; training seeds are always drawn.
        level: coverage, between 0 and 1.
        seed: of the resamples, unlike ``seeds``.

    Returns:
        Without ends for one training seed, or where neither part has any.

    Raises:
        InputError: as `interval`; a speaker has no value under a seed.
    """
    cells = _cells(floats("values", values, 1), speakers, seeds)
    people, models = len(cells[0]), len(cells)
    by_person, by_model = _margins(cells)
    over_people = interval(by_person, _names(people), question="any-actors", level=level, seed=seed)
    over_models = interval(by_model, _names(models), question="any-actors", level=level, method="t")
    parts = [over_people] if question == "any-actors" else [_clips(row, level, seed) for row in cells]
    reach = _joined([_reach(part) for part in parts], _reach(over_models))
    note = _weakness(parts, over_models)
    return replace(
        over_people,
        low=None if reach is None else over_people.point - reach[0],
        high=None if reach is None else over_people.point + reach[1],
        method="MOVER of speakers and training seeds",
        question=question,
        n=len(speakers),
        reliable=reach is not None and not note,
        note=note,
    )


def two_level_p(values: ArrayLike, speakers: Sequence[str], seeds: Sequence[str]) -> float:
    """Two-sided p of a mean of 0, speakers and training seeds both drawn, by Student's t at either level.

    One minus the level at which the interval of `two_level`, with t alone over the speakers, would just
    touch 0: the p at which ``point^2 = (t_people e_people)^2 + (t_seeds e_seeds)^2`` with the quantiles at
    ``1 - p / 2``. With few seeds their quantiles grow so fast that hardly any p is small.

    Args:
        values: (N,) finite.
        speakers: (N,) the speaker of each.
        seeds: (N,) the training seed of each.

    Returns:
        1 where speakers or training seeds do not scatter; never under twice `LEAST_TAIL`.

    Raises:
        InputError: as `two_level`.
    """
    margins = _margins(_cells(floats("values", values, 1), speakers, seeds))
    parts = [means([margin]) for margin in margins]
    if not all(part.error for part in parts):
        return 1.0
    point = abs(float(parts[0].point))

    def holds_zero(log_tail: float) -> bool:
        reach = [float(t_quantile(math.exp(log_tail), part.freedom) * part.error) for part in parts]
        return math.hypot(*reach) >= point

    low, high = math.log(LEAST_TAIL), math.log(0.5)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds_zero(middle) else (low, middle)
    return 2 * math.exp(high)


def _margins(cells: Cells) -> tuple[Floats, Floats]:
    """(people,) means over training seeds, (models,) means over speakers, of every cell's mean."""
    grid = np.array([[math.fsum(cell) / len(cell) for cell in row] for row in cells])
    return np.array([math.fsum(column) / len(grid) for column in grid.T]), grid.mean(axis=1)


def _weakness(parts: Sequence[Interval], models: Interval) -> str:
    """What withholds the interval, else what keeps it from its level, else nothing."""
    if models.clusters < 2:
        return "one training seed says nothing"
    missing = [part.note for part in parts if _reach(part) is None]
    if not missing and _reach(models) is None:
        missing = [f"{SEEDS_ALIKE}: nothing to judge their scatter by"]
    return next(iter([*missing, *(part.note for part in parts if part.note)]), "")


def _joined(parts: Sequence[Reach | None], models: Reach | None) -> Reach | None:
    """Root of the sum of squares of the parts' mean reach and the training seeds' reach, below and above."""
    known = [part for part in parts if part is not None]
    if models is None or len(known) < len(parts):
        return None
    below, above = np.mean(known, axis=0).tolist()
    return math.hypot(below, models[0]), math.hypot(above, models[1])


def _reach(found: Interval) -> Reach | None:
    return (
        None
        if found.low is None or found.high is None
        else (found.point - found.low, found.high - found.point)
    )


def _cells(values: Floats, speakers: Sequence[str], seeds: Sequence[str]) -> Cells:
    if not len(values) == len(speakers) == len(seeds):
        raise InputError(
            f"{len(values)} values of {len(speakers)} speakers and {len(seeds)} seeds: need as many"
        )
    found: dict[tuple[str, str], list[float]] = {}
    for value, speaker, seed in zip(values.tolist(), speakers, seeds, strict=True):
        found.setdefault((seed, speaker), []).append(value)
    people, models = sorted(set(speakers)), sorted(set(seeds))
    if not found or len(found) < len(people) * len(models):
        raise InputError(
            "a speaker has no value under one of the training seeds: score all on the same trials"
        )
    return [[found[model, person] for person in people] for model in models]


def _clips(row: Sequence[Sequence[float]], level: float, seed: int) -> Interval:
    """The interval of one training seed over its clips, the speakers given."""
    values = [value for cell in row for value in cell]
    owners = [name for name, cell in zip(_names(len(row)), row, strict=True) for _ in cell]
    return interval(values, owners, question="these-actors", level=level, seed=seed)


def _names(count: int) -> list[str]:
    return [str(index) for index in range(count)]

"""Training seeds as a second level: would the method, trained again, do so too?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from spfem_bench.judging.statistics.intervals import interval
from spfem_bench.judging.statistics.types import Floats, Interval, Question
from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import floats

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
    grid = np.array([[math.fsum(cell) / len(cell) for cell in row] for row in cells])
    mean = [math.fsum(column) / models for column in grid.T]
    over_people = interval(mean, _names(people), question="any-actors", level=level, seed=seed)
    over_models = interval(grid.mean(axis=1), _names(models), question="any-actors", level=level, method="t")
    parts = [over_people] if question == "any-actors" else [_clips(row, level, seed) for row in cells]
    reach = _joined([_reach(part) for part in parts], _reach(over_models))
    note = (
        next((part.note for part in parts if part.note), "")
        if models > 1
        else "one training seed says nothing"
    )
    return replace(
        over_people,
        low=None if reach is None else over_people.point - reach[0],
        high=None if reach is None else over_people.point + reach[1],
        method="MOVER of speakers and training seeds",
        question=question,
        n=len(speakers),
        reliable=reach is not None and not note,
        note=note or ("" if reach else over_models.note),
    )


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

"""Ranks that say which systems a table can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from spfem_bench.judging.statistics.multiple import holm
from spfem_bench.judging.statistics.permutations import smallest_p
from spfem_bench.judging.statistics.samples import Sample
from spfem_bench.judging.statistics.types import Floats, Question, Verdict
from spfem_bench.judging.statistics.verdicts import verdict
from spfem_metrics import Direction
from spfem_metrics.errors import InputError

Pair = tuple[str, str]


@dataclass(frozen=True)
class Rank:
    """Where one system stands.

    Args:
        point: mean over speakers of each speaker's mean, over the system's own scored trials.
        low: best rank it may have: 1 + the number of systems that beat it.
        high: worst rank it may have: the number of systems less those it beats.
        beats: systems that it is told apart from and better than, in the order of the ranking.
        ties: groups it belongs to, as places in `Ranking.ties`.
    """

    point: float
    low: int
    high: int
    beats: tuple[str, ...]
    ties: tuple[int, ...]


@dataclass(frozen=True)
class Ranking:
    """The ranks of one column.

    Args:
        ranks: by system, best point first; equal points by name.
        p: of each pair of systems, in that order, after Holm's correction over all pairs.
        ties: maximal runs of systems neighbouring in the order of which no two are told apart, as the bars of
            a critical difference diagram (Demsar 2006). A system may stand in several.
        note: that so few speakers cannot tell so many pairs apart, else empty.
    """

    ranks: Mapping[str, Rank]
    p: Mapping[Pair, float]
    ties: tuple[tuple[str, ...], ...]
    note: str


def rank_intervals(
    table: Mapping[str, ArrayLike],
    speakers: Sequence[str],
    *,
    direction: Direction,
    question: Question = "any-actors",
    alpha: float = 0.05,
    seed: int = 0,
) -> Ranking:
    """Rank intervals from all pairs of systems, with Holm's correction over the pairs.

    Two systems are told apart where `verdict` on the trials that both have scored is better or worse and the
    corrected p is at most alpha. As no false finding is made with chance 1 - alpha, with that chance all true
    ranks lie in their intervals (Mohamad, Goeman and van Zwet 2019).

    Args:
        table: for each system its (N,) values aligned by trial, NaN where it has no score.
        speakers: (N,) the speaker of each trial.
        direction: whether higher or lower values are better.
        question: whether speakers are given or drawn.
        alpha: chance of any pair told apart falsely.
        seed: of the draws.

    Raises:
        InputError: there is no system, one has no score, or lengths differ.
    """
    columns = {name: _column(name, values, speakers) for name, values in sorted(table.items())}
    if not columns:
        raise InputError("a ranking needs at least one system")
    points = {name: _point(column, speakers) for name, column in columns.items()}
    order = sorted(points, key=lambda name: points[name] if direction == "lower" else -points[name])
    judge = partial(verdict, direction=direction, margin=None, question=question, alpha=alpha, seed=seed)
    pairs = {pair: _told_apart(pair, columns, speakers, judge) for pair in combinations(order, 2)}
    adjusted = holm({pair: p for pair, (p, _) in pairs.items()})
    wins = {(won, _other(pair, won)) for pair, (_, won) in pairs.items() if won and adjusted[pair] <= alpha}
    ties = _ties(order, wins)
    ranks = {name: _rank(name, points[name], order, wins, ties) for name in order}
    note = _limit(len(set(speakers)), len(pairs), alpha) if question == "any-actors" else ""
    return Ranking(ranks, adjusted, ties, note)


def _rank(
    name: str, point: float, order: Sequence[str], wins: Collection[Pair], ties: Sequence[Sequence[str]]
) -> Rank:
    beats = tuple(other for other in order if (name, other) in wins)
    beaten = sum((other, name) in wins for other in order)
    groups = tuple(place for place, group in enumerate(ties) if name in group)
    return Rank(point, 1 + beaten, len(order) - len(beats), beats, groups)


def _ties(order: Sequence[str], wins: Collection[Pair]) -> tuple[tuple[str, ...], ...]:
    """Maximal runs of the order without two that are told apart."""
    runs: list[tuple[int, int]] = []
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(_apart(order[end], name, wins) for name in order[start:end]):
            end += 1
        if not runs or end > runs[-1][1]:
            runs.append((start, end))
    return tuple(tuple(order[start:end]) for start, end in runs)


def _apart(first: str, second: str, wins: Collection[Pair]) -> bool:
    return (first, second) in wins or (second, first) in wins


def _other(pair: Pair, name: str) -> str:
    return pair[1] if name == pair[0] else pair[0]


def _limit(speakers: int, pairs: int, alpha: float) -> str:
    least = min(1.0, pairs * smallest_p(speakers, speakers))
    if not pairs or least <= alpha:
        return ""
    return f"{speakers} speakers allow no p under {least:.3g} over {pairs} pairs: nothing can be told apart"


def _column(name: str, values: ArrayLike, speakers: Sequence[str]) -> Floats:
    column = np.asarray(values, np.float64)
    if column.shape != (len(speakers),):
        raise InputError(f"{name}: {column.shape} values of {len(speakers)} trials")
    if not np.isfinite(column).any():
        raise InputError(f"{name} has no score on any trial: leave it out of the ranking")
    return column


def _scored(column: Floats, speakers: Sequence[str]) -> tuple[Floats, list[str]]:
    kept = np.isfinite(column)
    return column[kept], [name for name, keep in zip(speakers, kept, strict=True) if keep]


def _point(column: Floats, speakers: Sequence[str]) -> float:
    found = Sample.of(*_scored(column, speakers))
    return found.sign * float(found.means.mean())


def _told_apart(
    pair: Pair,
    columns: Mapping[str, Floats],
    speakers: Sequence[str],
    judge: Callable[[Floats, Sequence[str]], Verdict],
) -> tuple[float, str | None]:
    """The p-value of a pair alone, and which of the two is better, if either."""
    differences, owners = _scored(columns[pair[0]] - columns[pair[1]], speakers)
    if not len(differences):
        return 1.0, None
    found = judge(differences, owners)
    return found.p, {"better": pair[0], "worse": pair[1]}.get(found.name)

"""Bundles of the same variants trained with several seeds, as one table: means, intervals, coverage.

Where a metric has a value for each trial, an interval holds both speakers and training seeds as drawn
(`spfem_bench.judging.statistics.two_level`, over the speakers' values of `spfem_bench.ablation.linear`); a
set metric has one value for each seed, and its interval is Student's over these alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from spfem_bench.ablation.linear import Linear, linear, over_speakers_and_seeds
from spfem_bench.errors import NotComparableError, UsageError
from spfem_bench.judging.bundles import Bundle
from spfem_bench.judging.statistics import Interval, interval
from spfem_bench.stages.reduce import AVERAGE
from spfem_bench.tables.model import Column, Leaderboard, PictureNote, SystemRow, TimeNote
from spfem_metrics import InputError, Score, Scored, Unscored
from spfem_metrics.metrics.reducing import NO_INTERVAL

_CLOSE = 1e-9
_Name = TypeVar("_Name", bound=str)


def check_same(bundles: Sequence[Bundle]) -> None:
    """Nothing where the bundles differ in their training seeds alone.

    Raises:
        UsageError: fewer than two.
        NotComparableError: other variants, trials or definitions.
    """
    if len(bundles) < 2:
        raise UsageError("an ablation needs the rows of at least two training seeds")
    first = bundles[0]
    for other in bundles[1:]:
        lines = [{n: c.signature.line for n, c in bundle.columns.items()} for bundle in (first, other)]
        same = first.models == other.models and first.board.trials_digest == other.board.trials_digest
        if not same or lines[0] != lines[1]:
            raise NotComparableError(
                f"{first.path} and {other.path} are of other variants, trials or definitions: score all "
                "seeds of one ablation together"
            )


def joined(bundles: Sequence[Bundle], title: str) -> Leaderboard:
    """The leaderboard over training seeds: the first bundle's bounds, and every variant's means.

    Outputs, failures, rows without a reading and departures from the sources are counted over all seeds.

    Args:
        bundles: of the seeds, in order.
        title: of the table.

    Raises:
        UsageError: fewer than two bundles.
        NotComparableError: they differ in more than the seed.
    """
    check_same(bundles)
    first = bundles[0].board
    systems = [_joined(bundles, row) if row.role == "model" else row for row in first.systems]
    lost = [bundle.board.reasons for bundle in bundles]
    reasons = {m: _added([by.get(m, {}) for by in lost]) for m in sorted({m for by in lost for m in by})}
    footer = (*first.footer, *_departing(bundles))
    return replace(first, title=title, systems=systems, reasons=reasons, footer=footer)


def _added(counts: Sequence[Mapping[_Name, int]]) -> dict[_Name, int]:
    """The sums of the same reasons, in order of first appearance."""
    names = dict.fromkeys(name for count in counts for name in count)
    return {name: sum(count.get(name, 0) for count in counts) for name in names}


def _joined(bundles: Sequence[Bundle], first: SystemRow) -> SystemRow:
    rows = [_row(bundle, first.name) for bundle in bundles]
    scores = {
        column.info.name: {
            emotion: _score(bundles, first.name, column, emotion)
            for emotion in first.scores.get(column.info.name, {})
        }
        for column in bundles[0].board.columns
    }
    return replace(
        first,
        scores=scores,
        generated=sum(row.generated for row in rows),
        trials=sum(row.trials for row in rows),
        failures=_added([row.failures for row in rows]),
        time=_time([row.time for row in rows if row.time is not None]),
        picture=_picture([row.picture for row in rows if row.picture is not None]),
        notes=tuple(dict.fromkeys(note for row in rows for note in row.notes)),
    )


def _time(notes: Sequence[TimeNote]) -> TimeNote | None:
    """Frames and outputs of all seeds under which a variant's outputs depart from their sources."""
    if not notes:
        return None
    rates = _added([note.rates for note in notes])
    return TimeNote(sum(note.frames for note in notes), sum(note.due for note in notes), rates)


def _picture(notes: Sequence[PictureNote]) -> PictureNote | None:
    """The same of outputs that show other pictures."""
    if not notes:
        return None
    return PictureNote(_added([note.spaces for note in notes]), _added([note.aspects for note in notes]))


def _departing(bundles: Sequence[Bundle]) -> Iterator[str]:
    """Of the variants whose outputs depart from their sources under some seeds only: under how many."""
    for name in bundles[0].models:
        rows = [_row(bundle, name) for bundle in bundles]
        for what, notes in (
            ("frames and rates", [row.time for row in rows]),
            ("crops and aspect ratios", [row.picture for row in rows]),
        ):
            count = sum(note is not None for note in notes)
            if 0 < count < len(bundles):
                yield f"{name}: {what} are those of {count} of {len(bundles)} training seeds"


def _row(bundle: Bundle, name: str) -> SystemRow:
    return next(row for row in bundle.board.systems if row.name == name)


def stored(bundle: Bundle, name: str, metric: str, emotion: str = AVERAGE) -> Score | None:
    """A bundle's own score."""
    return _row(bundle, name).scores.get(metric, {}).get(emotion)


def _score(bundles: Sequence[Bundle], name: str, column: Column, emotion: str) -> Score:
    """The mean of the seeds' scores."""
    found = [stored(bundle, name, column.info.name, emotion) for bundle in bundles]
    scores = [score for score in found if score is not None]
    values = [score.outcome.value for score in scores if isinstance(score.outcome, Scored)]
    scored, total = sum(score.scored for score in scores), sum(score.total for score in scores)
    notes = tuple(dict.fromkeys(n for score in scores for n in score.notes if NO_INTERVAL not in n))
    if len(values) < len(bundles):
        why = [s.outcome.reason for s in scores if isinstance(s.outcome, Unscored)]
        reason = f"no score under {len(bundles) - len(values)} of {len(bundles)} training seeds"
        return Score(Unscored(": ".join([reason, *why[:1]])), scored, total, notes=notes)
    mean = Score(Scored(math.fsum(values) / len(values)), scored, total, notes=notes)
    if column.info.of_sets:
        return _with_interval(mean, over_seeds(values), seeds_words(len(values)))
    try:
        over, _ = over_speakers_and_seeds(lines(bundles, name, column.info.name, emotion))
    except InputError as error:
        return replace(mean, notes=(*notes, f"{NO_INTERVAL} {error}"))
    words = f"{over.clusters} speakers and {len(bundles)} training seeds drawn, the wider side"
    return _with_interval(mean, over, words)


def _with_interval(mean: Score, found: Interval, words: str) -> Score:
    """The score with the interval's wider side as its half width, or a note why there is none."""
    if found.half_width is None:
        return replace(mean, notes=(*mean.notes, f"{NO_INTERVAL} {found.note}"))
    notes = mean.notes if found.reliable or not found.note else (*mean.notes, f"interval: {found.note}")
    return replace(mean, half_width=found.half_width, interval=words, notes=notes)


def seeds_words(count: int) -> str:
    """What an interval over training seeds alone is, and what it rests on."""
    return (
        f"Student's over {count} training seeds alone, which rests on their scatter being normal, with "
        f"{count - 1} degree{'s' if count > 2 else ''} of freedom"
    )


def over_seeds(values: Sequence[float]) -> Interval:
    """Student's over training seeds, each a unit of its own; so few keep a level for normal values alone.

    Returns:
        Never reliable under the number of units that `spfem_bench.judging.statistics.interval` asks for;
        its note is empty where there are ends, since `seeds_words` says it.
    """
    names = [str(index) for index in range(len(values))]
    found = interval(values, names, question="any-actors", method="t")
    note = "all training seeds have the same value: nothing to judge their scatter by"
    return replace(found, note=note if found.low is None else "")


def lines(bundles: Sequence[Bundle], name: str, metric: str, emotion: str = AVERAGE) -> list[Linear]:
    """A score under every seed as the mean of a value for each speaker.

    Raises:
        InputError: a seed has no reading, or its score is not the mean over emotions of trials' plain means.
    """
    return [_line(bundle, name, metric, emotion) for bundle in bundles]


def _line(bundle: Bundle, name: str, metric: str, emotion: str) -> Linear:
    plan = bundle.trials
    found = linear(
        (value, plan[trial].speaker, plan[trial].emotion)
        for trial, value in _cells(bundle, name, metric)
        if emotion in (AVERAGE, plan[trial].emotion)
    )
    score = stored(bundle, name, metric, emotion)
    value = score.outcome.value if score is not None and isinstance(score.outcome, Scored) else math.nan
    if not math.isclose(found.point, value, rel_tol=_CLOSE, abs_tol=1e-12):
        raise InputError("the score is not the mean over emotions of the trials' plain means")
    return found


def _cells(bundle: Bundle, name: str, metric: str) -> Iterator[tuple[str, float]]:
    for trial, cell in sorted(bundle.cells[name, metric].items()):
        if cell.state == "scored" and cell.value is not None:
            yield trial, cell.value

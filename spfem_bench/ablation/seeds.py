"""Bundles of the same variants trained with several seeds, as one table: means, intervals, differences.

Where a metric has a value for each trial, an interval holds both speakers and training seeds as drawn
(`spfem_bench.judging.statistics.two_level`); a set metric has one value for each seed, and its interval is
Student's over these alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from spfem_bench.errors import NotComparableError, UsageError
from spfem_bench.judging.bundles import Bundle
from spfem_bench.judging.statistics import Interval, interval, two_level
from spfem_bench.stages.reduce import AVERAGE
from spfem_bench.tables.model import Column, Leaderboard, SystemRow
from spfem_metrics import InputError, Score, Scored, Unscored
from spfem_metrics.metrics.reducing import NO_INTERVAL

_UNLIKE = "trials without a reading make speakers weigh differently in score and interval"
_CLOSE = 1e-9

Values = tuple[list[float], list[str], list[str]]
"""Values, the speaker of each, the training seed of each."""


@dataclass(frozen=True)
class Difference:
    """By how much a variant's average lies above that of the variant without supervision.

    Args:
        variant: whose.
        metric: its name.
        interval: of the difference over speakers and training seeds; of a set metric over the seeds.
    """

    variant: str
    metric: str
    interval: Interval

    @property
    def leaves_out_zero(self) -> bool:
        """Whether the whole interval lies on one side of 0, and its level is one that it reaches."""
        return self.interval.reliable and (self.interval.above(0) or self.interval.below(0))


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
    return replace(first, title=title, systems=systems)


def _joined(bundles: Sequence[Bundle], first: SystemRow) -> SystemRow:
    rows = [_row(bundle, first.name) for bundle in bundles]
    scores = {
        column.info.name: {
            emotion: _score(bundles, first.name, column, emotion)
            for emotion in first.scores.get(column.info.name, {})
        }
        for column in bundles[0].board.columns
    }
    failures: dict[str, int] = {}
    for row in rows:
        for reason, number in row.failures.items():
            failures[reason] = failures.get(reason, 0) + number
    generated, trials = sum(row.generated for row in rows), sum(row.trials for row in rows)
    return replace(first, scores=scores, generated=generated, trials=trials, failures=failures)


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
        return _with_interval(mean, _over_seeds(values), f"{len(values)} training seeds alone")
    try:
        over = two_level(*_values(bundles, name, column.info.name, emotion))
    except InputError as error:
        return replace(mean, notes=(*notes, f"{NO_INTERVAL} {error}"))
    words = f"{over.clusters} speakers and {len(bundles)} training seeds drawn, the wider side"
    return _with_interval(mean, over, words)


def _with_interval(mean: Score, found: Interval, words: str) -> Score:
    """The score with the interval's wider side as its half width, or a note why there is none."""
    value = mean.outcome.value if isinstance(mean.outcome, Scored) else math.nan
    if found.low is None or found.high is None:
        return replace(mean, notes=(*mean.notes, f"{NO_INTERVAL} {found.note or 'nothing scatters'}"))
    if not math.isclose(found.point, value, rel_tol=_CLOSE, abs_tol=1e-12):
        return replace(mean, notes=(*mean.notes, f"{NO_INTERVAL} {_UNLIKE}"))
    notes = mean.notes if found.reliable or not found.note else (*mean.notes, f"interval: {found.note}")
    half = max(found.point - found.low, found.high - found.point)
    return replace(mean, half_width=half, interval=words, notes=notes)


def _over_seeds(values: Sequence[float]) -> Interval:
    """Student's over training seeds, each a unit of its own."""
    names = [str(index) for index in range(len(values))]
    found = interval(values, names, question="any-actors", method="t")
    # Few units are all there are of seeds; `reliable` asks for what speakers can offer.
    return replace(found, reliable=found.low is not None, note="" if found.low is not None else found.note)


def _values(bundles: Sequence[Bundle], name: str, metric: str, emotion: str = AVERAGE) -> Values:
    """Every trial's value under every seed."""
    rows = [
        (value, bundle.trials[trial].speaker, str(index))
        for index, bundle in enumerate(bundles)
        for trial, value in _cells(bundle, name, metric)
        if emotion in (AVERAGE, bundle.trials[trial].emotion)
    ]
    values, speakers, seeds = ([row[i] for row in rows] for i in range(3))
    return values, speakers, seeds  # type: ignore[return-value]


def _cells(bundle: Bundle, name: str, metric: str) -> Iterator[tuple[str, float]]:
    for trial, cell in sorted(bundle.cells[name, metric].items()):
        if cell.state == "scored" and cell.value is not None:
            yield trial, cell.value


def differences(bundles: Sequence[Bundle], plain: str) -> list[Difference]:
    """Every variant's difference from the one without supervision, under the same seed, trial by trial.

    Args:
        bundles: of the seeds.
        plain: the variant without supervision.
    """
    others = [name for name in bundles[0].models if name != plain]
    found = [
        (variant, column.info.name, _difference(bundles, column, variant, plain))
        for variant in others
        for column in bundles[0].board.columns
    ]
    return [Difference(v, metric, made) for v, metric, made in found if made is not None]


def _difference(bundles: Sequence[Bundle], column: Column, variant: str, plain: str) -> Interval | None:
    metric = column.info.name
    if column.info.of_sets:
        pairs = [(stored(b, variant, metric), stored(b, plain, metric)) for b in bundles]
        values = [
            one.outcome.value - other.outcome.value
            for one, other in pairs
            if one is not None and other is not None
            if isinstance(one.outcome, Scored) and isinstance(other.outcome, Scored)
        ]
        return _over_seeds(values) if len(values) == len(bundles) else None
    rows = [
        (value - base[trial], bundle.trials[trial].speaker, str(index))
        for index, bundle in enumerate(bundles)
        for base in [dict(_cells(bundle, plain, metric))]
        for trial, value in _cells(bundle, variant, metric)
        if trial in base
    ]
    try:
        return two_level([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])
    except InputError:
        return None


def by_variant(found: Sequence[Difference]) -> Mapping[str, Mapping[str, Difference]]:
    """Variant -> metric -> difference."""
    table: dict[str, dict[str, Difference]] = {}
    for one in found:
        table.setdefault(one.variant, {})[one.metric] = one
    return table

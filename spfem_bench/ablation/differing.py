"""By how much variants differ from the one without supervision, and which differences are findings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from spfem_bench.ablation.linear import over_speakers_and_seeds
from spfem_bench.ablation.seeds import lines, over_seeds, stored
from spfem_bench.judging.bundles import Bundle
from spfem_bench.judging.statistics import Interval, holm
from spfem_bench.tables.model import Column
from spfem_metrics import InputError, Scored

ALPHA = 0.05
"""Chance of any false finding in the whole table."""


@dataclass(frozen=True)
class Difference:
    """By how much a variant's average lies above that of the variant without supervision.

    Args:
        variant: whose.
        metric: its name.
        interval: of the difference over speakers and training seeds; of a set metric over the seeds.
        p: of no difference, after Holm's correction over the whole table; 1 where nothing is tested.
    """

    variant: str
    metric: str
    interval: Interval
    p: float

    @property
    def is_finding(self) -> bool:
        """Whether p is at most `ALPHA`, and a reliable interval leaves out 0."""
        over = self.interval
        return self.p <= ALPHA and over.reliable and (over.above(0) or over.below(0))


def differences(bundles: Sequence[Bundle], plain: str) -> list[Difference]:
    """Every variant's difference from the one without supervision, speaker by speaker under the same seed.

    Each is the difference of the two averages that the table prints. All of them are hypotheses of one
    table: a set metric's, whose interval keeps no level over few seeds, and one without an interval
    count with a p of 1.

    Args:
        bundles: of the seeds.
        plain: the variant without supervision.
    """
    others = [name for name in bundles[0].models if name != plain]
    columns = bundles[0].board.columns
    made = {(v, c.info.name): _difference(bundles, c, v, plain) for v in others for c in columns}
    known = {key: found for key, found in made.items() if found is not None}
    adjusted = holm({key: p for key, (_, p) in known.items()})
    return [Difference(*key, over, adjusted[key]) for key, (over, _) in known.items()]


def _difference(
    bundles: Sequence[Bundle], column: Column, variant: str, plain: str
) -> tuple[Interval, float] | None:
    """The interval and its p alone; None where a seed lacks one of the two scores."""
    metric = column.info.name
    changes = [change(bundle, metric, variant, plain) for bundle in bundles]
    values = [known for known in changes if known is not None]
    if len(values) < len(bundles):
        return None
    if column.info.of_sets:
        return over_seeds(values), 1.0
    point = math.fsum(values) / len(values)
    try:
        sides = [lines(bundles, name, metric) for name in (variant, plain)]
        over, p = over_speakers_and_seeds([one.minus(other) for one, other in zip(*sides, strict=True)])
    except InputError as error:
        bare = replace(over_seeds(values), low=None, high=None, reliable=False, note=str(error))
        return replace(bare, point=point), 1.0
    return replace(over, point=point), p


def change(bundle: Bundle, metric: str, variant: str, plain: str) -> float | None:
    """The difference of the two averages that a bundle holds; None where it lacks one."""
    one, other = (stored(bundle, name, metric) for name in (variant, plain))
    if one is None or other is None:
        return None
    if not (isinstance(one.outcome, Scored) and isinstance(other.outcome, Scored)):
        return None
    return one.outcome.value - other.outcome.value


def by_variant(found: Sequence[Difference]) -> Mapping[str, Mapping[str, Difference]]:
    """Variant -> metric -> difference."""
    table: dict[str, dict[str, Difference]] = {}
    for one in found:
        table.setdefault(one.variant, {})[one.metric] = one
    return table

"""`check_metric`: what every metric must do, tried on observations with known answers.

Each check is a function that raises `AssertionError` with one sentence beginning with the metric's name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from spfem_metrics import (
    ClipFeatures,
    Failed,
    Metric,
    Observation,
    Reading,
    Row,
    Score,
    Scored,
    TrialFacts,
    Unscored,
)

Degrade = Callable[[Observation], Observation]

SHARDS = (1, 2, 7)
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MARKERS = ("found", "valid")


def check_metric(
    metric: Metric,
    observations: Sequence[Observation],
    *,
    degrade: Degrade | None = None,
    reals: Sequence[Observation] = (),
) -> Score:
    """Try a metric on a handful of observations.

    Checked: its description and signature are complete; observing is deterministic, does not write into its
    input and does not depend on other trials; reducing gives identical bits over 1, 2 and 7 shards, and does
    not depend on the order of rows beyond rounding; values are finite and in bounds; rows without a reading
    are counted; a missing face or clip gives `Unscored`, not an exception; a degraded output scores worse.

    Args:
        metric: what is tried.
        observations: at least two trials of one emotion, with distinct ids, that give readings.
        degrade: makes an observation worse in a way the metric should see; without it direction is not tried.
        reals: reference entries for a metric of sets (``trial.side == "real"``).

    Returns:
        The score over ``observations``, for further assertions.

    Raises:
        AssertionError: one sentence that says what is wrong.
    """
    trial = _Trial(metric, observations, reals)
    for check in (_describe, _sign, _observe, _isolate, _reduce, _count, _miss):
        check(trial)
    if degrade is not None:
        _degrade(trial, degrade)
    return trial.score(trial.rows())


class _Trial:
    """One metric on trial, with the ways to run it."""

    def __init__(
        self, metric: Metric, observations: Sequence[Observation], reals: Sequence[Observation]
    ) -> None:
        self.metric = metric
        self.generated = list(observations)
        self.observations = [*observations, *reals]
        ids = [observation.trial.id for observation in self.observations]
        self.need(len(self.generated) >= 2, "is tried on fewer than two observations; give at least two")
        self.need(len(set(ids)) == len(ids), "is tried on observations that share an id; give each its own")

    def need(self, holds: bool, fault: str) -> None:
        """Raise with the metric's name in front of the fault."""
        if not holds:
            raise AssertionError(f"{self.metric.info.name} {fault}")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One reading; an exception is a fault of the metric."""
        try:
            return self.metric.observe(observation)
        except Exception as error:  # whatever a metric raises is what is reported
            name = type(error).__name__
            raise AssertionError(
                f"{self.metric.info.name} raises {name} on {observation.trial.id} ({error}); "
                "return Unscored(reason)"
            ) from error

    def rows(self, observations: Sequence[Observation] | None = None) -> list[Row]:
        """Observed and sorted by id, as the harness hands them over."""
        chosen = self.observations if observations is None else observations
        return by_id([Row(observation.trial, self.observe(observation)) for observation in chosen])

    def score(self, rows: Sequence[Row]) -> Score:
        """Reduced; an exception is a fault of the metric."""
        try:
            return self.metric.reduce(rows)
        except Exception as error:  # whatever a metric raises is what is reported
            name = type(error).__name__
            raise AssertionError(f"{self.metric.info.name} raises {name} in reduce ({error})") from error

    def value(self, rows: Sequence[Row], of: str = "its observations") -> float:
        """The reduced number, which must be there."""
        outcome = self.score(rows).outcome
        self.need(isinstance(outcome, Scored), f"gives no score on {of}: {outcome}")
        return outcome.value if isinstance(outcome, Scored) else math.nan


def by_id(rows: Sequence[Row]) -> list[Row]:
    """Rows in the order in which `Metric.reduce` is promised them."""
    return sorted(rows, key=lambda row: row.trial.id)


def _describe(trial: _Trial) -> None:
    info = trial.metric.info
    low, high = info.bounds
    trial.need(bool(_NAME.fullmatch(info.name)), "is not a kebab-case name")
    trial.need(low < high, f"has bounds {info.bounds}, of which the first is not lower")
    trial.need(
        info.direction in {"higher", "lower"}, f"has direction {info.direction!r}; say higher or lower"
    )
    trial.need(bool(info.unit and info.about and info.label), "lacks a unit, a label or an about text")
    trial.need(bool(info.needs), "names nothing that it needs")


def _sign(trial: _Trial) -> None:
    """The signature is stable, names version and miss policy, and moves with every extractor's definition."""
    metric = trial.metric
    names = sorted({need.extractor for need in metric.info.needs})
    definitions = {name: f"{name}-definition" for name in names}
    first, again = metric.signature(definitions), metric.signature(dict(definitions))
    trial.need(first.line == again.line, "has a signature that changes from call to call")
    trial.need(first.name == metric.info.name, f"signs as {first.name}")
    trial.need(
        first.version == metric.info.version, f"signs as version {first.version}, not {metric.info.version}"
    )
    trial.need("miss" in first.choices, "has no miss policy in its signature, e.g. miss:exclude")
    for name in names:
        other = metric.signature({**definitions, name: f"another-{name}"})
        trial.need(other.line != first.line, f"has a signature that ignores the definition of {name}")


def _observe(trial: _Trial) -> None:
    """Readings are finite, in bounds, repeatable; the input is left alone; at least two trials give one."""
    read = 0
    for observation in trial.observations:
        before = _fingerprint(observation)
        first, again = trial.observe(observation), trial.observe(observation)
        name = observation.trial.id
        trial.need(_fingerprint(observation) == before, f"writes into the arrays of its observation ({name})")
        trial.need(isinstance(first, (Reading, Unscored)), f"returns {type(first).__name__} for {name}")
        if isinstance(first, Reading):
            read += 1
            _check_reading(trial, name, first)
        trial.need(
            same_reading(first, again), f"reads {name} differently the second time: it is not deterministic"
        )
    trial.need(
        read >= 2, "gives a reading on fewer than two observations; give observations that it can read"
    )


def _check_reading(trial: _Trial, name: str, reading: Reading) -> None:
    low, high = trial.metric.info.bounds
    numbers = [*reading.parts.values(), *([] if reading.value is None else [reading.value])]
    matrix = reading.matrix
    trial.need(all(map(math.isfinite, numbers)), f"reads a number that is not finite on {name}")
    if reading.value is not None and not trial.metric.info.of_sets:
        inside = low <= reading.value <= high
        trial.need(inside, f"reads {reading.value} on {name}, outside its bounds {trial.metric.info.bounds}")
    if matrix is not None:
        fine = matrix.ndim == 2 and matrix.dtype == np.float32 and bool(np.isfinite(matrix).all())
        trial.need(fine, f"has a matrix on {name} that is not a finite float32 array (n, D)")


def _isolate(trial: _Trial) -> None:
    """A trial's reading is the same whichever trials were read before it."""
    forward = {row.trial.id: row.outcome for row in trial.rows()}
    for order in _orders(trial.observations):
        for row in trial.rows(order):
            same = same_reading(row.outcome, forward[row.trial.id])
            trial.need(same, f"reads {row.trial.id} differently after other trials: it keeps state")


def _orders(observations: Sequence[Observation]) -> Iterator[list[Observation]]:
    yield list(reversed(observations))
    yield Random(0).sample(list(observations), len(observations))


def _reduce(trial: _Trial) -> None:
    """Shards, merged and sorted, give identical bits; any order gives the same number but for rounding."""
    whole = trial.score(trial.rows())
    for count in SHARDS:
        merged = [row for shard in range(count) for row in trial.rows(trial.observations[shard::count])]
        sharded = trial.score(by_id(merged))
        trial.need(
            sharded == whole, f"scores {sharded.outcome} over {count} shards, {whole.outcome} over one"
        )
    value = trial.value(trial.rows())
    shuffled = trial.value(Random(1).sample(trial.rows(), len(trial.observations)))
    close = math.isclose(value, shuffled, rel_tol=1e-9, abs_tol=1e-12)
    trial.need(close, f"depends on the order of rows: {value} sorted, {shuffled} shuffled")
    low, high = trial.metric.info.bounds
    trial.need(low <= value <= high, f"scores {value}, outside its bounds {trial.metric.info.bounds}")
    width = whole.half_width
    trial.need(width is None or (math.isfinite(width) and width >= 0), f"has the half width {width}")


def _count(trial: _Trial) -> None:
    """Rows without a reading are counted, and alone they give a reason instead of a number."""
    rows = trial.rows()
    whole = trial.score(rows)
    losses = [_lost("~0", trial, Unscored("no face")), _lost("~1", trial, Failed("decode error"))]
    longer = trial.score([*rows, *losses])
    trial.need(
        longer.total == whole.total + 2, "does not count rows that are unscored or failed in its total"
    )
    trial.need(longer.scored == whole.scored, "counts rows without a reading as scored")
    for rest in (losses[:1], losses, []):
        outcome = trial.score(rest).outcome
        trial.need(
            not isinstance(outcome, Scored), f"scores {outcome} over {len(rest)} rows that have no reading"
        )


def _lost(suffix: str, trial: _Trial, outcome: Unscored | Failed) -> Row:
    facts = trial.generated[0].trial
    return Row(TrialFacts(f"{facts.id}{suffix}", facts.speaker, facts.emotion), outcome)


def _miss(trial: _Trial) -> None:
    """No face in the output is Unscored; a side without a clip never raises."""
    observation = trial.generated[0]
    needs = {need.extractor for need in trial.metric.info.needs if need.side == "output"}
    if _marked(observation.sides["output"], needs):
        blind = replace(
            observation, sides={**observation.sides, "output": _blinded(observation.sides["output"])}
        )
        outcome = trial.observe(blind)
        trial.need(
            isinstance(outcome, Unscored), "reads a value from an output without a face; say Unscored(reason)"
        )
    for side in {need.side for need in trial.metric.info.needs} & {"truth", "reference"}:
        outcome = trial.observe(_without(observation, side))
        finite = not isinstance(outcome, Reading) or math.isfinite(outcome.value or 0.0)
        trial.need(finite, f"reads a number that is not finite without a {side} clip")


def _marked(features: ClipFeatures, extractors: set[str]) -> bool:
    """Whether the metric reads arrays that can say that there is no face."""
    return any(marker in features.arrays.get(name, {}) for name in extractors for marker in _MARKERS)


def _blinded(features: ClipFeatures) -> ClipFeatures:
    arrays = {
        name: {key: np.zeros_like(array) for key, array in found.items()}
        for name, found in features.arrays.items()
    }
    return replace(features, arrays=arrays)


def _without(observation: Observation, side: str) -> Observation:
    return replace(
        observation,
        sides={name: features for name, features in observation.sides.items() if name != side},
        pairs={key: arrays for key, arrays in observation.pairs.items() if key[0] != side},
        truth_map=np.zeros((0, 2), np.int64) if side == "truth" else observation.truth_map,
    )


def _degrade(trial: _Trial, degrade: Degrade) -> None:
    worse = [degrade(observation) for observation in trial.generated]
    reals = trial.observations[len(trial.generated) :]
    before = trial.value(trial.rows())
    after = trial.value(trial.rows([*worse, *reals]), "the degraded observations")
    falls = after < before if trial.metric.info.direction == "higher" else after > before
    better = trial.metric.info.direction
    trial.need(falls, f"goes from {before} to {after} when the output is degraded, though {better} is better")


def same_reading(one: object, two: object) -> bool:
    """Whether two outcomes agree in every bit."""
    if not (isinstance(one, Reading) and isinstance(two, Reading)):
        return one == two
    scalars = (one.value, dict(one.parts)) == (two.value, dict(two.parts))
    return scalars and _same_matrix(one.matrix, two.matrix)


def _same_matrix(one: NDArray[np.float32] | None, two: NDArray[np.float32] | None) -> bool:
    if one is None or two is None:
        return one is two
    return one.shape == two.shape and one.tobytes() == two.tobytes()


def _fingerprint(observation: Observation) -> list[bytes]:
    """The bytes of every array of an observation."""
    clips = (found for features in observation.sides.values() for found in features.arrays.values())
    groups: list[Mapping[str, NDArray[np.generic]]] = [*clips, *observation.pairs.values()]
    arrays = [array for group in groups for array in group.values()]
    return [array.tobytes() for array in (*arrays, observation.frame_map, observation.truth_map)]

"""Claims against curves: what holds, what fails, what cannot be told.

A metric **sees** a degradation where all of this holds: the interval of its trend (`statistics.trend`) lies
above `BAR`; the interval of its change at the strongest level lies beyond its noise floor; and its mean never
turns back by more than the noise floor. It **ignores** one where the interval of its change lies within the
tolerance at every level. A claim fails where the intervals contradict it, and is inconclusive where they
neither bear it out nor contradict it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spfem_bench.certify.claims import Claim, Ignores, Sees
from spfem_bench.certify.statistics import Curve, Interval, change, reversal, trend
from spfem_bench.certify.terms import Standing, State, Way
from spfem_metrics import Direction

BAR = 0.5
"""A trend counts when at least this much of gamma is left at the lower bound of its interval."""


@dataclass(frozen=True)
class Judged:
    """A claim with what came of it.

    Args:
        claim: as made beforehand.
        state: what came of it.
        why: one clause with the numbers that decided.
        tolerance: of an `Ignores` claim, in the metric's unit; None where it cannot be stated.
    """

    claim: Claim
    state: State
    why: str
    tolerance: float | None = None


def sign_of(way: Way, direction: Direction) -> int:
    """1 where the value should rise with the level, -1 where it should fall."""
    if way == "worse":
        return -1 if direction == "higher" else 1
    return 1 if way == "rises" else -1


def judge(
    claims: Sequence[Claim], curves: Mapping[str, Curve], direction: Direction, floor: float
) -> list[Judged]:
    """Every claim of a metric.

    Args:
        claims: made beforehand.
        curves: degradation -> the metric's curve; what could not be made is not there.
        direction: which way of the metric is better.
        floor: its noise floor.
    """
    covered = {name: curve.covered() for name, curve in curves.items()}
    usable = {name: curve for name, curve in covered.items() if len(curve.levels) > 1}
    return [_judge(claim, curves, usable, direction, floor) for claim in claims]


def _judge(
    claim: Claim,
    made: Mapping[str, Curve],
    usable: Mapping[str, Curve],
    direction: Direction,
    floor: float,
) -> Judged:
    curve = usable.get(claim.degradation)
    if curve is None:
        why = "too few trials are scored" if claim.degradation in made else "not made on this data"
        return Judged(claim, "unmeasured", why)
    if isinstance(claim, Sees):
        return _sees(claim, curve, sign_of(claim.way, direction), floor)
    return _ignores(claim, curve, usable)


def _sees(claim: Sees, curve: Curve, sign: int, floor: float) -> Judged:
    ordered = trend(curve, sign, floor)
    moved = _signed(change(curve, len(curve.levels) - 1), sign)
    back = reversal(curve, sign, floor)
    why = f"trend {_shown(ordered)}, change {_shown(moved)} in the claimed direction, floor {floor:.3g}"
    if back is not None:
        return Judged(claim, "fails", f"turns back at level {back:g}; {why}")
    if ordered.above(BAR) and moved.above(floor):
        return Judged(claim, "holds", why)
    wrong = ordered.below(BAR) or (moved.high is not None and moved.high <= floor)
    return Judged(claim, "fails" if wrong else "inconclusive", why)


def _ignores(claim: Ignores, curve: Curve, usable: Mapping[str, Curve]) -> Judged:
    tolerance = _tolerance(claim, usable)
    if tolerance is None:
        return Judged(claim, "unmeasured", f"{claim.of}, which the tolerance is a share of, is not measured")
    changes = [change(curve, column) for column in range(1, len(curve.levels))]
    worst = max(changes, key=lambda found: abs(found.estimate or 0.0))
    why = f"largest change {_shown(worst)}, tolerance {tolerance:.3g}"
    if all(found.within(tolerance) for found in changes):
        return Judged(claim, "holds", why, tolerance)
    outside = any(found.above(tolerance) or found.below(-tolerance) for found in changes)
    return Judged(claim, "fails" if outside else "inconclusive", why, tolerance)


def _tolerance(claim: Ignores, usable: Mapping[str, Curve]) -> float | None:
    if not claim.of:
        return claim.within
    curve = usable.get(claim.of)
    whole = None if curve is None else change(curve, len(curve.levels) - 1).estimate
    return None if whole is None else claim.within * abs(whole)


def _signed(found: Interval, sign: int) -> Interval:
    if sign > 0 or found.estimate is None:
        return found
    low, high = found.low, found.high
    return Interval(
        -found.estimate, None if high is None else -high, None if low is None else -low, found.clusters
    )


def _shown(found: Interval) -> str:
    if found.estimate is None:
        return "none"
    if found.low is None or found.high is None:
        return f"{found.estimate:.3g} of {found.clusters} cluster"
    return f"{found.estimate:.3g} [{found.low:.3g}, {found.high:.3g}]"


def standing(judged: Sequence[Judged]) -> Standing:
    """What a metric's claims come to: one that fails outweighs all that hold."""
    states = {item.state for item in judged}
    if "fails" in states:
        return "fails"
    if not states:
        return "unclaimed"
    return "certified" if states == {"holds"} else "inconclusive"

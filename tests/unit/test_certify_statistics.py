"""The statistics of certificates: against other implementations, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spfem_bench.certify.claims import Ignores, Sees
from spfem_bench.certify.statistics import (
    Curve,
    Spread,
    change,
    gamma,
    interval,
    noise_floor,
    reversal,
    spread,
    trend,
    visible_from,
)
from spfem_bench.certify.verdicts import Judged, judge, sign_of, standing

LEVELS = (0.0, 1.0, 2.0, 3.0, 4.0)


def speakers(trials: int, count: int) -> tuple[str, ...]:
    return tuple(f"s{i % count}" for i in range(trials))


def curve(values: np.ndarray, count: int) -> Curve:
    return Curve(LEVELS, np.asarray(values, float), speakers(len(values), count))


def seen(values: np.ndarray, count: int, floor: float = 0.1, claim: Sees | Ignores | None = None) -> Judged:
    return judge([claim or Sees("blur")], {"blur": curve(values, count)}, "lower", floor)[0]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=7))
def test_gamma_counts_pairs(values: list[int]) -> None:
    pairs = [(a, b) for i, a in enumerate(values) for b in values[i + 1 :]]
    rises, falls = sum(b > a for a, b in pairs), sum(b < a for a, b in pairs)
    expected = (rises - falls) / (rises + falls) if rises + falls else 0.0
    assert gamma(np.array(values, float), 0.0) == expected


@given(st.permutations(range(6)))
def test_gamma_without_ties_is_kendalls_tau(order: list[int]) -> None:
    values = np.array(order, float)
    assert gamma(values, 0.0) == pytest.approx(stats.kendalltau(np.arange(6), values).statistic)


def test_gamma_ties_what_lies_within_the_floor_and_skips_what_is_missing() -> None:
    assert gamma(np.array([0.0, 0.05, -0.05, 0.02]), 0.1) == 0.0
    assert gamma(np.array([0.0, math.nan, 1.0]), 0.1) == 1.0


def test_the_interval_is_students_over_speaker_means() -> None:
    values = np.array([1.0, 2.0, 4.0, 3.0, 5.0, math.nan])
    found = interval(values, ["a", "a", "b", "b", "c", "c"])
    low, high = stats.t.interval(0.95, 2, loc=np.mean([1.5, 3.5, 5.0]), scale=stats.sem([1.5, 3.5, 5.0]))
    assert (found.estimate, found.clusters) == (pytest.approx(10 / 3), 3)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_one_speaker_gives_no_interval() -> None:
    found = interval(np.array([1.0, 2.0]), ["a", "a"])
    assert (found.estimate, found.low, found.high) == (1.5, None, None)
    assert not any((found.above(0), found.below(9), found.within(9)))


def test_six_speakers_that_all_agree_suffice_and_five_do_not() -> None:
    """The lower bound of six trends of 1 and one of 0 is 6/7 - t(.975, 6) sd / sqrt(7) = .5075."""
    rising = np.tile(LEVELS, (6, 1))
    found = trend(curve(rising, 6), 1, 0.0)
    assert found.low == pytest.approx(0.5075, abs=5e-4)
    assert seen(rising, 6).state == "holds"
    assert seen(rising[:5], 5).state == "inconclusive"


@pytest.mark.parametrize(("trials", "count"), [(4, 2), (6, 6), (12, 6), (24, 12), (48, 24)])
def test_a_metric_of_pure_noise_is_never_certified(trials: int, count: int) -> None:
    rng = np.random.default_rng(trials)
    states = [seen(rng.normal(size=(trials, 5)), count).state for _ in range(150)]
    assert "holds" not in states


def test_a_metric_that_stands_still_is_never_certified() -> None:
    rng = np.random.default_rng(0)
    still = [rng.normal(size=(24, 1)) + 0.05 * rng.normal(size=(24, 5)) for _ in range(100)]
    assert {seen(values, 12).state for values in still} == {"fails"}


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_metric_that_follows_is_certified(noise: float) -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        own = rng.normal(size=(24, 1)) + rng.uniform(0.5, 2, (24, 1)) * np.array(LEVELS)
        assert seen(own + noise * rng.normal(size=(24, 5)), 12).state == "holds"


def test_the_wrong_way_and_a_turn_back_fail() -> None:
    rng = np.random.default_rng(2)
    grain = 0.05 * rng.normal(size=(12, 5))
    assert seen(grain - np.array(LEVELS), 6).state == "fails"
    turned = seen(grain + np.array([0.0, 1.0, 2.0, 3.0, 2.0]), 6)
    assert turned.state == "fails"
    assert turned.why.startswith("turns back at level 4")
    assert reversal(curve(grain + np.array(LEVELS), 6), 1, 0.1) is None


def test_saturation_is_no_turn_back() -> None:
    rng = np.random.default_rng(3)
    flattened = np.minimum(LEVELS, 2.0) + 0.01 * rng.normal(size=(12, 5))
    assert seen(flattened, 12).state == "holds"


def test_specificity_needs_the_interval_within_the_tolerance() -> None:
    rng = np.random.default_rng(4)
    claim = Ignores("blur", 0.3)
    still = rng.normal(size=(24, 1)) + 0.05 * rng.normal(size=(24, 5))
    assert seen(still, 12, claim=claim).state == "holds"
    assert seen(still + 0.2 * np.array(LEVELS), 12, claim=claim).state == "fails"
    assert seen(rng.normal(size=(8, 5)), 4, claim=claim).state == "inconclusive"


def test_a_tolerance_can_be_a_share_of_what_is_seen() -> None:
    rising, still = curve(np.tile(LEVELS, (6, 1)), 6), curve(np.zeros((6, 5)), 6)
    claims = [Sees("blur"), Ignores("jpeg", 0.1, of="blur")]
    judged = judge(claims, {"blur": rising, "jpeg": still}, "lower", 0.0)
    assert [item.state for item in judged] == ["holds", "holds"]
    assert judged[1].tolerance == pytest.approx(0.4)
    missing = judge(claims, {"jpeg": still}, "lower", 0.0)
    assert [item.state for item in missing] == ["unmeasured", "unmeasured"]


def test_levels_at_which_most_trials_have_no_score_do_not_count() -> None:
    values = np.tile(LEVELS, (8, 1))
    values[:5, 4] = math.nan
    values[0, 0] = math.nan
    covered = curve(values, 8).covered()
    assert covered.levels == LEVELS[:4]
    assert covered.values.shape == (7, 4)
    assert seen(np.full((8, 5), math.nan), 8).state == "unmeasured"


def test_a_metric_stands_as_its_worst_claim() -> None:
    def of(*states: str) -> list[Judged]:
        return [Judged(Sees("blur"), state, "") for state in states]  # type: ignore[arg-type]

    assert standing([]) == "unclaimed"
    assert standing(of("holds", "holds")) == "certified"
    assert standing(of("holds", "unmeasured")) == "inconclusive"
    assert standing(of("holds", "inconclusive", "fails")) == "fails"


def test_worse_depends_on_the_direction() -> None:
    assert [sign_of("worse", "higher"), sign_of("worse", "lower")] == [-1, 1]
    assert [sign_of("rises", "higher"), sign_of("falls", "lower")] == [1, -1]


def test_the_noise_floor_is_the_95th_percentile_of_the_size() -> None:
    assert noise_floor(np.append(np.linspace(-1, 1, 201), math.nan)) == pytest.approx(0.95)
    assert noise_floor(np.zeros(0)) == 0.0


def test_variance_components_are_recovered() -> None:
    rng = np.random.default_rng(5)
    names = speakers(4000, 400)
    own = dict(zip(sorted(set(names)), rng.normal(0, 2, 400), strict=True))
    values = np.array([own[name] for name in names]) + rng.normal(0, 3, 4000)
    found = spread(values, names)
    assert found is not None
    assert (found.between, found.within) == (pytest.approx(4, rel=0.25), pytest.approx(9, rel=0.1))
    assert spread(np.ones(3), ("a",) * 3) is None


def test_what_is_called_detectable_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(6)
    effect = Spread(between=1.0, within=4.0).detectable(trials=24, clusters=12)
    found = 0
    for _ in range(1500):
        names = speakers(24, 12)
        own = rng.normal(effect, 1, 12)
        values = own[[int(name[1:]) for name in names]] + rng.normal(0, 2, 24)
        found += interval(values, names).above(0.0)
    assert found / 1500 == pytest.approx(0.8, abs=0.04)


def test_more_trials_and_speakers_show_smaller_effects() -> None:
    rng = np.random.default_rng(7)
    grown = 0.5 * np.array(LEVELS) + rng.normal(0, 0.8, (48, 5))
    shown = curve(grown, 12)
    few, many = visible_from(shown, 6, 6, 0.0), visible_from(shown, 96, 24, 0.0)
    assert few is not None
    assert many is not None
    assert many[0] < few[0]
    assert many[1] < few[1]
    assert visible_from(shown, 6, 6, floor=100.0) is None


def test_a_change_is_taken_over_trials_scored_at_both_levels() -> None:
    values = np.array([[0.0, 1, 2, 3, 4], [10, 12, math.nan, 13, 14]])
    assert change(curve(values, 2), 1).estimate == 1.5
    assert change(curve(values, 2), 2).estimate == 2.0

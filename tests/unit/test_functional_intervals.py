"""The interval over speakers: its formula, what it refuses to say, and its coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spfem_metrics import InputError
from spfem_metrics.functional import cluster_interval
from spfem_metrics.functional.intervals import EVEN_MIN

DRAWS = 4000


def named(*speakers: list[float]) -> list[tuple[str, float]]:
    """Values by speaker as (name, value) pairs."""
    return [(f"S{index}", value) for index, values in enumerate(speakers) for value in values]


def test_equal_clusters_have_students_interval_over_their_means():
    means = [0.2, 0.5, 0.9, 0.4]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(means), scale=stats.sem(means))
    found = cluster_interval([named(*[[mean - 0.1, mean + 0.1] for mean in means])])
    assert found.estimate == pytest.approx(np.mean(means))
    assert found.half_width == pytest.approx((high - low) / 2, rel=1e-9)
    assert (found.clusters, found.effective) == (4, pytest.approx(4))


def test_unequal_clusters_weigh_by_their_trials():
    # mean .5, u = (2 (.3 - .5), 1 (.9 - .5), 1 (.5 - .5)) / 4 = (-.1, .1, 0): variance 3/2 * .02
    found = cluster_interval([named([0.2, 0.4], [0.9], [0.5])])
    assert found.estimate == pytest.approx(0.5)
    assert found.half_width == pytest.approx(stats.t.ppf(0.975, 2) * math.sqrt(0.03), rel=1e-9)
    assert found.effective == pytest.approx(16 / 6)


def test_two_emotions_make_one_interval_for_the_mean_of_their_means():
    # m = (.3, .7); A moves it by ((.2 - .3) / 2 + (.9 + .6 - 2 * .7) / 3) / 2, B and C in one emotion only
    found = cluster_interval([[("A", 0.2), ("B", 0.4)], [("A", 0.9), ("A", 0.6), ("C", 0.6)]])
    moved = [(-0.1 / 2 + 0.1 / 3) / 2, (0.1 / 2) / 2, (-0.1 / 3) / 2]
    weights = [1 / 4 + 2 / 6, 1 / 4, 1 / 6]
    assert found.estimate == pytest.approx(0.5)
    assert found.clusters == 3
    assert found.effective == pytest.approx(1 / sum(w * w for w in weights))
    wanted = stats.t.ppf(0.975, 2) * math.sqrt(1.5 * sum(u * u for u in moved))
    assert found.half_width == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        named([0.4, 0.5, 0.9]),
        named([1.0, 1.0], [1.0, 1.0], [1.0, 1.0]),
        named([0.1, 0.1, 0.1], [0.1, 0.1], [0.1] * 4),
        named([0.2, 0.4], [0.3, 0.3]),
    ],
    ids=["one speaker", "everybody right", "equal but for rounding", "equal means"],
)
def test_no_interval_is_given_where_it_would_have_no_width(values):
    assert cluster_interval([values]).half_width is None


def test_no_group_and_an_empty_group_are_refused():
    for groups in ([], [named([0.4]), []]):
        with pytest.raises(InputError, match="at least one"):
            cluster_interval(groups)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40), st.randoms())
def test_the_order_of_values_moves_no_bit(values, random):
    pairs = [(f"S{index % 5}", value) for index, value in enumerate(values)]
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert cluster_interval([shuffled]) == cluster_interval([pairs])


def coverage(sizes: list[int], seed: int, within: float = 1.0) -> float:
    """How often the formula's interval holds the true mean 0; vectorised over draws.

    Speakers' levels are standard normal, trials scatter by ``within`` about them.
    """
    rng, n = np.random.default_rng(seed), np.array(sizes)
    level = rng.normal(size=(DRAWS, len(n)))
    means = level + within * rng.normal(size=level.shape) / np.sqrt(n)
    mean = means @ n / n.sum()
    moved = n * (means - mean[:, None]) / n.sum()
    half = stats.t.ppf(0.975, len(n) - 1) * np.sqrt(len(n) / (len(n) - 1) * (moved**2).sum(axis=1))
    return float((np.abs(mean) <= half).mean())


def given_for(sizes: list[int]) -> bool:
    """Whether an interval is given for speakers with so many trials each."""
    rng = np.random.default_rng(0)
    found = cluster_interval([named(*[list(rng.normal(size=size)) for size in sizes])])
    assert found.effective == pytest.approx(sum(sizes) ** 2 / sum(size**2 for size in sizes))
    return found.half_width is not None


def test_the_simulation_uses_the_formula_under_test():
    sizes, rng = [3, 5, 4, 4], np.random.default_rng(5)
    draws = [list(rng.normal(size=size)) for size in sizes]
    n, means = np.array(sizes), np.array([np.mean(draw) for draw in draws])
    mean = means @ n / n.sum()
    spread = np.sqrt(4 / 3 * ((n * (means - mean) / n.sum()) ** 2).sum())
    assert cluster_interval([named(*draws)]).half_width == pytest.approx(stats.t.ppf(0.975, 3) * spread)


@pytest.mark.parametrize("speakers", [6, 12, 24])
@pytest.mark.parametrize("within", [0.1, 1.0])
def test_coverage_of_balanced_speakers_is_nominal(speakers, within):
    assert given_for([5] * speakers)
    assert 0.93 <= coverage([5] * speakers, speakers, within) <= 0.97


@pytest.mark.parametrize(
    "sizes",
    [
        [12, 4, 4, 4, 4, 4],
        [12, 4, 4],
        [12, 4, 4, 4],
        [14] * 3 + [4] * 3,
        [17] + [4] * 23,
        [14] * 12 + [4] * 12,
    ],
)
def test_near_the_limit_of_evenness_coverage_is_still_nine_in_ten(sizes):
    effective = sum(sizes) ** 2 / sum(size**2 for size in sizes) / len(sizes)
    assert EVEN_MIN <= effective < EVEN_MIN + 0.05
    assert given_for(sizes)
    assert coverage(sizes, 3) >= 0.90


@pytest.mark.parametrize("sizes", [[40, 4, 4, 4, 4, 4], [40, 2, 2, 2], [40, 40, 4, 4, 4, 4]])
def test_speakers_that_weigh_too_unevenly_get_no_interval_for_it_would_miss(sizes):
    assert coverage(sizes, 4) < 0.90
    assert not given_for(sizes)


def test_coverage_over_emotions_with_missing_cells():
    """Seven emotions, eight speakers, one of whom shows two emotions less: by the function itself."""
    rng, hits, draws = np.random.default_rng(8), 0, 400
    for _ in range(draws):
        level = rng.normal(size=8)
        groups = [
            [(f"S{s}", level[s] + rng.normal()) for s in range(8) for _ in range(2) if s or e > 1]
            for e in range(7)
        ]
        found = cluster_interval(groups)
        assert found.half_width is not None
        hits += abs(found.estimate) <= found.half_width
    assert 0.92 <= hits / draws <= 0.98

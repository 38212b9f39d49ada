"""Intervals and tests of judging: golden values, other implementations, and what must change nothing."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spfem_bench.judging.statistics import holm, interval, permutation, smallest_p, two_level, two_level_p
from spfem_bench.judging.statistics.intervals import FEWEST, Estimate
from spfem_bench.judging.statistics.pivots import drawn_again, means
from spfem_bench.judging.statistics.samples import Sample
from spfem_bench.judging.statistics.streams import BLOCK, blocks, counts
from spfem_metrics.errors import InputError

QUESTIONS = ("any-actors", "these-actors")
METHODS = ("auto", "t", "bootstrap-t")


def owners(values: np.ndarray, count: int) -> list[str]:
    return [f"s{index % count}" for index in range(len(values))]


def scores(seed: int, trials: int = 40, speakers: int = 8) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    names = [f"s{index}" for index in rng.integers(speakers, size=trials)]
    own = {name: rng.normal() for name in names}
    return np.array([own[name] + rng.normal() for name in names]), names


def test_over_speakers_t_is_students_interval_of_their_means() -> None:
    values, names = [1.0, 2.0, 4.0, 3.0, 5.0], ["a", "a", "b", "b", "c"]
    found = interval(values, names, question="any-actors", method="t")
    low, high = stats.t.interval(0.95, 2, loc=np.mean([1.5, 3.5, 5.0]), scale=stats.sem([1.5, 3.5, 5.0]))
    assert found.point == pytest.approx(10 / 3)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert (found.clusters, found.n, found.question) == (3, 5, "any-actors")


def test_within_two_speakers_t_is_welchs_interval_of_half_the_sum() -> None:
    """(mean a + mean b) / 2 is half of Welch's difference of a and -b, with the same degrees of freedom."""
    a, b = np.array([1.0, 2.0, 4.0, 3.5]), np.array([5.0, 9.0, 7.0])
    found = interval([*a, *b], ["a"] * 4 + ["b"] * 3, question="these-actors", method="t")
    welch = stats.ttest_ind(a, -b, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(welch.low / 2), pytest.approx(welch.high / 2))


def test_bootstrap_t_is_that_of_plain_draws_to_their_chance() -> None:
    """SciPy has no bootstrap-t: draws studentised by hand.

    4999 draws leave a share of .025 known to .0044 (two binomial errors): the draws' own quantiles at shares
    of .0206 and .0294 say how far an end may move; twice that, as both sides draw.
    """
    values = np.random.default_rng(3).lognormal(size=20)
    taken = np.random.default_rng(4).choice(values, (4999, 20))
    draws = (taken.mean(axis=1) - values.mean()) / stats.sem(taken, axis=1)
    low, high = values.mean() - np.quantile(draws, [0.975, 0.025]) * stats.sem(values)
    found = interval(values, owners(values, 20), question="any-actors", method="bootstrap-t")
    rooms = [
        2 * np.ptp(np.quantile(draws, shares)) * stats.sem(values)
        for shares in ((0.9706, 0.9794), (0.0206, 0.0294))
    ]
    assert abs(found.low - low) < rooms[0] < 0.3 * (high - low)
    assert abs(found.high - high) < rooms[1] < 0.3 * (high - low)


@pytest.mark.parametrize("question", QUESTIONS)
def test_auto_takes_the_further_end_of_both(question) -> None:
    values = np.random.default_rng(1).lognormal(size=40)
    both = [interval(values, owners(values, 8), question=question, method=m) for m in ("t", "bootstrap-t")]
    found = interval(values, owners(values, 8), question=question)
    assert found.low == min(one.low for one in both)
    assert found.high == max(one.high for one in both)
    assert found.reliable


def test_lightevals_sqrt_b_mistake_would_be_seen() -> None:
    """lighteval gives the standard error of the resampled means' mean, sqrt(B) too small (.00215 for .0680).

    The resamples' number must not move the width, and the width must be that of the mean of 400 normal
    values, 2 x 1.966 / sqrt(400) = .197; with the mistake four times the resamples would halve it. The
    standard deviation of 400 values is known to 7%, an end of 999 resamples to 10% (two errors each): room
    for 25%.
    """
    values = np.random.default_rng(0).normal(size=400)
    widths = {
        resamples: (found.high - found.low)
        for resamples in (999, 3999)
        for found in [
            interval(
                values, owners(values, 400), question="any-actors", method="bootstrap-t", resamples=resamples
            )
        ]
    }
    assert widths[3999] == pytest.approx(widths[999], rel=0.1)
    assert all(width == pytest.approx(2 * 1.966 / math.sqrt(400), rel=0.25) for width in widths.values())
    draws = drawn_again([values], 0, 999) * stats.sem(values)
    lighteval = 2 * 1.96 * draws.std(ddof=1) / math.sqrt(len(draws))
    assert lighteval < 0.1 * widths[999]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_order_names_and_swapped_sides_change_nothing(question, method) -> None:
    values, names = scores(5)
    found = interval(values, names, question=question, method=method)
    order = np.random.default_rng(9).permutation(len(values))
    renamed = {name: f"person {index}" for index, name in enumerate(sorted(set(names), reverse=True))}
    again = interval(values[order], [renamed[names[i]] for i in order], question=question, method=method)
    assert again == found
    mirrored = interval(-values, names, question=question, method=method)
    assert (mirrored.point, mirrored.low, mirrored.high) == (-found.point, -found.high, -found.low)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=2, max_size=14), st.integers(1, 5), st.randoms())
def test_ties_and_uneven_speakers_mirror_and_shuffle_to_the_bit(values, count, random) -> None:
    floats = np.array(values) / 3
    names = owners(floats, count)
    pairs = list(zip(floats, names, strict=True))
    random.shuffle(pairs)
    shuffled = ([value for value, _ in pairs], [name for _, name in pairs])
    for question in QUESTIONS:
        found = interval(floats, names, question=question, resamples=199)
        assert interval(*shuffled, question=question, resamples=199) == found
        mirrored = interval(-floats, names, question=question, resamples=199)
        assert mirrored.point == -found.point
        assert (mirrored.low, mirrored.high) == tuple(
            None if end is None else -end for end in (found.high, found.low)
        )
    assert permutation(floats, names) == permutation(*shuffled) == permutation(-floats, names)


def test_a_shift_and_a_unit_move_the_interval_along() -> None:
    values, names = scores(6)
    values = values + 1 - values.mean()  # a sample turned over draws other resamples
    found, moved = (interval(v, names, question="any-actors") for v in (values, 100 * values + 5e4))
    assert [moved.low, moved.high] == [pytest.approx(100 * end + 5e4) for end in (found.low, found.high)]


def test_many_draws_begin_with_the_few() -> None:
    strata = [np.random.default_rng(0).normal(size=7)]
    few, many = drawn_again(strata, 3, 100), drawn_again(strata, 3, 2 * BLOCK + 17)
    assert len(many) == 2 * BLOCK + 17
    assert np.array_equal(many[:100], few)
    second = list(blocks(3, 2 * BLOCK))[1][0]
    assert np.array_equal(counts(second, 7), counts(np.random.default_rng((3, 1)), 7))
    assert not np.array_equal(drawn_again(strata, 4, 100), few)


def test_counts_are_of_drawing_with_replacement() -> None:
    taken = counts(np.random.default_rng(0), 5)
    assert (taken.sum(axis=1) == 5).all()
    # 2500 draws of one thing in five: mean 1, standard error sqrt(.8 / 500) = .04.
    assert np.abs(taken.mean(axis=0) - 1).max() < 5 * 0.04


@pytest.mark.parametrize(
    ("values", "names", "question", "said"),
    [
        ([1.0, 2.0], ["a", "a"], "any-actors", "one speaker"),
        ([1.0, 2.0], ["a", "b"], "these-actors", "one clip of each"),
        ([0.1 + 0.2, 0.3, 0.3], ["a", "b", "c"], "any-actors", "all values are the same"),
        ([0.0] * 4, ["a", "a", "b", "b"], "these-actors", "all values are the same"),
    ],
)
def test_where_nothing_scatters_there_is_no_interval_and_p_is_1(values, names, question, said) -> None:
    found = interval(values, names, question=question)
    assert (found.low, found.high, found.reliable) == (None, None, False)
    assert said in found.note
    assert not any((found.above(-9), found.below(9), found.within(9)))
    assert Estimate(Sample.of(values, names), question).p() == 1.0


@pytest.mark.parametrize("count", [2, 3, 5, 6, 47, 48])
@pytest.mark.parametrize("method", METHODS)
def test_few_speakers_are_said_not_to_be_reliable(count, method) -> None:
    values = np.random.default_rng(count).normal(size=count)
    found = interval(values, owners(values, count), question="any-actors", method=method)
    fewest = FEWEST[method]
    assert found.reliable == (fewest is not None and count >= fewest)
    assert found.reliable or f"{count} speakers" in found.note or "equal" in found.note
    assert found.low is not None
    assert found.high is not None
    assert math.isfinite(found.low)
    assert math.isfinite(found.high)


def test_equal_values_leave_a_t_interval_that_says_so() -> None:
    """Four of six speakers alike: .088 of the resamples hold nobody else and have no scatter."""
    found = interval([0.0] * 4 + [0.1, 0.2], list("abcdef"), question="any-actors")
    plain = interval([0.0] * 4 + [0.1, 0.2], list("abcdef"), question="any-actors", method="t")
    assert (found.low, found.high, found.reliable) == (plain.low, plain.high, False)
    assert "equal" in found.note


def test_a_speaker_with_one_clip_borrows_the_others_scatter() -> None:
    """v = (2, 8), lent (2 + 8) / 2 = 5: error sqrt(2/2 + 8/2 + 5) / 3."""
    found = means([np.array([1.0, 3.0]), np.array([0.0, 4.0]), np.array([7.0])])
    assert float(found.point) == pytest.approx(11 / 3)
    assert float(found.error) == pytest.approx(math.sqrt(10) / 3)
    assert interval([1, 3, 0, 4, 7, 8, 2], list("aabbbbc"), question="these-actors").reliable
    lonely = interval([1, 3, 0, 4, 7, 8], list("aabcde"), question="these-actors")
    assert not lonely.reliable
    assert lonely.note == "4 of 5 speakers have one clip, too few to see their scatter"


@pytest.mark.parametrize(
    ("values", "names", "options", "said"),
    [
        ([], [], {}, "at least one"),
        ([1.0], ["a", "b"], {}, "1 values of 2 speakers"),
        ([1.0, math.nan], ["a", "b"], {}, "NaN"),
        ([1.0, 2.0], ["a", "b"], {"level": 1.0}, "level"),
        ([1.0, 2.0], ["a", "b"], {"resamples": 19}, "too few"),
    ],
)
def test_what_cannot_be_judged_is_refused(values, names, options, said) -> None:
    with pytest.raises(InputError, match=said):
        interval(values, names, question="any-actors", **options)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_permutation_is_scipys_exact_one(means_of) -> None:
    """SciPy's sign-flip test (permutation_type 'samples' of one sample), all arrangements."""
    values = np.array(means_of, float)
    found = permutation(values, owners(values, len(values)))
    signs = np.array(np.meshgrid(*[[1, -1]] * len(values))).reshape(len(values), -1)
    expected = float((np.abs(values @ signs) >= abs(values.sum())).mean())
    assert found.exact
    assert (found.p, found.arrangements) == (expected, 2 ** len(values))
    assert found.p >= found.smallest_p


def test_permutation_agrees_with_scipy() -> None:
    values = np.random.default_rng(2).normal(0.4, 1, 10)
    reference = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert permutation(values, owners(values, 10)).p == pytest.approx(reference.pvalue)


@pytest.mark.parametrize(("speakers", "least"), [(1, 1.0), (5, 0.0625), (6, 0.03125), (14, 2**-13)])
def test_six_speakers_allow_no_p_under_one_in_32(speakers, least) -> None:
    found = permutation(np.arange(1.0, speakers + 1), [f"s{i}" for i in range(speakers)])
    assert (found.p, found.smallest_p, found.exact) == (least, least, True)


def test_speakers_without_a_difference_allow_no_smaller_p() -> None:
    assert permutation([0.0, 0.0, 1.0, 2.0], list("abcd")).smallest_p == 0.5
    assert permutation([0.0, 0.0], list("ab")).p == 1.0


def test_drawn_arrangements_count_the_one_observed() -> None:
    found = permutation(np.ones(24), [f"s{i}" for i in range(24)], resamples=999)
    assert (found.p, found.exact, found.arrangements, found.smallest_p) == (0.001, False, 999, 0.001)
    assert smallest_p(24, 24) == 1e-4


def test_drawn_arrangements_agree_with_all_of_them() -> None:
    """15 speakers, drawn, against all 2^15: within four binomial errors of 9999 draws."""
    values = np.random.default_rng(5).normal(0.4, 1, 15)
    rows = np.arange(2**15)[:, None] >> np.arange(15) & 1
    exact = float((np.abs((1 - 2 * rows) @ values) >= abs(values.sum()) - 1e-12).mean())
    assert abs(permutation(values, owners(values, 15)).p - exact) < 4 * math.sqrt(exact / 9999)


def test_holm_as_published() -> None:
    """R: p.adjust(c(.01, .04, .03, .005), "holm") is .03 .06 .06 .02."""
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == {name: pytest.approx(p) for name, p in zip("abcd", (0.03, 0.06, 0.06, 0.02), strict=True)}
    assert list(found) == ["a", "b", "c", "d"]
    assert holm({}) == {}


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_order_never_lowers_and_stays_under_bonferroni(p_values) -> None:
    found = holm(p_values)
    for name, p in p_values.items():
        assert p <= found[name] <= min(1.0, len(p_values) * p) + 1e-12
        assert all(found[name] <= found[other] for other, q in p_values.items() if p < q)


def test_six_speakers_leave_holm_one_hypothesis() -> None:
    assert holm({"a": 0.03125})["a"] <= 0.05 < min(holm({"a": 0.03125, "b": 0.03125}).values())
    with pytest.raises(InputError, match="between 0 and 1"):
        holm({"a": 1.2})


def test_two_levels_join_the_reaches_of_speakers_and_seeds() -> None:
    rng = np.random.default_rng(0)
    grid = rng.normal(size=(8, 1)) + rng.normal(size=(1, 3)) + 0.1 * rng.normal(size=(8, 3))
    values = grid.ravel()
    people, models = [f"s{i}" for i in range(8) for _ in range(3)], ["x", "y", "z"] * 8
    found = two_level(values, people, models)
    speakers = interval(grid.mean(axis=1), [f"s{i}" for i in range(8)], question="any-actors")
    half = stats.t.ppf(0.975, 2) * stats.sem(grid.mean(axis=0))
    assert found.point == pytest.approx(grid.mean())
    assert found.point - found.low == pytest.approx(math.hypot(speakers.point - speakers.low, half))
    assert found.high - found.point == pytest.approx(math.hypot(speakers.high - speakers.point, half))
    assert (found.clusters, found.n, found.reliable) == (8, 24, True)
    order = rng.permutation(24)
    again = two_level(values[order], [people[i] for i in order], [models[i] for i in order])
    assert asdict(again) == pytest.approx(asdict(found))


def test_two_levels_for_these_actors_reach_further_than_the_clips_alone() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=90)
    people, models = [f"s{i % 6}" for i in range(90)], [f"m{i // 30}" for i in range(90)]
    found = two_level(values, people, models, question="these-actors")
    clips = interval(values, people, question="these-actors")
    assert found.reliable
    assert found.high - found.low > clips.high - clips.low


def test_two_levels_refuse_what_is_not_crossed_and_say_what_one_seed_cannot() -> None:
    with pytest.raises(InputError, match="no value under one"):
        two_level([1, 2, 3], ["a", "b", "a"], ["x", "x", "y"])
    with pytest.raises(InputError, match="need as many"):
        two_level([1, 2, 3], ["a", "b", "a"], ["x", "x"])
    found = two_level([1, 2, 4], ["a", "b", "c"], ["x"] * 3)
    assert (found.low, found.reliable, found.note) == (None, False, "one training seed says nothing")


def test_two_levels_name_what_withholds_the_interval() -> None:
    """Four speakers would be called too few for the level; but it is the seeds that do not scatter."""
    alike = two_level([1, 2, 3, 5] * 2, list("abcd") * 2, ["x"] * 4 + ["y"] * 4)
    assert alike.low is None
    assert "training seeds are the same" in alike.note
    flat = two_level([1, 1, 2, 2], ["a", "b"] * 2, ["x", "x", "y", "y"])
    assert flat.low is None
    assert "all values are the same" in flat.note
    few = two_level([1, 2, 3, 5, 2, 2, 4, 5], list("abcd") * 2, ["x"] * 4 + ["y"] * 4)
    assert few.low is not None
    assert "4 speakers does not keep its level" in few.note


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0, 5.0])
def test_the_p_of_two_levels_is_where_their_t_interval_touches_0(shift) -> None:
    rng = np.random.default_rng(4)
    grid = shift + 0.3 * rng.normal(size=(9, 1)) + 0.1 * rng.normal(size=(1, 3)) + rng.normal(size=(9, 3)) / 9
    people, models = [f"s{i}" for i in range(9) for _ in range(3)], ["x", "y", "z"] * 9
    p = two_level_p(grid.ravel(), people, models)
    errors = stats.sem(grid.mean(axis=1)), stats.sem(grid.mean(axis=0))
    reach = [stats.t.isf(p / 2, f) * error for f, error in zip((8, 2), errors, strict=True)]
    assert math.hypot(*reach) == pytest.approx(abs(grid.mean()), rel=1e-9)
    # Either part alone is surer, and turned around nothing changes.
    assert p >= max(stats.ttest_1samp(grid.mean(axis=axis), 0).pvalue for axis in (0, 1)) - 1e-12
    assert two_level_p(-grid.ravel(), people, models) == pytest.approx(p, rel=1e-9)


def test_the_p_of_two_levels_without_scatter_is_1() -> None:
    assert two_level_p([1.0] * 6, list("abc") * 2, ["x"] * 3 + ["y"] * 3) == 1
    assert two_level_p([1, 2, 3] * 2, list("abc") * 2, ["x"] * 3 + ["y"] * 3) == 1
    assert two_level_p([1, 2, 3], list("abc"), ["x"] * 3) == 1

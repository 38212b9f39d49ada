"""Verdicts, ranks and set metrics' intervals: what they say, mirror and leave alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spfem_bench.judging.statistics import (
    Verdict,
    corrected,
    equivalence,
    frechet_jackknife,
    interval,
    kernel_difference,
    kernel_score,
    permutation,
    rank_intervals,
    verdict,
)
from spfem_metrics.errors import InputError
from spfem_metrics.functional import kernel_distance
from spfem_metrics.functional.frechet import frechet_distance

MIRRORED = {"better": "worse", "worse": "better"}


def judged(mean: float, scatter: float, speakers: int = 12, **options: object) -> Verdict:
    """Of differences with a speaker's part and three clips each."""
    rng = np.random.default_rng(7)
    own = np.repeat(rng.normal(size=speakers), 3)
    values = scatter * (own + rng.normal(size=3 * speakers))
    names = [f"s{index // 3}" for index in range(3 * speakers)]
    asked = {"direction": "higher", "margin": None, "question": "any-actors"} | options
    return verdict(values - values.mean() + mean, names, **asked)


@pytest.mark.parametrize("question", ["any-actors", "these-actors"])
@pytest.mark.parametrize(
    ("mean", "scatter", "direction", "name"),
    [
        (1.0, 0.3, "higher", "better"),
        (1.0, 0.3, "lower", "worse"),
        (-1.0, 0.3, "higher", "worse"),
        (-1.0, 0.3, "lower", "better"),
        (0.0, 0.01, "higher", "equivalent"),
        (0.05, 0.001, "higher", "equivalent"),
        (0.1, 3.0, "higher", "inconclusive"),
    ],
)
def test_the_four_verdicts(question, mean, scatter, direction, name) -> None:
    found = judged(mean, scatter, direction=direction, margin=0.2, question=question)
    assert found.name == name
    assert found.interval.question == question
    assert found.interval.level == 0.95
    assert bool(found.note) == (name == "inconclusive")


def test_without_a_margin_nothing_is_equivalent_and_a_sure_trifle_is_better() -> None:
    assert judged(0.05, 0.001, margin=0.2).name == "equivalent"
    assert judged(0.05, 0.001).name == "better"
    assert judged(0.0, 0.0001).name == "inconclusive"
    with pytest.raises(InputError, match="negative"):
        judged(0.0, 1.0, margin=-0.1)


@pytest.mark.parametrize(("speakers", "name"), [(6, "better"), (5, "inconclusive"), (2, "inconclusive")])
def test_five_speakers_cannot_decide_however_large_the_difference(speakers, name) -> None:
    found = judged(100.0, 0.3, speakers)
    assert found.name == name
    assert found.p == 2.0 ** (1 - speakers)
    assert speakers == 6 or f"{speakers} speakers does not keep" in found.note


def test_a_p_that_few_speakers_cannot_reach_says_so() -> None:
    """At alpha .01 six speakers have no p small enough, though the interval leaves out 0."""
    found = judged(100.0, 0.3, 6, alpha=0.01)
    assert found.name == "inconclusive"
    assert "6 speakers allow no p under 0.0312" in found.note


@pytest.mark.parametrize("question", ["any-actors", "these-actors"])
def test_identical_systems_are_inconclusive_for_nothing_scatters(question) -> None:
    found = verdict(
        [0.0] * 24, [f"s{i % 12}" for i in range(24)], direction="higher", margin=1.0, question=question
    )
    assert (found.name, found.p) == ("inconclusive", 1.0)
    assert "all values are the same" in found.note


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([0.0, 0.4, 0.8, 1.5]),
    st.sampled_from(["any-actors", "these-actors"]),
)
def test_swapping_the_sides_mirrors_the_verdict(seed, mean, question) -> None:
    rng = np.random.default_rng(seed)
    values, names = rng.normal(mean, 1, 32), [f"s{i % 8}" for i in range(32)]
    found, mirrored = (
        verdict(side, names, direction="lower", margin=0.9, question=question) for side in (values, -values)
    )
    assert mirrored.name == MIRRORED.get(found.name, found.name)
    assert mirrored.p == found.p
    ends = (mirrored.interval.low, mirrored.interval.high)
    assert ends == (-found.interval.high, -found.interval.low)


def test_equivalence_is_two_one_sided_t_tests() -> None:
    """Against SciPy's one-sided tests on either side of the t interval at 90%, made reliable."""
    rng = np.random.default_rng(3)
    for margin in (0.1, 0.3, 0.5, 0.7, 0.9):
        values = rng.normal(size=12)
        found = interval(values, [str(i) for i in range(12)], question="any-actors", method="t", level=0.9)
        tests = [
            stats.ttest_1samp(values, -margin, alternative="greater").pvalue,
            stats.ttest_1samp(values, margin, alternative="less").pvalue,
        ]
        assert equivalence(replace(found, reliable=True), margin) == (max(tests) < 0.05)
        assert not equivalence(replace(found, reliable=False), 1e9)
    with pytest.raises(InputError, match="positive"):
        equivalence(found, 0.0)


def test_holms_correction_takes_back_findings_and_leaves_equivalence() -> None:
    """p of .031 stands alone and not beside another: .0625."""
    alone = {"a": judged(1.0, 0.1, 6), "b": judged(0.0, 0.001, 6, margin=1.0)}
    assert [found.name for found in alone.values()] == ["better", "equivalent"]
    found = corrected(alone)
    assert [one.name for one in found.values()] == ["inconclusive", "equivalent"]
    assert found["a"].p == pytest.approx(0.0625)
    assert "Holm" in found["a"].note
    assert corrected({"a": alone["a"]})["a"].name == "better"


def table(seed: int, means: dict[str, float], speakers: int = 12) -> tuple[dict[str, np.ndarray], list[str]]:
    rng = np.random.default_rng(seed)
    trials = rng.normal(size=4 * speakers)
    names = [f"s{i % speakers}" for i in range(4 * speakers)]
    return {name: trials + mean + 0.3 * rng.normal(size=len(trials)) for name, mean in means.items()}, names


def test_ranks_tell_apart_what_differs_and_tie_what_does_not() -> None:
    values, speakers = table(0, {"a": 0.0, "b": 0.02, "c": 2.0, "d": 5.0})
    found = rank_intervals(values, speakers, direction="higher")
    assert list(found.ranks) == ["d", "c", *sorted("ab", key=lambda name: -found.ranks[name].point)]
    assert {name: (rank.low, rank.high) for name, rank in found.ranks.items()} == {
        "d": (1, 1),
        "c": (2, 2),
        "a": (3, 4),
        "b": (3, 4),
    }
    assert [set(tie) for tie in found.ties] == [{"d"}, {"c"}, {"a", "b"}]
    assert set(found.ranks["d"].beats) == {"a", "b", "c"}
    assert found.ranks["c"].ties == (1,)
    assert found.note == ""


def test_a_chain_of_neighbours_makes_two_groups_that_overlap() -> None:
    """a and c are told apart, b is not from either: groups {a, b} and {b, c}, and b may have any rank."""
    rng = np.random.default_rng(0)
    noise = {name: rng.normal(size=12) for name in "abc"}
    flat = {name: one - one.mean() for name, one in noise.items()}
    values = {"a": 0.02 * flat["a"], "b": 0.55 + 2 * flat["b"], "c": 1.1 + 0.02 * flat["c"]}
    found = rank_intervals(values, [str(i) for i in range(12)], direction="lower")
    assert found.ties == (("a", "b"), ("b", "c"))
    assert found.ranks["b"].ties == (0, 1)
    assert [(rank.low, rank.high) for rank in found.ranks.values()] == [(1, 2), (1, 3), (2, 3)]


def test_direction_mirrors_the_ranking() -> None:
    values, speakers = table(1, {"a": 0.0, "b": 0.2, "c": 2.0})
    up, down = (rank_intervals(values, speakers, direction=direction) for direction in ("higher", "lower"))
    assert list(up.ranks) == list(down.ranks)[::-1]
    for name in values:
        assert (up.ranks[name].low, up.ranks[name].high) == (
            4 - down.ranks[name].high,
            4 - down.ranks[name].low,
        )


def test_shuffled_rows_and_an_unrelated_model_change_no_pair() -> None:
    values, speakers = table(2, {"a": 0.0, "b": 0.1, "c": 0.3})
    found = rank_intervals(values, speakers, direction="higher")
    order = np.random.default_rng(0).permutation(len(speakers))
    shuffled = {name: values[name][order] for name in ("c", "a", "b")}
    assert rank_intervals(shuffled, [speakers[i] for i in order], direction="higher") == found
    more = rank_intervals(values | {"z": values["a"] - 9}, speakers, direction="higher")
    assert [name for name in more.ranks if name != "z"] == list(found.ranks)
    for name, rank in found.ranks.items():
        assert more.ranks[name].point == rank.point
    for first, second in found.p:
        alone = permutation(values[first] - values[second], speakers).p
        assert alone <= found.p[first, second] <= more.p[first, second] <= 6 * alone


def test_six_speakers_and_three_models_can_be_told_apart_by_nothing_and_the_note_says_it() -> None:
    values, speakers = table(3, {"a": 0.0, "b": 50.0, "c": 100.0}, speakers=6)
    found = rank_intervals(values, speakers, direction="higher")
    assert found.ties == (("c", "b", "a"),)
    assert found.note == "6 speakers allow no p under 0.0938 over 3 pairs: nothing can be told apart"
    given_speakers = rank_intervals(values, speakers, direction="higher", question="these-actors")
    assert given_speakers.ties == (("c",), ("b",), ("a",))


def test_pairs_count_only_trials_that_both_have_scored() -> None:
    values, speakers = table(4, {"a": 0.0, "b": 0.5})
    values["a"][:7] = np.nan
    found = rank_intervals(values, speakers, direction="higher")
    assert found.p["b", "a"] == permutation((values["b"] - values["a"])[7:], speakers[7:]).p
    values["b"][7:] = np.nan
    assert rank_intervals(values, speakers, direction="higher").p["b", "a"] == 1.0


@pytest.mark.parametrize(
    ("values", "said"), [({}, "at least one"), ({"a": [np.nan] * 2}, "no score"), ({"a": [1.0]}, "2 trials")]
)
def test_rankings_that_cannot_be_are_refused(values, said) -> None:
    with pytest.raises(InputError, match=said):
        rank_intervals(values, ["s", "t"], direction="higher")


def sides(seed: int, speakers: int = 7) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [
        {f"s{i}": shift + rng.normal(size=(5, 4)) + rng.normal(size=4) for i in range(speakers)}
        for shift in (0.5, 0.0, 0.0)
    ]


def rows(side: dict[str, np.ndarray], without: str | None = None) -> np.ndarray:
    return np.concatenate([matrix for name, matrix in side.items() if name != without])


def test_the_frechet_jackknife_by_hand() -> None:
    ours, theirs, real = sides(0)

    def difference(without: str | None = None) -> float:
        first, second, third = (rows(side, without) for side in (ours, theirs, real))
        return frechet_distance(first, third) - frechet_distance(second, third)

    found = frechet_jackknife(ours, theirs, real)
    without = np.array([difference(name) for name in ours])
    half = stats.t.ppf(0.975, 6) * np.sqrt(6 / 7 * ((without - without.mean()) ** 2).sum())
    assert found.point == pytest.approx(difference())
    assert (found.low, found.high) == (pytest.approx(found.point - half), pytest.approx(found.point + half))
    assert (found.clusters, found.n, found.reliable) == (7, 35, True)


def test_the_kernel_difference_by_hand() -> None:
    ours, theirs, real = sides(1)
    found = kernel_difference(ours, theirs, real)

    def point(without: str | None = None) -> float:
        left = [
            {name: matrix for name, matrix in side.items() if name != without}
            for side in (ours, theirs, real)
        ]
        return kernel_score(left[0], left[2]).point - kernel_score(left[1], left[2]).point

    without = np.array([point(name) for name in ours])
    half = stats.t.ppf(0.975, 6) * np.sqrt(6 / 7 * ((without - without.mean()) ** 2).sum())
    assert found.point == pytest.approx(point())
    assert found.high - found.point == pytest.approx(half)


def test_one_row_a_speaker_on_one_side_each_makes_the_kernel_score_the_plain_distance() -> None:
    """Then every pair is one of different speakers."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(9, 3)), rng.normal(0.3, 1, (8, 3))
    found = kernel_score(
        {f"a{i}": row[None] for i, row in enumerate(first)},
        {f"b{i}": row[None] for i, row in enumerate(second)},
    )
    assert found.point == pytest.approx(kernel_distance(first, second))


@pytest.mark.parametrize("difference", [frechet_jackknife, kernel_difference])
def test_sets_mirror_and_do_not_know_names_or_order(difference) -> None:
    ours, theirs, real = sides(2)
    found, mirrored = difference(ours, theirs, real), difference(theirs, ours, real)
    assert mirrored.point == pytest.approx(-found.point)
    assert mirrored.low == pytest.approx(-found.high)
    renamed = [
        {f"p{9 - int(name[1:])}": matrix[::-1] for name, matrix in side.items()}
        for side in (ours, theirs, real)
    ]
    again = difference(*renamed)
    assert (again.low, again.high) == (pytest.approx(found.low), pytest.approx(found.high))


@pytest.mark.parametrize("difference", [frechet_jackknife, kernel_difference])
def test_sets_of_few_speakers_are_not_reliable(difference) -> None:
    assert not difference(*sides(3, 5)).reliable
    ours, _, real = sides(3)
    same = difference(ours, ours, real)
    assert (same.point, same.low, same.reliable) == (0.0, None, False)


def test_sets_that_do_not_compare_are_refused() -> None:
    ours, theirs, real = sides(4)
    with pytest.raises(InputError, match="as many rows"):
        frechet_jackknife(ours | {"s0": ours["s0"][:3]}, theirs, real)
    with pytest.raises(InputError, match="several widths"):
        kernel_difference(ours | {"s0": np.ones((3, 3))}, theirs, real)
    with pytest.raises(InputError, match="level"):
        kernel_score(ours, real, level=1.5)
    with pytest.raises(InputError, match="nothing is left"):
        frechet_jackknife({"s0": ours["s0"]}, {"s0": theirs["s0"]}, real)
    with pytest.raises(InputError, match="three on each side"):
        kernel_difference(*({name: side[name] for name in ("s0", "s1")} for side in (ours, theirs, real)))

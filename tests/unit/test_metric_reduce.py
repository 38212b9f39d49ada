"""From rows to scores: means, coverage, intervals, reasons, and sets of equal size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spfem_bench.testing import Known, fake_observation
from spfem_metrics import Failed, Reading, Row, Scored, TrialFacts, Unscored
from spfem_metrics.functional import frechet_distance
from spfem_metrics.metrics import IdentitySimilarity, frechet_identity, kid_identity
from spfem_metrics.metrics.reducing import mean_score


def row(name: str, outcome, speaker: str = "S1", side: str = "generated") -> Row:
    made = Reading(outcome) if isinstance(outcome, float) else outcome
    return Row(TrialFacts(name, speaker, "happy", side), made)


def test_the_mean_counts_what_it_could_not_score():
    rows = [row("a", 0.2), row("b", 0.6), row("c", Unscored("no face")), row("d", Failed("crash"))]
    score = mean_score(rows)
    assert score.outcome == Scored(0.4)
    assert (score.scored, score.total) == (2, 4)


def test_one_speaker_has_no_interval_and_several_have_students():
    assert mean_score([row("a", 0.2), row("b", 0.4)]).half_width is None
    rows = [
        row(f"{s}{i}", v, s)
        for s, vs in {"A": (0.1, 0.3), "B": (0.5,), "C": (0.8, 0.6)}.items()
        for i, v in enumerate(vs)
    ]
    score = mean_score(rows)
    # mean .46; A, B and C move it by 2 (.2 - .46) / 5, (.5 - .46) / 5 and 2 (.7 - .46) / 5
    moved = np.array([-0.52, 0.04, 0.48]) / 5
    expected = stats.t.ppf(0.975, 2) * np.sqrt(1.5 * (moved**2).sum())
    assert score.half_width == pytest.approx(expected, rel=1e-9)
    assert score.interval == "t over 3 speakers, cluster-linearised"
    assert score.outcome.value == pytest.approx(np.mean([0.1, 0.3, 0.5, 0.8, 0.6]))
    assert score.notes == ()


def test_an_interval_that_one_speaker_would_decide_is_withheld_and_says_so():
    counts = {"A": 40, "B": 2, "C": 2, "D": 2}
    rows = [row(f"{s}{i}", 0.9 - 0.1 * (s > "A") + 0.001 * i, s) for s, n in counts.items() for i in range(n)]
    score = mean_score(rows)
    assert (score.half_width, score.interval) == (None, "")
    assert score.notes == ("no interval: few of the 4 speakers hold most trials (as if 1.3 of equal weight)",)


def test_frames_that_scored_trials_lost_are_noted():
    made = [Reading(0.5, {"frames": 95.0, "frames_missed": 5.0}), Reading(0.7, {"frames": 100.0})]
    score = mean_score([row("a", made[0]), row("b", made[1])])
    assert score.notes == ("no face found in 5 of 200 frames whose source shows one; they are left out",)


def test_nothing_scored_gives_the_commonest_reasons_first():
    rows = [row("a", Unscored("no face")), row("b", Failed("crash")), row("c", Unscored("no face"))]
    score = mean_score(rows)
    assert score.outcome == Unscored("no face (2x); crash")
    assert (score.scored, score.total) == (0, 3)
    assert mean_score([]).outcome == Unscored("no trials")


def test_many_reasons_are_cut_short_but_counted():
    rows = [row(f"t{i}", Unscored(f"reason {i}")) for i in range(7)]
    assert mean_score(rows).outcome.reason == "reason 0; reason 1; reason 2; 4 more for other reasons"


def test_real_rows_are_no_trials():
    score = mean_score([row("a", 0.5), row("r", 0.9, side="real")])
    assert (score.outcome, score.total) == (Scored(0.5), 1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.randoms())
def test_the_order_of_rows_moves_no_bit(values, random):
    rows = [row(f"t{i:02}", float(v), f"S{i % 4}") for i, v in enumerate(values)]
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert mean_score(shuffled) == mean_score(rows)


def observed(metric, name: str, **more) -> Row:
    observation = fake_observation(name, **more)
    return Row(observation.trial, metric.observe(observation))


def rows_of(metric, generated: int = 5, real: int = 3, **known) -> list[Row]:
    made = [observed(metric, f"g{i}", speaker=f"S{i % 2}", known=Known(**known)) for i in range(generated)]
    return made + [observed(metric, f"r{i}", speaker=f"S{i % 2}", side="real") for i in range(real)]


def test_a_clip_gives_evenly_spaced_frames_and_no_value():
    metric = frechet_identity(frames=4)
    observation = fake_observation(frames=50)
    made = metric.observe(observation)
    embedding = observation.sides["output"]["identity"]["embedding"]
    assert made.value is None
    np.testing.assert_array_equal(made.matrix, embedding[[6, 18, 31, 43]])
    short = metric.observe(fake_observation(frames=3))
    assert short.matrix.shape == (3, 128)


def test_frames_without_a_face_are_not_taken():
    metric = frechet_identity(frames=32)
    made = metric.observe(fake_observation(frames=32, known=Known(found=0.9)))
    assert made.matrix.shape == (29, 128)
    assert made.parts == {"frames": 29, "frames_missed": 3}
    assert np.abs(made.matrix).sum(axis=1).min() > 0


def test_both_sides_count_equally_many_frames_and_the_notes_say_how_many():
    metric = frechet_identity(frames=10)
    score = metric.reduce(rows_of(metric))
    assert score.notes[0].startswith(
        "n = 30 frames a side (50 from 5 of 5 generated clips, 30 from 3 of 3 real clips)"
    )
    assert len(score.notes) == 1
    assert (score.scored, score.total) == (5, 5)


def test_lost_clips_of_either_side_are_counted_and_an_n_they_reduce_is_flagged():
    metric = frechet_identity(frames=10)
    rows = rows_of(metric, 4, 6)
    lost = [replace(r, outcome=Unscored("no face")) if r.trial.id in ("g0", "r1") else r for r in rows]
    score = metric.reduce(lost)
    assert score.notes[0].startswith(
        "n = 30 frames a side (30 from 3 of 4 generated clips, 50 from 5 of 6 real clips)"
    )
    assert score.notes[1:] == (
        "1 of 4 generated clips missing: no face",
        "1 of 6 real clips missing: no face",
        "n reduced by missing clips: not comparable with n = 40, nor with any other n",
    )
    ample = metric.reduce(
        [replace(r, outcome=Unscored("no face")) if r.trial.id == "r1" else r for r in rows]
    )
    assert ample.notes[0].startswith("n = 40 frames a side")
    assert ample.notes[1:] == ("1 of 6 real clips missing: no face",)


def test_with_equal_numbers_the_score_is_the_plain_distance_of_the_pools():
    metric = frechet_identity(frames=10)
    rows = rows_of(metric, 3, 3)
    pools = [
        np.vstack([r.outcome.matrix for r in rows if r.trial.side == side]) for side in ("generated", "real")
    ]
    assert metric.reduce(rows).outcome.value == pytest.approx(frechet_distance(*pools), rel=1e-9)


@pytest.mark.parametrize("metric", [frechet_identity(), kid_identity()], ids=["frechet", "kid"])
def test_set_scores_do_not_depend_on_the_order_of_rows_and_rise_with_another_identity(metric):
    rows = rows_of(metric)
    assert metric.reduce(rows[::-1]) == metric.reduce(rows)
    values = [metric.reduce(rows_of(metric, identity=c)).outcome.value for c in (1.0, 0.7, 0.2)]
    assert values == sorted(values)
    assert values[0] < values[-1]


@pytest.mark.parametrize("metric", [frechet_identity(), kid_identity()], ids=["frechet", "kid"])
def test_sets_that_are_missing_say_which_and_why(metric):
    rows = rows_of(metric)
    made, real = rows[:5], rows[5:]
    assert metric.reduce(made).outcome == Unscored("the protocol has no real clips of this emotion")
    faceless = [replace(r, outcome=Unscored("no face")) for r in made]
    score = metric.reduce([*faceless, *real])
    assert score.outcome == Unscored("no generated clip could be used: no face (5x)")
    assert (score.scored, score.total) == (0, 5)
    blind = [replace(r, outcome=Failed("decode error")) for r in real]
    assert metric.reduce([*made, *blind]).outcome == Unscored("no real clip could be used: decode error (3x)")


def test_a_metric_reduces_what_it_observed():
    metric = IdentitySimilarity()
    rows = [observed(metric, f"t{i}", speaker=f"S{i % 3}", known=Known(identity=0.5)) for i in range(6)]
    score = metric.reduce([*rows, row("u", Unscored("no face"))])
    assert score.outcome.value == pytest.approx(0.5, abs=1e-5)
    assert (score.scored, score.total, score.interval) == (6, 7, "t over 3 speakers, cluster-linearised")

"""Trajectories, mouth shapes, drifts, vectors and intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spfem_metrics import InputError
from spfem_metrics.functional import (
    Trajectory,
    angle_drift,
    best_lag,
    channel_correlations,
    component_drift,
    cosine_rows,
    mouth_distance,
    normalised_mouth,
    on_common_base,
    overlap,
)


def speech(times: np.ndarray) -> np.ndarray:
    """Two smooth channels that never repeat within the clip."""
    t = np.asarray(times)[:, None]
    slow = np.sin(2 * np.pi * 1.3 * t) + 0.7 * np.sin(2 * np.pi * 2.1 * t**1.2)
    return np.hstack([slow, np.cos(2 * np.pi * 0.9 * t + t**2)])


def trajectory(times: np.ndarray, *, late: float = 0.0, seen: np.ndarray | None = None) -> Trajectory:
    flags = np.ones(len(times), bool) if seen is None else seen
    return Trajectory(times, speech(times - late + 1), flags)


def test_clips_of_other_rates_and_uneven_times_agree_on_the_common_base():
    rng = np.random.default_rng(0)
    uneven = np.sort(np.r_[0, rng.uniform(0, 3, 90), 3])
    for times in (np.arange(0, 3, 1 / 30), np.arange(0, 3, 1001 / 24000), uneven):
        paired = on_common_base(trajectory(times), trajectory(np.arange(0, 3, 1 / 25)))
        assert channel_correlations(paired.output, paired.source).min() > 0.985


def test_the_base_covers_what_both_clips_cover():
    paired = on_common_base(trajectory(np.arange(0.5, 2, 0.04)), trajectory(np.arange(0, 3, 0.04)), 0.1)
    # instants 0.5 .. 1.9 of the output's 0.5 .. 1.98
    assert len(paired.output) == 15
    assert paired.span == pytest.approx(1.5)


def test_instants_beside_an_unseen_frame_are_left_out_not_bridged():
    times = np.arange(0, 2, 0.1)
    seen = np.ones(20, bool)
    seen[7] = False
    paired = on_common_base(trajectory(times, seen=seen), trajectory(times), 0.05)
    unseen = np.flatnonzero(~paired.seen) * 0.05
    np.testing.assert_allclose(unseen, [0.65, 0.70, 0.75])


@pytest.mark.parametrize("late", [-0.4, -0.11, 0.0, 0.2, 0.4])
def test_the_lag_found_is_the_lag_made_and_positive_when_late(late):
    times = np.arange(0, 3, 0.04)
    lag, match = best_lag(on_common_base(trajectory(times, late=late), trajectory(times)))
    assert lag == pytest.approx(late, abs=0.011)
    assert match > 0.97


def test_lags_that_leave_too_little_are_not_considered():
    times = np.arange(0, 1.2, 0.04)
    paired = on_common_base(trajectory(times, late=0.4), trajectory(times))
    lag, _ = best_lag(paired, reach=0.5, overlap=1.0)
    assert abs(lag) <= 0.2
    assert best_lag(paired, overlap=2.0) is None


def test_a_still_channel_correlates_with_nothing():
    moving = speech(np.arange(0, 2, 0.04))
    still = np.full_like(moving, 0.123)
    assert channel_correlations(still, moving).tolist() == [0.0, 0.0]
    assert channel_correlations(moving, still).tolist() == [0.0, 0.0]


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 10), st.floats(-5, 5), st.integers(0, 10**6))
def test_correlation_ignores_gain_and_offset_and_matches_scipy(gain, offset, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 30, 2))
    ours = channel_correlations(gain * a + offset, b)
    expected = [stats.pearsonr(a[:, i], b[:, i]).statistic for i in range(2)]
    np.testing.assert_allclose(ours, expected, atol=1e-9)


@pytest.mark.parametrize("times", [[0, 0, 1], [0, 2, 1]])
def test_times_that_do_not_increase_are_refused(times):
    with pytest.raises(InputError, match="increase"):
        Trajectory(np.array(times, float), np.zeros((3, 1)), np.ones(3, bool))


def ring(width: np.ndarray, opening: np.ndarray, points: int = 12) -> np.ndarray:
    angle = 2 * np.pi * np.arange(points) / points
    return np.stack([width[:, None] * np.cos(angle), opening[:, None] * np.sin(angle)], axis=-1)


def placed(mouth: np.ndarray, scale: np.ndarray, roll: np.ndarray, shift: np.ndarray):
    """Mouth points and eyes in pixels of heads of this size, lean and place."""
    turn = np.stack(
        [np.stack([np.cos(roll), -np.sin(roll)], -1), np.stack([np.sin(roll), np.cos(roll)], -1)], -2
    )
    eyes = np.tile(np.array([[-0.5, -1.0], [0.5, -1.0]]), (len(mouth), 1, 1))

    def move(points):
        return scale[:, None, None] * np.einsum("tij,tkj->tki", turn, points) + shift[:, None]

    return move(mouth), move(eyes)


def test_normalised_mouths_forget_place_size_and_lean_of_the_head():
    rng = np.random.default_rng(3)
    mouth = ring(rng.uniform(0.3, 0.5, 20), rng.uniform(0.05, 0.3, 20))
    scale, roll = rng.uniform(20, 200, 20), rng.uniform(-0.8, 0.8, 20)
    points, eyes = placed(mouth, scale, roll, rng.uniform(-100, 300, (20, 2)))
    np.testing.assert_allclose(normalised_mouth(points, eyes, scale), mouth, atol=1e-12)


def test_motion_forgives_a_held_shape_and_shape_does_not():
    opening = 0.2 + 0.1 * np.sin(np.arange(30))
    plain, smiling = ring(np.full(30, 0.4), opening), ring(np.full(30, 0.5), opening)
    assert mouth_distance(smiling, plain, "motion") == pytest.approx(0, abs=1e-12)
    # |cos| of twelve evenly spaced angles has the mean (2 + 4 * (sqrt(3)/2 + 1/2)) / 12
    expected = 0.1 * (2 + 4 * (np.sqrt(3) / 2 + 0.5)) / 12
    assert mouth_distance(smiling, plain, "shape") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("form", ["motion", "shape"])
def test_mouth_distance_grows_with_the_harm(form):
    rng = np.random.default_rng(4)
    plain = ring(np.full(40, 0.4), 0.2 + 0.1 * np.sin(np.arange(40)))
    noise = rng.normal(size=plain.shape)
    values = [mouth_distance(plain + scale * noise, plain, form) for scale in (0, 0.01, 0.05, 0.2)]
    assert values[0] == 0
    assert values == sorted(values)


def test_mouths_of_unusable_heads_are_refused():
    mouth, eyes = np.ones((2, 5, 2)), np.ones((2, 2, 2))
    with pytest.raises(InputError, match="positive"):
        normalised_mouth(mouth, eyes, np.array([1.0, 0.0]))
    with pytest.raises(InputError, match="fit"):
        normalised_mouth(mouth, eyes, np.ones(3))
    with pytest.raises(InputError, match="nothing"):
        mouth_distance(mouth[:0], mouth[:0])


def test_angles_go_the_short_way_round():
    drift = angle_drift([[170.0, 10.0], [-175.0, 0.0]], [[-170.0, 0.0], [175.0, 20.0]])
    np.testing.assert_allclose(drift, [15.0, 15.0])


@given(st.lists(st.floats(-720, 720), min_size=1, max_size=8), st.floats(-720, 720))
def test_angle_drift_is_at_most_half_a_turn_and_blind_to_full_turns(angles, other):
    a, b = np.array(angles)[:, None], np.full((len(angles), 1), other)
    drift = angle_drift(a, b)
    assert 0 <= drift[0] <= 180
    np.testing.assert_allclose(angle_drift(a + 360, b), drift, atol=1e-6)


def test_components_drift_by_their_mean_absolute_difference():
    np.testing.assert_allclose(
        component_drift([[0.0, 1.0], [2.0, 1.0]], [[1.0, 1.0], [-1.0, 1.5]]), [2, 0.25]
    )


def test_cosines_are_per_row_and_never_beyond_one():
    rows = np.array([[3.0, 4.0], [1.0, 0.0], [1e-8, 1e-8]])
    others = np.array([[3.0, 4.0], [0.0, 2.0], [-1e-8, -1e-8]])
    np.testing.assert_allclose(cosine_rows(rows, others), [1, 0, -1], atol=1e-12)
    assert np.abs(cosine_rows(rows, others)).max() <= 1
    with pytest.raises(InputError, match="zeros"):
        cosine_rows([[0.0, 0.0]], [[1.0, 0.0]])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10), st.integers(0, 1000))
def test_overlap_is_bounded_symmetric_and_one_on_itself(first, seed):
    a, b = np.array(first), np.random.default_rng(seed).random(len(first))
    assert 0 <= overlap(a, b) <= 1
    assert overlap(a, b) == overlap(b, a)
    assert overlap(a, a) == 1


def test_overlap_counts_length_where_the_cosine_does_not():
    strong = np.array([0.0, 0.6, 0.2])
    # cos = 1 and lengths 1 : 2 give 2 * 2 / (1 + 4)
    assert overlap(strong / 2, strong) == pytest.approx(0.8)
    assert overlap(np.zeros(3), strong) == 0

"""Landmark distance: values by hand, a Procrustes oracle, and what each form is blind to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes

from spfem_metrics import InputError
from spfem_metrics.functional import landmark_distances, similarity_fit
from tests.support.parity import of_each, release

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def faces(seed: int, frames: int = 5, points: int = 68) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, points, 2)) * 30 + 64


def placed(points: np.ndarray, angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return scale * points @ turn + np.array(shift)


def test_a_shift_of_three_and_four_pixels_is_five_over_the_eyes():
    moved = SQUARE[None] + np.array([3.0, 4.0])
    np.testing.assert_allclose(landmark_distances(moved, SQUARE[None], [10.0], "nothing"), np.full(4, 0.5))
    np.testing.assert_allclose(landmark_distances(moved, SQUARE[None], [10.0]), np.zeros(4), atol=1e-15)


def test_each_landmark_has_its_own_mean_over_frames():
    output = np.stack([SQUARE, SQUARE])
    output[0, 2] += [0.0, 6.0]
    output[1, 2] += [0.0, 2.0]
    other = np.stack([SQUARE, SQUARE])
    found = landmark_distances(output, other, [10.0, 20.0], "nothing")
    np.testing.assert_allclose(found, [0.0, 0.0, (0.6 + 0.1) / 2, 0.0])


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.floats(-3.1, 3.1),
    st.floats(0.2, 5.0),
    st.tuples(st.floats(-99, 99), st.floats(-99, 99)),
)
def test_place_roll_and_size_of_the_head_cost_nothing_when_removed(seed, angle, scale, shift):
    other = faces(seed, 3)
    output = other + np.random.default_rng(seed + 1).normal(size=other.shape)
    plain = landmark_distances(output, other, np.full(3, 40.0))
    moved = landmark_distances(placed(output, angle, scale, shift), other, np.full(3, 40.0))
    np.testing.assert_allclose(moved, plain, rtol=1e-6, atol=1e-9)
    exact = landmark_distances(placed(other, angle, scale, shift), other, np.full(3, 40.0))
    np.testing.assert_allclose(exact, 0, atol=1e-9)


def test_the_fit_is_that_of_scipys_procrustes(parity):
    output, other = faces(3, 1), faces(4, 1)
    left = ((similarity_fit(output, other) - other) ** 2).sum()
    # SciPy scales the target to unit size and may mirror; these sets fit best unmirrored
    spread = ((other - other.mean(axis=1, keepdims=True)) ** 2).sum()
    near = output * 0.1 + other
    ours = ((similarity_fit(near, other) - other) ** 2).sum() / spread
    wanted = procrustes(other[0], near[0])[2]
    parity(
        "LMD: similarity fit", f"{release('scipy')} procrustes", ours, wanted, of_each(1e-9), n=(1, "faces")
    )
    assert left <= spread


def test_a_mirrored_face_is_another_shape():
    other = faces(5, 1)
    mirrored = other * np.array([-1.0, 1.0])
    assert landmark_distances(mirrored, other, [40.0]).mean() > 0.1


def test_points_that_coincide_are_moved_to_the_centre_only():
    other = SQUARE[None]
    np.testing.assert_allclose(similarity_fit(np.zeros((1, 4, 2)), other), np.full((1, 4, 2), 0.5))


@pytest.mark.parametrize(
    ("output", "other", "interocular"),
    [
        (np.zeros((2, 4, 2)), np.zeros((3, 4, 2)), np.ones(2)),
        (np.zeros((2, 4, 3)), np.zeros((2, 4, 3)), np.ones(2)),
        (np.zeros((2, 1, 2)), np.zeros((2, 1, 2)), np.ones(2)),
        (np.zeros((0, 4, 2)), np.zeros((0, 4, 2)), np.ones(0)),
        (np.zeros((2, 4, 2)), np.zeros((2, 4, 2)), np.array([1.0, 0.0])),
        (np.zeros((2, 4, 2)), np.zeros((2, 4, 2)), np.ones(3)),
        (np.full((2, 4, 2), np.inf), np.zeros((2, 4, 2)), np.ones(2)),
    ],
)
def test_landmarks_that_do_not_fit_are_refused(output, other, interocular):
    with pytest.raises(InputError):
        landmark_distances(output, other, interocular)

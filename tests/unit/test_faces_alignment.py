"""Similarity alignment against Umeyama's own formulation, and crops at the picture's border."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from spfem_metrics.faces.alignment import ARCFACE_POINTS, align, crop_square, similarity, square


def umeyama(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Umeyama 1991, equations 34 to 43: by singular values, in any dimension, without reflection."""
    mean_s, mean_t = source.mean(0), target.mean(0)
    covariance = (target - mean_t).T @ (source - mean_s) / len(source)
    left, values, right = np.linalg.svd(covariance)
    signs = np.ones(2)
    if np.linalg.det(left) * np.linalg.det(right) < 0:
        signs[-1] = -1
    rotation = left @ np.diag(signs) @ right
    scale = (values * signs).sum() / source.var(axis=0).sum()
    return np.column_stack([scale * rotation, mean_t - scale * rotation @ mean_s])


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**20), scale=st.floats(0.1, 20), turn=st.floats(-3.1, 3.1))
def test_parity_with_umeyama(seed: int, scale: float, turn: float):
    random = np.random.default_rng(seed)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = scale * (ARCFACE_POINTS + random.normal(0, 8, (5, 2))) @ rotation + random.uniform(-500, 500, 2)
    assert similarity(points, ARCFACE_POINTS) == pytest.approx(umeyama(points, ARCFACE_POINTS), abs=1e-7)


def test_parity_with_numerical_least_squares():
    points = ARCFACE_POINTS * 1.7 + np.random.default_rng(3).normal(0, 6, (5, 2))

    def residual(p: np.ndarray) -> np.ndarray:
        matrix = np.array([[p[0], -p[1], p[2]], [p[1], p[0], p[3]]])
        return (apply(matrix, points) - ARCFACE_POINTS).ravel()

    a, b, x, y = least_squares(residual, [1, 0, 0, 0], xtol=1e-15, ftol=1e-15, gtol=1e-15).x
    assert similarity(points, ARCFACE_POINTS) == pytest.approx(np.array([[a, -b, x], [b, a, y]]), abs=1e-4)


def test_exact_where_a_similarity_exists():
    true = umeyama(ARCFACE_POINTS, 2.5 * ARCFACE_POINTS[:, ::-1] @ np.array([[0, 1], [1, 0]]) + 7)
    moved = apply(true, ARCFACE_POINTS)
    assert apply(similarity(moved, ARCFACE_POINTS), moved) == pytest.approx(ARCFACE_POINTS, abs=1e-9)


def test_many_at_once():
    points = np.random.default_rng(0).uniform(0, 200, (6, 5, 2))
    together = similarity(points, ARCFACE_POINTS)
    assert together.shape == (6, 2, 3)
    for one, matrix in zip(points, together, strict=True):
        assert np.array_equal(similarity(one, ARCFACE_POINTS), matrix)


def test_points_that_are_one_give_no_nan():
    assert np.isfinite(similarity(np.full((5, 2), 3.0), ARCFACE_POINTS)).all()


def test_align_brings_marks_to_the_template():
    image = np.zeros((400, 400, 3), np.uint8)
    points = ARCFACE_POINTS * 2 + 60
    for x, y in points:
        cv2.circle(image, (round(x), round(y)), 6, (255, 255, 255), -1)
    crop = align(image, points)
    assert crop.shape == (112, 112, 3)
    for x, y in ARCFACE_POINTS:
        assert crop[round(y), round(x)].min() > 250
    assert crop[0, 0].max() == 0


def test_align_is_the_identity_on_the_template():
    image = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    assert np.array_equal(align(image, ARCFACE_POINTS), image)


def test_square_grows_about_the_centre():
    assert square(np.array([10.0, 20.0, 30.0, 60.0]), 1.0) == (0, 20, 40)
    assert square(np.array([10.0, 20.0, 30.0, 60.0]), 1.5) == (-10, 10, 60)


def test_crop_is_the_picture_inside_and_black_outside():
    image = np.full((50, 50, 3), 200, np.uint8)
    crop = crop_square(image, np.array([-20.0, 10, 20, 50]), 1.0, 40)
    assert (crop[:, :20] == 0).all()
    assert (crop[:, 20:] == 200).all()


def test_crop_beyond_the_picture_is_black():
    image = np.full((50, 50, 3), 200, np.uint8)
    assert (crop_square(image, np.array([80.0, 80, 90, 90]), 1.0, 16) == 0).all()


def test_crop_shrinks_by_area():
    image = np.zeros((64, 64, 3), np.uint8)
    image[::2] = 200
    assert (crop_square(image, np.array([0.0, 0, 64, 64]), 1.0, 32) == 100).all()

"""Fréchet and kernel distance against closed forms, independent implementations and their invariances."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import ortho_group
from torchmetrics.image.kid import poly_mmd

from spfem_metrics import InputError
from spfem_metrics.functional import frechet_distance, kernel_distance
from tests.support.parity import of_each, release


def draw(seed: int, n: int, width: int, scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(width, width)) / np.sqrt(width)
    return scale * rng.normal(size=(n, width)) @ mix + rng.normal(size=width) / 4


def by_matrix_root(x: np.ndarray, y: np.ndarray) -> float:
    """The textbook form, with SciPy's matrix square root."""
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = np.real(sqrtm(first @ second))
    return float(np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(first + second - 2 * root))


@pytest.mark.parametrize(("n1", "n2"), [(400, 300), (41, 500)])
def test_frechet_agrees_with_a_matrix_root_where_that_is_well_conditioned(parity, n1, n2):
    x, y = draw(1, n1, 40), draw(2, n2, 40, 1.3)
    found, wanted = frechet_distance(x, y), by_matrix_root(x, y)
    parity("FID: distance", f"{release('scipy')} sqrtm", found, wanted, of_each(1e-9), n=(1, "distances"))


def test_frechet_of_one_dimension_has_a_closed_form():
    x, y = np.array([[0.0], [2.0], [4.0]]), np.array([[1.0], [1.0], [7.0]])
    # means 2 and 3, unbiased standard deviations 2 and sqrt(12)
    assert frechet_distance(x, y) == pytest.approx(1 + (2 - np.sqrt(12)) ** 2, rel=1e-12)


def test_few_samples_in_many_dimensions_give_the_value_of_the_space_they_span():
    x, y = draw(3, 30, 6), draw(4, 25, 6, 0.7)
    turn = ortho_group.rvs(200, random_state=5)[:6]
    assert frechet_distance(x @ turn, y @ turn) == pytest.approx(frechet_distance(x, y), rel=1e-9)


def test_frechet_survives_features_that_never_vary():
    x, y = draw(6, 80, 10), draw(7, 80, 10)
    pad = np.hstack([np.ones((80, 3)), np.zeros((80, 2))])
    padded = frechet_distance(np.hstack([x, pad]), np.hstack([y, pad]))
    assert padded == pytest.approx(frechet_distance(x, y), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(2, 40), st.integers(1, 24))
def test_frechet_is_symmetric_zero_on_itself_and_blind_to_rotation_and_order(seed, n1, n2, width):
    x, y = draw(seed, n1, width), draw(seed + 1, n2, width)
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0]
    value = frechet_distance(x, y)
    size = float((x**2).sum() + (y**2).sum())
    assert value >= 0
    assert frechet_distance(y, x) == pytest.approx(value, rel=1e-6, abs=1e-8 * size)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-6 * size)
    turned = frechet_distance(rng.permutation(x) @ turn, y @ turn)
    assert turned == pytest.approx(value, rel=1e-6, abs=1e-6 * size)


def test_frechet_grows_with_the_distance_of_the_means():
    x = draw(8, 60, 12)
    values = [frechet_distance(x, x + shift) for shift in (0.0, 0.1, 0.5, 2.0)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(12 * 4.0, rel=1e-6)


@pytest.mark.parametrize("gamma", [None, 1.0])
def test_kernel_distance_agrees_with_torchmetrics(parity, gamma):
    x, y = draw(9, 50, 8), draw(10, 50, 8)
    other = poly_mmd(torch.from_numpy(x), torch.from_numpy(y), degree=3, gamma=gamma, coef=1.0)
    found, oracle = kernel_distance(x, y, gamma=gamma), f"{release('torchmetrics')}, in double precision"
    parity("KID: distance", oracle, found, other, of_each(1e-9), n=(1, "distances"))


def test_kernel_distance_of_unequal_sets_is_the_sum_over_pairs(parity):
    x, y = draw(11, 7, 3), draw(12, 5, 3)

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    within_x = [k(x[i], x[j]) for i in range(7) for j in range(7) if i != j]
    within_y = [k(y[i], y[j]) for i in range(5) for j in range(5) if i != j]
    across = [k(a, b) for a in x for b in y]
    expected = np.mean(within_x) + np.mean(within_y) - 2 * np.mean(across)
    found, oracle = kernel_distance(x, y), "the sum over pairs, one by one, float64"
    parity("KID: distance", oracle, found, expected, of_each(1e-12), n=(1, "distances"))


def test_kernel_distance_in_tiles_is_that_of_the_whole_matrix(monkeypatch):
    x, y = draw(14, 23, 6), draw(15, 31, 6)
    whole = kernel_distance(x, y)
    monkeypatch.setattr("spfem_metrics.functional.kernel._TILE", 7)
    assert kernel_distance(x, y) == pytest.approx(whole, rel=1e-12)


def test_kernel_distance_holds_no_matrix_of_all_pairs():
    x = np.random.default_rng(16).normal(size=(4000, 16))
    tracemalloc.start()
    kernel_distance(x, x + 0.1, gamma=1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # one matrix of all pairs would be 128 MB, and its powers as much again
    assert peak < 48e6


def test_kernel_distance_is_unbiased_where_the_frechet_distance_is_not():
    rng = np.random.default_rng(13)
    sets = [(rng.normal(size=(12, 6)), rng.normal(size=(12, 6))) for _ in range(300)]
    values = [kernel_distance(x, y) for x, y in sets]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error
    assert np.mean([frechet_distance(x, y) for x, y in sets]) > 1


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.zeros((1, 3)), np.zeros((5, 3))),
        (np.zeros((5, 3)), np.zeros((5, 4))),
        (np.full((5, 3), np.nan), np.zeros((5, 3))),
        (np.zeros(5), np.zeros((5, 3))),
    ],
)
def test_sets_that_cannot_be_compared_are_refused(distance, x, y):
    with pytest.raises(InputError):
        distance(x, y)

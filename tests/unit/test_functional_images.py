"""SSIM and PSNR against torchmetrics and against the formula written out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from spfem_metrics import InputError
from spfem_metrics.functional import psnr, ssim
from tests.support.parity import absolute, of_each, release


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.uniform(0, 255, (48, 37, 3)), (0, 0), 3)
    first = np.clip(40 + 5 * (smooth - smooth.mean()), 0, 255).astype(np.uint8)
    noisy = np.clip(first + rng.normal(0, 12, first.shape), 0, 255).astype(np.uint8)
    return first, noisy


def tensor(picture):
    return torch.from_numpy(picture.astype(np.float64)).permute(2, 0, 1)[None]


def test_ssim_is_torchmetrics_without_the_border(parity, pair):
    first, second = pair
    _, full = structural_similarity_index_measure(
        tensor(first), tensor(second), data_range=255.0, sigma=1.5, return_full_image=True
    )
    found, wanted = ssim(first, second), full[..., 5:-5, 5:-5].mean()
    oracle = f"{release('torchmetrics')}, border cut off"
    parity("SSIM wang", oracle, found, wanted, absolute(1e-7), n=(1, "frame pairs"))


def test_ssim_of_one_window_is_the_formula(parity, pair):
    x, y = (picture[:11, :11].astype(float) for picture in pair)
    line = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    weight = np.outer(line, line)[..., None] / line.sum() ** 2
    mx, my = (weight * x).sum((0, 1)), (weight * y).sum((0, 1))
    vx, vy = (weight * (x - mx) ** 2).sum((0, 1)), (weight * (y - my) ** 2).sum((0, 1))
    cov = (weight * (x - mx) * (y - my)).sum((0, 1))
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    found, oracle = ssim(x, y), "the formula of one window, float64"
    parity("SSIM wang", oracle, found, expected.mean(), of_each(1e-9), n=(1, "windows"))


def test_psnr_is_torchmetrics(parity, pair):
    first, second = pair
    wanted = peak_signal_noise_ratio(tensor(first), tensor(second), data_range=255.0)
    found, oracle = psnr(first, second), f"{release('torchmetrics')}, frame by frame"
    parity("PSNR", oracle, found, wanted, of_each(1e-6), n=(1, "frame pairs"))


def test_equal_pictures_have_finite_best_values(pair):
    first, _ = pair
    assert ssim(first, first) == pytest.approx(1.0, abs=1e-12)
    assert psnr(first, first) == 100.0


def test_both_fall_as_noise_grows(pair):
    first, _ = pair
    noise = np.random.default_rng(1).normal(size=first.shape)
    for measure in (ssim, psnr):
        values = [measure(first, first + scale * noise) for scale in (0.5, 2, 8, 32)]
        assert values == sorted(values, reverse=True)


def test_a_black_and_a_white_picture_are_0_db_apart():
    black = np.zeros((16, 16, 3), np.uint8)
    assert psnr(black, black + np.uint8(255)) == 0.0
    # flat pictures leave only the luminance term, C1 / (255^2 + C1)
    assert ssim(black, black + np.uint8(255)) == pytest.approx(2.55**2 / (255**2 + 2.55**2), rel=1e-6)


def test_pictures_that_do_not_fit_are_refused(pair):
    first, _ = pair
    with pytest.raises(InputError, match="shape"):
        psnr(first, first[1:])
    with pytest.raises(InputError, match="11 px"):
        ssim(first[:10], first[:10])

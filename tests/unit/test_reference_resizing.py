"""Each named resize against the tool it is named after, on pictures that grow, shrink and stay.

Single precision at 255 has steps of 1.5e-5; sums of a few products in another order differ by a few of them,
so 1.5e-4 levels is the tolerance. The filters differ from each other by whole levels.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_metrics import InputError
from spfem_metrics.networks.resizing import (
    bicubic_antialiased,
    bilinear,
    bilinear_antialiased,
    bilinear_tf1,
    resize,
)
from tests.support.parity import absolute, release

LEVELS = 1.5e-4
TORCH_LEVELS = 0.05
"""Torch takes source positions in float32, by a path that varies with the processor and with threads.

A position of up to 1000 is rounded two or three times by 2**-24 of itself, which is 1.8e-4 of a pixel;
between neighbours 255 levels apart that is 0.046 levels. Up to 0.0075 have been seen.
"""
SIZES = [(64, 48), (299, 299), (300, 298), (256, 256), (512, 400), (701, 1000), (1, 5)]
FILTERS = [bilinear, bilinear_tf1, bilinear_antialiased, bicubic_antialiased]


def noise(height: int, width: int) -> torch.Tensor:
    random = np.random.default_rng(height * width)
    return torch.from_numpy(random.integers(0, 256, (2, 3, height, width)).astype(np.float32))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("rule", "antialias"), [("pytorch-fid", False), ("torchmetrics", True)])
def test_bilinear_is_torchs(parity, size: tuple[int, int], rule: str, antialias: bool) -> None:
    x = noise(*size)
    wanted = torch.nn.functional.interpolate(
        x, (299, 299), mode="bilinear", align_corners=False, antialias=antialias
    )
    found = resize(x, (299, 299), bilinear_antialiased if antialias else bilinear)
    assert found.dtype == wanted.dtype
    within = absolute(TORCH_LEVELS)
    parity(f"FID {rule}: resize", release("torch"), found, wanted, within, n=(2, "frames"))


@pytest.mark.parametrize("size", SIZES)
def test_bilinear_tf1_is_torch_fidelitys(parity, size: tuple[int, int]) -> None:
    upstream = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow")
    x = noise(*size)
    wanted = upstream.interpolate_bilinear_2d_like_tensorflow1x(x, (299, 299), align_corners=False)
    found, oracle = resize(x, (299, 299), bilinear_tf1), release("torch-fidelity")
    assert found.dtype == wanted.dtype
    parity("FID torch-fidelity: resize", oracle, found, wanted, absolute(LEVELS), n=(2, "frames"))


@pytest.mark.parametrize("size", SIZES)
def test_bicubic_is_clean_fids(parity, size: tuple[int, int]) -> None:
    upstream = pytest.importorskip("cleanfid.resize").build_resizer("clean")
    x = noise(*size)
    wanted = np.stack([upstream(picture.numpy().transpose(1, 2, 0)) for picture in x]).transpose(0, 3, 1, 2)
    found = resize(x, (299, 299), bicubic_antialiased).clamp(0, 255)
    parity("FID clean-fid: resize", release("clean-fid"), found, wanted, absolute(LEVELS), n=(2, "frames"))


def test_the_filters_are_not_one_another() -> None:
    """A missing antialias, or half-pixel centres where there are none, would be seen at once."""
    x = noise(512, 512)
    found = [resize(x, (299, 299), kind) for kind in FILTERS]
    apart = [(a - b).abs().mean() for i, a in enumerate(found) for b in found[:i]]
    assert min(apart) > 3


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.integers(1, 400), st.sampled_from(FILTERS))
def test_every_table_is_a_mean_of_input_samples(length, out, kind) -> None:
    taps = kind(length, out)
    assert taps.index.shape == taps.weight.shape
    assert len(taps.index) == out
    assert taps.index.min() >= 0
    assert taps.index.max() < length
    np.testing.assert_allclose(taps.weight.sum(axis=1), 1, atol=2e-6)


def test_no_picture_depends_on_the_others_in_its_batch() -> None:
    x = noise(70, 90)
    alone = torch.cat([resize(picture[None], (33, 44), bicubic_antialiased) for picture in x])
    assert torch.equal(resize(x, (33, 44), bicubic_antialiased), alone)


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(InputError, match="0x5"):
        resize(torch.zeros(1, 3, 5, 0), (299, 299), bilinear)

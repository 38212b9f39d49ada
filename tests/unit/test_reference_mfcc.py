"""Cepstra in parity with python_speech_features 0.6, and what a wrong scale or step would do.

Both sides work in float64 on the same frames. Sums of 257 positive products in another order differ by at
most 257 * 2**-53 of themselves, 3e-14, the FFT's own rounding by less; as logarithms they are summed over 26
filters and multiplied by up to 12 in the lifter, so 1e-11 at most. 1e-9 leaves room for other FFTs.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_metrics import InputError
from spfem_metrics.functional.mfcc import COEFFICIENTS, RATE, frame_count, hop, mfcc, mfcc_at
from tests.support.parity import absolute, release

upstream = pytest.importorskip("python_speech_features")
MFCC, PACKAGE = "SyncNet's MFCC", "python_speech_features"
ROUNDING = 1e-9


def noise(length: int, seed: int = 0) -> np.ndarray:
    """int16, as loud as speech."""
    return np.random.default_rng(seed).normal(0, 3000, length).astype(np.int16)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 5000), st.sampled_from([0.01, 1 / 120]), st.sampled_from(["int16", "float32", "float64"])
)
def test_cepstra_are_the_packages(parity, length: int, winstep: float, dtype: str) -> None:
    samples = noise(length) if dtype == "int16" else (noise(length) / 32768).astype(dtype)
    found, wanted = mfcc(samples, winstep), upstream.mfcc(samples, RATE, winstep=winstep)
    parity(MFCC, release(PACKAGE), found, wanted, absolute(ROUNDING), n=(len(found), "sound frames"))


@pytest.mark.parametrize("samples", [np.zeros(700, np.int16), np.full(1000, 32767, np.int16)])
def test_silence_and_a_level_are_the_packages(parity, samples: np.ndarray) -> None:
    found, wanted = mfcc(samples), upstream.mfcc(samples, RATE)
    assert np.isfinite(found).all()
    parity(MFCC, release(PACKAGE), found, wanted, absolute(ROUNDING), n=(len(found), "sound frames"))


def test_long_sound_is_read_in_blocks_without_a_seam(parity) -> None:
    samples = noise(160 * 4200)
    found, wanted = mfcc(samples), upstream.mfcc(samples, RATE)
    parity(MFCC, release(PACKAGE), found, wanted, absolute(ROUNDING), n=(len(found), "sound frames"))


def test_int16_and_float_differ_in_the_first_coefficient_by_a_known_amount() -> None:
    """The papers' protocol feeds floats to a network trained on int16."""
    samples = noise(8000)
    apart = mfcc(samples) - mfcc(samples.astype(np.float64) / 32768)
    np.testing.assert_allclose(apart[:, 0], 2 * np.log(32768), rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(apart[:, 1:], 0, rtol=0, atol=ROUNDING)


def test_120_hz_is_133_samples_and_so_runs_fast() -> None:
    """10 s give 1201 frames, where 133.3 samples would give 1198."""
    assert (hop(0.01), hop(1 / 120)) == (160, 133)
    assert mfcc(noise(160000), 1 / 120).shape == (1201, COEFFICIENTS)


@pytest.mark.parametrize(
    ("length", "frames"), [(1, 1), (400, 1), (401, 2), (560, 2), (561, 3), (640, 3), (16000, 99)]
)
def test_the_number_of_frames(length: int, frames: int) -> None:
    assert frame_count(length, 160) == len(mfcc(noise(length))) == frames


@pytest.mark.parametrize("clip_frames", [6, 25, 100])
def test_a_clip_of_l_frames_gives_4l_less_1_columns(clip_frames: int) -> None:
    """So L - 4 windows of 20 columns would not fit, which is why SyncNet stops five frames before the end."""
    columns = len(mfcc(noise(640 * clip_frames)))
    assert columns == 4 * clip_frames - 1
    assert 4 * (clip_frames - 5) + 20 > columns >= 4 * (clip_frames - 6) + 20


def test_frames_anywhere_are_those_of_the_even_steps() -> None:
    samples = noise(8000)
    starts = 160 * np.array([7, 3, 3, 20])
    np.testing.assert_allclose(mfcc_at(samples, starts), mfcc(samples)[[7, 3, 3, 20]], rtol=0, atol=ROUNDING)
    beyond = mfcc_at(samples, np.array([9000]))
    assert beyond[0, 0] == pytest.approx(np.log(np.finfo(float).eps))


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.int16), np.zeros((400, 2), np.float32), np.zeros(400, np.int32)]
)
def test_other_sound_is_refused(samples: np.ndarray) -> None:
    with pytest.raises(InputError, match="mfcc reads"):
        mfcc(samples)


def test_impossible_steps_and_starts_are_refused() -> None:
    with pytest.raises(InputError, match="under one sample"):
        mfcc(noise(400), 1e-6)
    with pytest.raises(InputError, match="begin at sample -1"):
        mfcc_at(noise(400), np.array([-1]))

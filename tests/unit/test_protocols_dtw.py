from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from spfem_bench.clips import open_clip
from spfem_bench.errors import ClipError
from spfem_bench.protocols import dtw
from spfem_bench.protocols.dtw import align_audio, frame_pairs, warp
from spfem_bench.protocols.mfcc import mfcc
from spfem_metrics import ArrayMedia

Floats = NDArray[np.float64]
RATE = 16000


def naive(a: Floats, b: Floats) -> float:
    """The textbook recurrence, cell by cell."""
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0
    for i, j in np.ndindex(len(a), len(b)):
        best = min(total[i, j], total[i, j + 1], total[i + 1, j])
        total[i + 1, j + 1] = best + np.abs(a[i] - b[j]).sum()
    return float(total[-1, -1])


def sequences(size: int) -> st.SearchStrategy[Floats]:
    shape = st.tuples(st.integers(1, size), st.just(3))
    return arrays(np.float64, shape, elements=st.integers(-4, 4).map(float))


@settings(max_examples=60, deadline=None)
@given(sequences(12), sequences(12))
def test_the_cost_is_that_of_the_textbook_recurrence(a: Floats, b: Floats) -> None:
    path, cost = warp(a, b)
    assert cost == pytest.approx(naive(a, b))
    assert np.abs(a[path[:, 0]] - b[path[:, 1]]).sum() == pytest.approx(cost)


@settings(max_examples=60, deadline=None)
@given(sequences(12), sequences(12))
def test_a_path_is_monotone_without_gaps_and_tied_at_both_ends(a: Floats, b: Floats) -> None:
    path, _ = warp(a, b)
    assert path.dtype == np.int64
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [len(a) - 1, len(b) - 1]
    steps = {tuple(step) for step in np.diff(path, axis=0).tolist()}
    assert steps <= {(0, 1), (1, 0), (1, 1)}


@given(sequences(12))
@settings(max_examples=20, deadline=None)
def test_a_sequence_aligns_with_itself_at_no_cost(a: Floats) -> None:
    path, cost = warp(a, a)
    assert cost == 0
    assert (path[:, 0] == path[:, 1]).all()


def test_a_table_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtw, "MAX_CELLS", 99)
    with pytest.raises(ClipError, match="too long to align"):
        warp(np.zeros((10, 13)), np.zeros((10, 13)))


@pytest.mark.parametrize("samples", [1, 399, 400, 401, 5000, 16123])
def test_mfcc_are_those_of_python_speech_features(samples: int) -> None:
    reference = pytest.importorskip("python_speech_features")
    signal = np.random.default_rng(samples).normal(size=samples)
    expected = reference.mfcc(signal, RATE, winlen=0.025, winstep=0.01, numcep=13, nfilt=26, nfft=512)
    np.testing.assert_allclose(mfcc(signal, 0.01), expected, rtol=0, atol=1e-9)


def test_mfcc_windows_do_not_drift() -> None:
    """An impulse at second 40 lies in the window that a hop of 1/30 s puts there."""
    signal = np.zeros(RATE * 41)
    signal[40 * RATE + 100] = 1.0
    loudest = int(mfcc(signal, 1 / 30)[:, 0].argmax())
    assert loudest == 40 * 30


def test_silence_has_finite_mfcc() -> None:
    assert np.isfinite(mfcc(np.zeros(RATE))).all()


@pytest.mark.parametrize("bad", [np.zeros(0), np.zeros((10, 2))])
def test_mfcc_want_one_channel(bad: Floats) -> None:
    with pytest.raises(ValueError, match="one channel"):
        mfcc(bad)


def speech(place: Floats, pitch: float, seed: int) -> NDArray[np.float32]:
    """A voice that runs through 14 random vowels: harmonics of ``pitch`` weighted by three moving formants.

    Args:
        place: (N,) at 16 kHz, where in the sentence each sample is, 0 to 1.
        pitch: Hz, constant: voices differ in it, words do not.
        seed: of the sentence.
    """
    draw = np.random.default_rng(seed)
    vowels = np.stack([draw.uniform(*span, 14) for span in ((250, 850), (900, 2300), (2400, 3300))])
    loudness = draw.uniform(0.3, 1.0, 14)
    at = np.clip(place, 0, 1) * 13
    formants = np.stack([np.interp(at, np.arange(14), row) for row in vowels])
    time = np.arange(len(place)) / RATE
    voice = np.zeros(len(place))
    for k in range(1, int(4000 / pitch)):
        gain = sum(1 / (1 + ((k * pitch - formant) / 90) ** 2) for formant in formants)
        voice += gain * np.sin(2 * np.pi * k * pitch * time)
    hiss = np.random.default_rng(seed + 1).normal(size=len(place)) * 1e-3
    return (0.1 * voice * np.interp(at, np.arange(14), loudness) + hiss).astype(np.float32)


def media(samples: NDArray[np.float32], fps: Fraction) -> ArrayMedia:
    count = int(len(samples) / RATE * fps)
    return ArrayMedia(np.zeros((count, 2, 2, 3), np.uint8), fps, samples, RATE)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rates", [(Fraction(30), Fraction(30)), (Fraction(25), Fraction(30000, 1001))])
def test_a_known_time_warp_is_found_to_within_a_frame(seed: int, rates: tuple[Fraction, Fraction]) -> None:
    """The same sentence, another pitch, and a piecewise-linear tempo: half to twice as fast in places."""
    draw = np.random.default_rng(100 + seed)
    knots_place = np.array([0.0, *np.sort(draw.uniform(0.1, 0.9, 4)), 1.0])
    tempo = draw.uniform(0.6, 1.7, 5)
    knots_time = np.concatenate([[0.0], np.cumsum(np.diff(knots_place) * 2.0 * tempo)])
    source = media(speech(np.arange(2 * RATE) / (2 * RATE), 110.0, seed), rates[0])
    clock = np.arange(int(knots_time[-1] * RATE)) / RATE
    truth = media(speech(np.interp(clock, knots_time, knots_place), 135.0, seed), rates[1])

    pairs = align_audio(source, truth)

    expected = np.interp(source.times / 2.0, knots_place, knots_time) * float(rates[1])
    errors = np.abs(pairs[:, 1] - expected)
    assert np.median(errors) <= 1.0
    assert np.quantile(errors, 0.9) <= 2.0
    assert (pairs[:, 0] == np.arange(source.frame_count)).all()
    assert (np.diff(pairs[:, 1]) >= 0).all()


def test_a_clip_aligns_with_itself_frame_by_frame() -> None:
    clip = media(speech(np.arange(RATE) / RATE, 110.0, 7), Fraction(25))
    pairs = align_audio(clip, clip)
    np.testing.assert_array_equal(pairs[:, 0], pairs[:, 1])


def test_a_clip_without_sound_or_frames_is_refused() -> None:
    sound = media(np.ones(RATE, np.float32), Fraction(25))
    silent = ArrayMedia(np.zeros((3, 2, 2, 3), np.uint8), Fraction(25))
    empty = ArrayMedia(np.zeros((0, 2, 2, 3), np.uint8), Fraction(25), np.ones(RATE, np.float32), RATE)
    with pytest.raises(ClipError, match="the truth has no sound to align by"):
        align_audio(sound, silent)
    with pytest.raises(ClipError, match="the source has no frame"):
        align_audio(empty, sound)


def test_frame_pairs_take_the_middle_of_what_a_window_matches() -> None:
    path = np.array([[0, 0], [1, 1], [1, 2], [1, 3], [2, 4]], np.int64)
    times = np.arange(3) / 30
    pairs = frame_pairs(times, np.arange(5) / 30, path)
    assert pairs.tolist() == [[0, 0], [1, 2], [2, 4]]


@given(st.integers(1, 60), st.integers(1, 60), st.data())
@settings(max_examples=60, deadline=None)
def test_frame_pairs_stay_within_both_clips_and_never_go_back(n: int, m: int, data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.sampled_from([(0, 1), (1, 0), (1, 1)]), max_size=80))
    path = np.vstack([[0, 0], np.cumsum(np.array(steps).reshape(-1, 2), axis=0)]).astype(np.int64)
    pairs = frame_pairs(np.arange(n) / 25, np.arange(m) / 29.97, path)
    assert pairs.shape == (n, 2)
    assert (np.diff(pairs, axis=0) >= 0).all()
    assert pairs[:, 1].min() >= 0
    assert pairs[:, 1].max() < m


@pytest.mark.real
@pytest.mark.parametrize("name", ["bbaf2n", "swiz3n"])
def test_a_real_voice_is_followed_through_a_change_of_tempo(name: str, fixtures_dir: Path) -> None:
    """A sentence played 1.25 times as long, then 0.8, then 1.1 (its pitch changes with it)."""
    clip = open_clip(fixtures_dir / "grid" / f"{name}.mpg")
    samples = clip.audio(RATE)
    assert samples is not None
    seconds = len(samples) / RATE
    own = np.array([0.0, 0.3, 0.6, 1.0]) * seconds
    played = np.concatenate([[0.0], np.cumsum(np.diff(own) * [1.25, 0.8, 1.1])])
    clock = np.arange(int(played[-1] * RATE)) / RATE
    heard = np.interp(np.interp(clock, played, own) * RATE, np.arange(len(samples)), samples)
    pairs = align_audio(clip, media(heard.astype(np.float32), Fraction(25)))
    errors = np.abs(pairs[:, 1] - np.interp(clip.times, own, played) * 25)
    assert np.median(errors) <= 1.0
    assert np.quantile(errors, 0.9) <= 2.0

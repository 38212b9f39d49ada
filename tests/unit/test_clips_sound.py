"""Sound on the video's time base: alignment, mixing, resampling, fitting."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfem_bench.clips import PcmSource, fit_audio, open_clip, write_lossless
from spfem_bench.clips.reading import placed
from spfem_bench.clips.sound import blocks, mono
from spfem_bench.clips.types import AudioInfo
from spfem_bench.errors import ClipError
from tests.support.clips import make_audio, make_clip, moving_box, tone

RATE = 16000


def ramp(count: int, channels: int = 1) -> np.ndarray:
    """Samples that name their own place: 1, 2, 3, ..."""
    return np.repeat(np.arange(1, count + 1, dtype=np.int16)[:, None], channels, axis=1)


def clip_with(tmp_path, **kinds):
    return open_clip(make_clip(tmp_path / "a.mov", moving_box(25), **kinds))


def test_sound_of_the_same_length(tmp_path):
    clip = clip_with(tmp_path, audio=(tone(1.0), RATE))
    samples, rate = clip.pcm()
    assert rate == RATE
    np.testing.assert_array_equal(samples, tone(1.0))
    assert clip.info.audio == AudioInfo(RATE, 1, RATE)


@pytest.mark.parametrize("seconds", [0.3, 2.0])
def test_shorter_or_longer_sound_is_kept_as_it_is(tmp_path, seconds):
    clip = clip_with(tmp_path, audio=(tone(seconds), RATE))
    assert clip.info.audio == AudioInfo(RATE, 1, round(seconds * RATE))
    assert clip.info.duration == 1
    assert len(clip.audio(RATE)) == round(seconds * RATE)


def test_no_sound(tmp_path):
    clip = clip_with(tmp_path)
    assert (clip.audio(RATE), clip.pcm(), clip.sound, clip.info.audio) == (None, None, None, None)


def test_silence_is_sound(tmp_path):
    clip = clip_with(tmp_path, audio=(np.zeros((RATE, 1), np.int16), RATE))
    assert clip.audio(RATE).shape == (RATE,)
    assert not clip.audio(RATE).any()


def test_late_sound_is_preceded_by_silence(tmp_path):
    start = Fraction(1, 4)
    samples, _ = clip_with(tmp_path, audio=(ramp(8000), RATE), audio_start=start).pcm()
    assert len(samples) == 12000
    assert not samples[:4000].any()
    np.testing.assert_array_equal(samples[4000:], ramp(8000))


def test_sound_before_the_first_frame_is_cut(tmp_path):
    times = [Fraction(1, 5) + Fraction(i, 25) for i in range(25)]
    samples, _ = clip_with(tmp_path, times=times, audio=(ramp(RATE), RATE)).pcm()
    np.testing.assert_array_equal(samples, ramp(RATE)[3200:])


def test_long_hole_becomes_silence_and_small_jitter_does_not():
    second = Fraction(1, 1)
    piece = ramp(100)
    stamped = [
        (0 * second, piece),
        (second / 10 + Fraction(1, 200), piece),
        (1 * second, piece),
        (None, piece),
    ]
    joined = np.concatenate(list(placed(iter(stamped), 1000, Fraction(0))))
    expected = np.concatenate([piece, piece, np.zeros((800, 1), np.int16), piece, piece])
    np.testing.assert_array_equal(joined, expected)


def test_sound_wholly_before_the_first_frame_leaves_nothing():
    stamped = [(Fraction(0), ramp(100)), (Fraction(1, 10), ramp(100))]
    assert sum(len(p) for p in placed(iter(stamped), 1000, Fraction(1))) == 0


def test_separate_sound_file_starts_with_the_first_frame(tmp_path):
    video = make_clip(tmp_path / "001.mp4", moving_box(25))
    sound = make_audio(tmp_path / "001.wav", ramp(5000, 2), 44100)
    clip = open_clip(video, audio_path=sound)
    assert clip.info.audio == AudioInfo(44100, 2, 5000)
    np.testing.assert_array_equal(clip.pcm()[0], ramp(5000, 2))


def test_separate_aac_file_is_aligned_by_its_edit_list(tmp_path):
    video = make_clip(tmp_path / "001.mp4", moving_box(25))
    click = np.zeros((RATE, 1), np.int16)
    click[8000:8100] = 20000
    clip = open_clip(video, audio_path=make_audio(tmp_path / "001.m4a", click, RATE, "aac"))
    # The codec's own delay of 1024 samples is taken out; a click stays where it was.
    loud = np.flatnonzero(np.abs(clip.audio(RATE)) > 0.3)
    assert abs(loud[0] - 8000) < 40


def test_separate_file_without_sound_is_refused(tmp_path):
    video = make_clip(tmp_path / "a.mp4", moving_box(3))
    with pytest.raises(ClipError, match="has no sound"):
        open_clip(video, audio_path=video)
    with pytest.raises(ClipError, match="does not exist"):
        open_clip(video, audio_path=tmp_path / "none.m4a")


def test_damaged_sound_is_named(tmp_path):
    samples = np.random.default_rng(0).integers(-9000, 9000, (RATE * 2, 1)).astype(np.int16)
    path = make_clip(tmp_path / "a.mp4", moving_box(50), audio=(samples, RATE), audio_codec="aac")
    data = bytearray(path.read_bytes())
    sound = data.index(b"mdat") + 4000
    data[sound : sound + 8000] = bytes(range(256)) * 31 + bytes(64)
    path.write_bytes(data)
    with pytest.raises(ClipError, match="damaged"):
        open_clip(path).audio(RATE)


def test_mono_is_the_mean_of_the_channels():
    stereo = np.array([[32767, -32768], [100, 300], [-32768, -32768]], np.int16)
    mixed = mono(PcmSource.from_array(stereo, RATE), RATE)
    assert mixed.dtype == np.float32
    np.testing.assert_array_equal(mixed, np.float32([-0.5 / 32768, 200 / 32768, -1.0]))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_resampling_keeps_a_tone(rate):
    seconds = 0.5
    mixed = mono(PcmSource.from_array(tone(seconds, rate, 440.0, 2), rate), RATE)
    assert len(mixed) == int(np.ceil(seconds * RATE))
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(mixed)) / RATE)
    middle = slice(400, -400)
    assert np.abs(mixed - expected)[middle].max() < 2e-3


def test_resampling_stays_in_range():
    square = np.where(np.arange(4000) // 50 % 2, 32767, -32768).astype(np.int16)[:, None]
    mixed = mono(PcmSource.from_array(square, 44100), RATE)
    assert np.abs(mixed).max() <= 1.0


@pytest.mark.parametrize(("seconds", "samples"), [("0", 0), ("1/2", 500), ("3", 3000), ("1001/30000", 33)])
def test_fitting_pads_and_cuts(seconds, samples):
    fitted = fit_audio(ramp(1000, 2), 1000, Fraction(seconds))
    kept = min(samples, 1000)
    assert fitted.shape == (samples, 2)
    np.testing.assert_array_equal(fitted[:kept], ramp(1000, 2)[:kept])
    assert not fitted[kept:].any()


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 40))
def test_blocks_are_even_and_lose_nothing(lengths, size):
    samples = ramp(sum(lengths))
    cuts = np.cumsum([0, *lengths])
    pieces = [samples[a:b] for a, b in pairwise(cuts)]
    given_out = list(blocks(iter(pieces), size))
    assert all(len(block) == size for block in given_out[:-1])
    assert all(0 < len(block) <= size for block in given_out)
    np.testing.assert_array_equal(np.concatenate([samples[:0], *given_out]), samples)


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_stored_sound_comes_back_exactly(tmp_path, channels):
    noise = np.random.default_rng(1).integers(-32768, 32768, (5001, channels)).astype(np.int16)
    path = tmp_path / "a.mkv"
    write_lossless(path, [moving_box(5)], fps=Fraction(25), audio=PcmSource.from_array(noise, 44100))
    samples, rate = open_clip(path).pcm()
    assert rate == 44100
    np.testing.assert_array_equal(samples, noise)

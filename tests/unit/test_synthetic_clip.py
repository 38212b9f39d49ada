"""The renderer: seeded, in step across emotions, driven by sound, true to its own truth."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.synthetic import (
    ClipSpec,
    identity_of,
    render_chunks,
    render_clip,
    render_frames,
    true_pair,
    truth,
)
from spfem_bench.synthetic.drive import mouth
from spfem_bench.synthetic.shape import LANDMARKS
from spfem_bench.synthetic.voice import RATE, sentence

GOLDEN_MEAN = (146.11, 148.10, 142.60)
SHORT = ClipSpec(speaker=3, sentence=1, seconds=0.8, size=64)


def test_shapes_and_types() -> None:
    clip = render_clip(SHORT)
    assert clip.frames.shape == (20, 64, 64, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.audio.shape == (round(0.8 * RATE),)
    assert clip.audio.dtype == np.float32
    assert np.abs(clip.audio).max() <= 1.0
    assert clip.truth.landmarks.shape == (20, len(LANDMARKS), 2)


def test_same_spec_same_clip_and_chunks_do_not_matter() -> None:
    first, second = render_clip(SHORT), render_clip(SHORT)
    np.testing.assert_array_equal(first.frames, second.frames)
    np.testing.assert_array_equal(first.audio, second.audio)
    np.testing.assert_array_equal(first.frames, np.concatenate(list(render_chunks(SHORT, chunk=7))))
    np.testing.assert_array_equal(first.frames[[4, 9]], np.concatenate(list(render_frames(SHORT, [4, 9]))))


def test_golden_mean_colours() -> None:
    """Means of a known clip, to half a grey level: another machine may differ by one level here and there."""
    clip = render_clip(ClipSpec(speaker=0, sentence=0, emotion="happy", seconds=0.4))
    np.testing.assert_allclose(clip.frames.mean(axis=(0, 1, 2)), GOLDEN_MEAN, atol=0.5)


@pytest.mark.parametrize("emotion", [e for e in SPFEM_EMOTIONS if e != "neutral"])
def test_true_pairs_share_sound_head_and_timing_but_not_the_face(emotion: str) -> None:
    spec = ClipSpec(speaker=1, sentence=0, seconds=1.2, size=64)
    neutral, pair = truth(spec), truth(true_pair(spec, emotion))
    np.testing.assert_array_equal(neutral.roll, pair.roll)
    np.testing.assert_array_equal(neutral.blink, pair.blink)
    np.testing.assert_array_equal(neutral.landmarks[:, :2], pair.landmarks[:, :2])
    np.testing.assert_array_equal(neutral.motion.opening, pair.motion.opening)
    assert np.corrcoef(neutral.mouth_opening, pair.mouth_opening)[0, 1] > 0.97
    frames = [
        np.concatenate(list(render_frames(s, [10]))).astype(int) for s in (spec, true_pair(spec, emotion))
    ]
    assert np.abs(frames[0] - frames[1]).max() > 60


def test_intensity_moves_the_face_further() -> None:
    rest = truth(SHORT).landmarks
    moved = [truth(true_pair(SHORT, "surprised", level)).landmarks for level in (1, 2, 3)]
    distances = [float(np.linalg.norm(marks - rest, axis=-1).mean()) for marks in moved]
    assert 0 < distances[0] < distances[1] < distances[2]


def test_emotions_differ_from_each_other() -> None:
    frames = {e: next(render_frames(true_pair(SHORT, e), [8])).astype(int) for e in SPFEM_EMOTIONS}
    for first, second in combinations(SPFEM_EMOTIONS, 2):
        assert np.abs(frames[first] - frames[second]).max() > 40, (first, second)


def test_a_smile_widens_the_mouth_and_anger_narrows_the_opening() -> None:
    neutral, happy, angry = (truth(true_pair(SHORT, e)) for e in ("neutral", "happy", "angry"))
    assert (happy.mouth_width > 1.15 * neutral.mouth_width).all()
    assert angry.mouth_opening.max() < 0.85 * neutral.mouth_opening.max()


def test_mouth_follows_the_sound_it_is_given() -> None:
    time = np.arange(2 * RATE) / RATE
    loud = (np.sin(2 * np.pi * 1.0 * time) > 0).astype(np.float32)
    sound = (0.5 * loud * np.sin(2 * np.pi * 700 * time)).astype(np.float32)
    spec = ClipSpec(speaker=2, sentence=0, seconds=2.0, size=64, audio=sound)
    opening = truth(spec).mouth_opening
    at = np.arange(50) / 25
    speaking = np.interp(at, time, loud) > 0.5
    inside = np.abs((at % 0.5) - 0.25) < 0.15
    assert opening[speaking & inside].min() > 0.15
    assert opening[~speaking & inside].max() < 0.02


def test_silence_keeps_the_mouth_shut() -> None:
    spec = ClipSpec(speaker=2, sentence=0, seconds=0.8, size=64, audio=np.zeros(RATE, np.float32))
    assert truth(spec).mouth_opening.max() == pytest.approx(0.0, abs=1e-6)


def test_front_vowels_spread_and_back_vowels_round() -> None:
    time = np.arange(RATE) / RATE
    front, back = (
        sum(np.sin(2 * np.pi * hertz * time) for hertz in formants) / 3
        for formants in ((290, 2300), (310, 750))
    )
    _, spread = mouth(front.astype(np.float32), RATE, Fraction(25), 25)
    _, rounded = mouth(back.astype(np.float32), RATE, Fraction(25), 25)
    assert spread[3:-3].min() > 0.5
    assert rounded[3:-3].max() < -0.5


def test_people_differ() -> None:
    people = [identity_of(k) for k in range(40)]
    assert len({person.skin for person in people}) == 40
    assert len({person.hair for person in people}) >= 5
    frames = np.stack([next(render_frames(ClipSpec(k, 0, seconds=0.4, size=64), [5]))[0] for k in range(8)])
    for first, second in combinations(frames.astype(int), 2):
        assert np.abs(first - second).mean() > 4


def test_sentences_differ_and_are_shared() -> None:
    assert sentence(0, 2.0) == sentence(0, 2.0)
    assert [s.vowel for s in sentence(0, 2.0)] != [s.vowel for s in sentence(1, 2.0)]
    slow, fast = sentence(0, 3.0, rate=0.92), sentence(0, 3.0, rate=1.08)
    shared = min(len(slow), len(fast))
    assert [s.vowel for s in slow[:shared]] == [s.vowel for s in fast[:shared]]


def test_other_rates_and_sizes() -> None:
    spec = ClipSpec(speaker=0, sentence=0, seconds=1.0, size=96, fps=Fraction(30000, 1001))
    frames = np.concatenate(list(render_chunks(spec)))
    assert frames.shape == (30, 96, 96, 3)


@pytest.mark.parametrize("wrong", [{"emotion": "hapy"}, {"intensity": 4}, {"size": 8}, {"seconds": 0.0}])
def test_impossible_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"render"):
        ClipSpec(speaker=0, sentence=0, **wrong)  # type: ignore[arg-type]

"""The renderer: seeded, in step across emotions, one time for mouth and voice, true to its own truth."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.synthetic import (
    ClipSpec,
    Take,
    render_chunks,
    render_clip,
    render_frames,
    true_pair,
    truth,
    voice,
)
from spfem_bench.synthetic.speech.voice import RATE

GOLDEN_MEAN = (88.33, 74.48, 57.97)
SHORT = ClipSpec(speaker=3, sentence=1, seconds=0.8, size=64)
LONG = ClipSpec(speaker=3, sentence=1, size=64)


def frame(spec: ClipSpec, index: int) -> np.ndarray:
    return next(render_frames(spec, [index]))[0].astype(int)


def test_shapes_and_types() -> None:
    clip = render_clip(SHORT)
    assert clip.frames.shape == (20, 64, 64, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.audio.shape == (round(0.8 * RATE),)
    assert clip.audio.dtype == np.float32
    assert np.abs(clip.audio).max() <= 1.0
    assert clip.truth.landmarks.shape == (20, 68, 2)
    assert clip.truth.units.shape == (20, 16)
    assert len(clip.truth.phonemes) == 20


def test_same_spec_same_clip_and_chunks_do_not_matter() -> None:
    first, second = render_clip(SHORT), render_clip(SHORT)
    np.testing.assert_array_equal(first.frames, second.frames)
    np.testing.assert_array_equal(first.audio, second.audio)
    np.testing.assert_array_equal(first.frames, np.concatenate(list(render_chunks(SHORT, chunk=7))))
    np.testing.assert_array_equal(first.frames[[4, 9]], np.concatenate(list(render_frames(SHORT, [4, 9]))))


def test_truth_of_some_frames_is_that_of_the_whole() -> None:
    whole, some = truth(SHORT), truth(SHORT, [4, 9])
    np.testing.assert_array_equal(whole.landmarks[[4, 9]], some.landmarks)
    np.testing.assert_array_equal(whole.gaze[[4, 9]], some.gaze)


def test_golden_mean_colours() -> None:
    """Means of a known clip, to half a grey level: another machine may differ by one level here and there."""
    clip = render_clip(ClipSpec(speaker=0, sentence=0, emotion="happy", seconds=0.4))
    np.testing.assert_allclose(clip.frames.mean(axis=(0, 1, 2)), GOLDEN_MEAN, atol=0.5)


@pytest.mark.parametrize("emotion", [e for e in SPFEM_EMOTIONS if e != "neutral"])
def test_true_pairs_share_head_and_timing_but_not_the_face(emotion: str) -> None:
    neutral, pair = truth(LONG), truth(true_pair(LONG, emotion))
    np.testing.assert_array_equal(neutral.angles, pair.angles)
    np.testing.assert_array_equal(neutral.blink, pair.blink)
    np.testing.assert_array_equal(neutral.gaze, pair.gaze)
    np.testing.assert_array_equal(neutral.phonemes, pair.phonemes)
    assert np.corrcoef(neutral.mouth_opening, pair.mouth_opening)[0, 1] > 0.75
    assert np.abs(frame(LONG, 12) - frame(true_pair(LONG, emotion), 12)).max() > 40


def test_without_interaction_an_emotion_leaves_the_mouths_motion_alone() -> None:
    alone = replace(LONG, interaction=False)
    for emotion in ("happy", "sad", "fear"):
        neutral, pair = truth(alone), truth(true_pair(alone, emotion))
        np.testing.assert_array_equal(neutral.track.mouth.jaw, pair.track.mouth.jaw)
        np.testing.assert_array_equal(neutral.track.mouth.width, pair.track.mouth.width)
    kept, changed = (
        np.corrcoef(truth(s).mouth_width, truth(true_pair(s, "angry")).mouth_width)[0, 1]
        for s in (alone, LONG)
    )
    assert kept > changed


def test_intensity_and_strength_move_the_face_further() -> None:
    rest = truth(SHORT).landmarks
    moved = [truth(true_pair(SHORT, "surprised", level)).landmarks for level in (1, 2, 3)]
    distances = [float(np.linalg.norm(marks - rest, axis=-1).mean()) for marks in moved]
    assert 0 < distances[0] < distances[1] < distances[2]
    none = truth(replace(SHORT, emotion="surprised", strength=0.0))
    np.testing.assert_array_equal(none.landmarks, rest)


def test_emotions_differ_from_each_other() -> None:
    frames = {e: frame(true_pair(SHORT, e), 8) for e in SPFEM_EMOTIONS}
    for first, second in combinations(SPFEM_EMOTIONS, 2):
        assert np.abs(frames[first] - frames[second]).max() > 25, (first, second)


def test_lips_meet_at_bilabials_and_open_at_open_vowels() -> None:
    said = [truth(ClipSpec(speaker=k, sentence=s, size=64)) for k in (0, 4) for s in range(6)]
    openings = np.concatenate([t.mouth_opening for t in said])
    phonemes = np.concatenate([t.phonemes for t in said])
    closed = openings[np.isin(phonemes, ["M", "B", "P"])]
    opened = openings[[str(p).rstrip("012") in ("AA", "AE", "AO", "AW", "AY") for p in phonemes]]
    assert np.median(closed) < 0.03
    assert np.median(opened) > 4 * max(np.median(closed), 0.02)


def test_the_voice_is_loud_where_the_mouth_is_open() -> None:
    ratios = []
    for sentence in range(4):
        spec = ClipSpec(speaker=1, sentence=sentence, size=64)
        sound, opening = voice(spec), truth(spec).mouth_opening
        energy = [
            np.sqrt((sound[(at := round(i * RATE / 25)) : at + RATE // 25] ** 2).mean())
            for i in range(len(opening) - 1)
        ]
        ratios.append(np.corrcoef(energy, opening[:-1])[0, 1])
    assert np.mean(ratios) > 0.3


def test_people_differ() -> None:
    frames = np.stack([frame(ClipSpec(k, 0, seconds=0.4, size=64), 5) for k in range(8)])
    for first, second in combinations(frames, 2):
        assert np.abs(first - second).mean() > 6


def test_takes_differ_in_time_and_feelings_change_the_tempo() -> None:
    lengths = [ClipSpec(2, 0, take=Take("neutral", 1, number)).length for number in range(4)]
    assert len(set(lengths)) == 4
    slow, quick = (
        np.mean([float(ClipSpec(k, s, take=Take(e, 3)).length) for k in range(4) for s in range(3)])
        for e in ("sad", "fear")
    )
    assert slow > 1.05 * quick


def test_a_given_length_cuts_or_adds_silence() -> None:
    cut, longer = replace(LONG, seconds=1.0), replace(LONG, seconds=8.0)
    whole = truth(LONG)
    np.testing.assert_array_equal(truth(cut).phonemes, whole.phonemes[:25])
    assert set(truth(longer).phonemes[LONG.frame_count + 1 :]) == {"SIL"}
    assert len(voice(longer)) == 8 * RATE
    assert np.abs(voice(longer)[-RATE:]).max() < 0.02


def test_other_rates_and_sizes() -> None:
    spec = ClipSpec(speaker=0, sentence=0, seconds=1.0, size=96, fps=Fraction(30000, 1001))
    frames = np.concatenate(list(render_chunks(spec)))
    assert frames.shape == (30, 96, 96, 3)


@pytest.mark.parametrize("wrong", [{"emotion": "hapy"}, {"intensity": 4}, {"size": 8}, {"seconds": 0.0}])
def test_impossible_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"render"):
        ClipSpec(speaker=0, sentence=0, **wrong)  # type: ignore[arg-type]

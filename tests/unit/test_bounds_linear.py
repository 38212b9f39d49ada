"""linear-shift on rendered people it was not fitted on: the emotion moves, the words stay."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from spfem_baselines import Adapter, CannotGenerateError, Request
from spfem_baselines.linear import LinearShift, bend, fit, from_bytes, linear_shift
from spfem_baselines.placing import Follower, place_by_eyes
from spfem_bench.datasets.records import SPFEM_EMOTIONS as EMOTIONS
from spfem_bench.synthetic import ClipSpec, render_clip, true_pair, truth
from spfem_metrics import ArrayMedia
from spfem_metrics.extraction import extract
from spfem_metrics.synthetic.emotion import emotion as emotion_of
from spfem_metrics.synthetic.faces import faces
from spfem_metrics.synthetic.identity import identity
from tests.unit.test_bounds import Clip


@pytest.fixture(scope="module")
def model() -> LinearShift:
    return linear_shift()


def read(frames: np.ndarray):
    made = [faces(weights={}), identity(weights={}), emotion_of(weights={})]
    return extract(ArrayMedia(frames, Fraction(25)), made)


def generated(model: LinearShift, frames: np.ndarray, emotion: str) -> np.ndarray:
    return np.concatenate(list(model.generate(Request("t", Clip(frames), emotion, seed=0)).frames))


def test_it_is_an_adapter_with_a_digest(model: LinearShift) -> None:
    assert isinstance(model, Adapter)
    assert model.name == "linear-shift"
    assert model.identity == from_bytes(model.to_bytes()).identity
    assert set(model.fields) == set(EMOTIONS)


def test_neutral_changes_nothing(model: LinearShift) -> None:
    frames = render_clip(ClipSpec(0, 0, seconds=0.4)).frames
    np.testing.assert_array_equal(generated(model, frames, "neutral"), frames)


@pytest.mark.parametrize("emotion", ["angry", "fear", "happy", "sad", "surprised"])
@pytest.mark.parametrize("speaker", [0, 5])
def test_the_face_moves_as_the_true_pair_does_and_words_and_person_stay(
    model: LinearShift, speaker: int, emotion: str
) -> None:
    spec = ClipSpec(speaker, 0, seconds=1.4)
    source = render_clip(spec).frames
    before, after = read(source), read(generated(model, source, emotion))
    moved = after["faces"]["landmarks"].mean(axis=0) - before["faces"]["landmarks"].mean(axis=0)
    wanted = truth(true_pair(spec, emotion)).landmarks.mean(axis=0) - truth(spec).landmarks.mean(axis=0)
    assert (moved * wanted).sum() > 0.5 * np.linalg.norm(moved) * np.linalg.norm(wanted)
    assert np.linalg.norm(moved) > 0.3 * np.linalg.norm(wanted)
    opening = np.corrcoef(before["faces"]["mouth_opening"], after["faces"]["mouth_opening"])[0, 1]
    assert opening > 0.8
    assert (before["identity"]["embedding"] * after["identity"]["embedding"]).sum(axis=1).mean() > 0.8


def test_it_falls_short_of_the_true_pair(model: LinearShift) -> None:
    """It paints no wrinkles and no teeth: disgust stays unread, which is why it is no ceiling."""
    spec = ClipSpec(3, 0, seconds=1.0)
    made = read(generated(model, render_clip(spec).frames, "disgusted"))
    true = read(render_clip(true_pair(spec, "disgusted")).frames)
    share = EMOTIONS.index("disgusted")
    assert (
        made["emotion"]["probabilities"][:, share].mean() < true["emotion"]["probabilities"][:, share].mean()
    )


def test_faces_are_placed_within_a_twentieth_of_the_eye_distance(model: LinearShift) -> None:
    errors = []
    for speaker in (0, 6, 12):
        spec = ClipSpec(speaker, 1, seconds=0.8)
        marks = truth(spec).landmarks
        eyes = np.stack([marks[:, 36:42].mean(axis=1), marks[:, 42:48].mean(axis=1)], axis=1)
        for place, true in zip(Follower(model.template).follow(render_clip(spec).frames), eyes, strict=True):
            wanted = place_by_eyes(true[0], true[1])
            middle = np.array([32.0, 40.0, 1.0])
            errors.append(
                np.linalg.norm(place @ middle - wanted @ middle) / np.linalg.norm(true[1] - true[0])
            )
    assert np.mean(errors) < 0.1


def test_chunks_do_not_matter_and_runs_repeat(model: LinearShift) -> None:
    frames = render_clip(ClipSpec(2, 0, seconds=0.4)).frames
    once = generated(model, frames, "happy")
    request = Request("t", Clip(frames, chunk=3), "happy", seed=0)
    np.testing.assert_array_equal(once, np.concatenate(list(model.generate(request).frames)))


def test_frames_without_a_face_pass_through_without_a_crash(model: LinearShift) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 90, 160, 3), np.uint8)
    black = np.zeros((3, 120, 70, 3), np.uint8)
    dot = np.zeros((2, 1, 1, 3), np.uint8)
    for frames in (noise, black, dot):
        assert generated(model, frames, "happy").shape == frames.shape


def test_an_emotion_it_was_not_fitted_for(model: LinearShift) -> None:
    with pytest.raises(CannotGenerateError, match="not for contempt"):
        model.generate(Request("t", Clip(np.zeros((1, 8, 8, 3), np.uint8)), "contempt", seed=0))


def test_fit_recovers_a_known_movement() -> None:
    """One point moves by a tenth of the eye distance: the field says so there, and nothing far away."""
    marks = np.array([[[40, 50], [88, 50], [64, 100]]], np.float32)
    moved = marks + np.array([[0, 0], [0, 0], [4.8, 0]], np.float32)
    images = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)
    model = fit([("neutral", images, marks, marks), ("happy", images, marks, moved)])
    assert np.abs(model.fields["neutral"]).max() == 0
    field = model.fields["happy"]
    assert field[..., 0].max() == pytest.approx(0.1, rel=0.15)
    assert np.abs(field[:5]).max() < 1e-3
    image = np.zeros((128, 128, 3), np.uint8)
    image[97:104, 61:68] = 255
    bent = bend(image, place_by_eyes(marks[0, 0], marks[0, 1]), field)
    centre = (bent[..., 0] * np.arange(128)).sum() / bent[..., 0].sum()
    assert centre == pytest.approx(64 + 4.8, abs=1.0)


def test_fit_needs_neutral_clips() -> None:
    with pytest.raises(ValueError, match="neutral"):
        fit([])

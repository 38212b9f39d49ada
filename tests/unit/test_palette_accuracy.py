"""The palette reader against the renderer's truth, on people it was not fitted on."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.synthetic import ClipSpec, RenderedClip, render_clip
from spfem_metrics import ArrayMedia, Arrays, Extractor
from spfem_metrics.errors import DefinitionError
from spfem_metrics.extraction import extract
from spfem_metrics.synthetic import palette
from spfem_metrics.synthetic.constants import EMOTIONS

PEOPLE = (0, 3, 6, 9)
Features = dict[str, Arrays]


def extractors() -> list[Extractor]:
    return [make(weights={}) for make in (palette.faces, palette.identity, palette.emotion)]


def measured(frames: np.ndarray, batch: int = 32) -> Features:
    return extract(ArrayMedia(np.ascontiguousarray(frames), Fraction(25)), extractors(), batch=batch)


@pytest.fixture(scope="module")
def clips() -> dict[tuple[int, str], tuple[RenderedClip, Features]]:
    """Clips of four people in seven emotions, with what was read of them."""
    made = {
        (who, e): render_clip(ClipSpec(who, who, e, seconds=1.4)) for who in PEOPLE for e in SPFEM_EMOTIONS
    }
    return {key: (clip, measured(clip.frames)) for key, clip in made.items()}


@pytest.fixture(scope="module")
def neutral(clips: dict[tuple[int, str], tuple[RenderedClip, Features]]) -> tuple[RenderedClip, Features]:
    return clips[3, "neutral"]


def test_every_face_is_found(clips) -> None:
    assert all(features["faces"]["found"].all() for _, features in clips.values())


def test_points_lie_where_they_were_drawn(clips) -> None:
    errors = []
    for clip, features in clips.values():
        unit = features["faces"]["interocular"][:, None]
        errors.append(
            np.linalg.norm(features["faces"]["points5"] - clip.truth.landmarks[:, :5], axis=2) / unit
        )
    mean = np.concatenate(errors).mean(axis=0)
    assert (mean[:2] < 0.03).all(), mean
    assert (mean[2:] < 0.08).all(), mean


def test_mouth_follows_the_truth(clips) -> None:
    for key, (clip, features) in clips.items():
        opening = np.corrcoef(features["faces"]["mouth_opening"], clip.truth.mouth_opening)[0, 1]
        width = np.corrcoef(features["faces"]["mouth_width"], clip.truth.mouth_width)[0, 1]
        assert opening > 0.96, key
        assert width > 0.88, key
        assert np.abs(features["faces"]["mouth_opening"] - clip.truth.mouth_opening).mean() < 0.05, key


def test_roll_is_read_and_yaw_and_pitch_are_not_claimed(neutral) -> None:
    clip, features = neutral
    pose = features["faces"]["pose"]
    assert (pose[:, :2] == 0).all()
    assert np.abs(pose[:, 2] - clip.truth.roll).mean() < 0.6


def test_gaze_follows_the_iris(clips) -> None:
    pairs = [
        (features["faces"]["gaze"][open_, 0], clip.truth.motion.gaze[open_, 0])
        for clip, features in (clips[who, "neutral"] for who in PEOPLE)
        for open_ in [clip.truth.blink < 0.05]
    ]
    assert np.mean([np.corrcoef(read, true)[0, 1] for read, true in pairs]) > 0.8


def test_emotions_are_named(clips) -> None:
    assert EMOTIONS == SPFEM_EMOTIONS
    for (who, emotion), (_, features) in clips.items():
        shares = features["emotion"]["probabilities"]
        np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-5)
        assert SPFEM_EMOTIONS[int(shares.mean(axis=0).argmax())] == emotion, who


def test_people_are_told_apart(clips) -> None:
    means = {key: features["identity"]["embedding"].mean(axis=0) for key, (_, features) in clips.items()}
    same = [means[a] @ means[b] for a in means for b in means if a[0] == b[0] and a[1] < b[1]]
    other = [means[a] @ means[b] for a in means for b in means if a[0] < b[0]]
    assert min(same) > 0.5
    assert np.mean(same) > 0.85
    assert np.mean(other) < 0.25
    assert np.mean(same) - np.mean(other) > 0.6


def test_batches_do_not_move_a_digit(neutral) -> None:
    clip, features = neutral
    again = measured(clip.frames, batch=5)
    for name, arrays in features.items():
        for key, values in arrays.items():
            np.testing.assert_array_equal(values, again[name][key], err_msg=f"{name}.{key}")


def test_another_size_gives_the_same_reading_in_its_own_pixels(neutral) -> None:
    clip, features = neutral
    large = np.repeat(np.repeat(clip.frames, 2, axis=1), 2, axis=2)
    faces, doubled = features["faces"], measured(large)["faces"]
    np.testing.assert_allclose(doubled["interocular"], 2 * faces["interocular"], rtol=1e-5)
    np.testing.assert_allclose(doubled["points5"] + 0.5, 2 * (faces["points5"] + 0.5), atol=0.01)
    np.testing.assert_allclose(doubled["coefficients"], faces["coefficients"], atol=1e-4)


def test_noise_and_empty_rooms_hold_no_face() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)
    empty = np.full((3, 128, 128, 3), (120, 150, 160), np.uint8)
    for clip in (frames, empty):
        features = measured(clip)
        assert not features["faces"]["found"].any()
        assert not features["emotion"]["valid"].any()
        for arrays in features.values():
            assert all((values == 0).all() for values in arrays.values())


def test_a_little_sensor_noise_and_blending_are_borne(clips) -> None:
    clip, clean = clips[6, "happy"]
    other, _ = clips[6, "neutral"]
    noise = np.random.default_rng(1).normal(0, 4, clip.frames.shape)
    noisy = np.clip(clip.frames + noise, 0, 255).astype(np.uint8)
    blend = (0.5 * clip.frames.astype(np.float32) + 0.5 * other.frames).astype(np.uint8)
    for frames in (noisy, blend):
        features = measured(frames)["faces"]
        assert features["found"].mean() > 0.95
        both = features["found"]
        read = np.corrcoef(features["mouth_opening"][both], clean["faces"]["mouth_opening"][both])[0, 1]
        assert read > 0.9


def test_weights_are_refused_and_definitions_name_the_constants() -> None:
    from pathlib import Path

    with pytest.raises(DefinitionError, match="takes no weights"):
        palette.faces(weights={"model": Path("x")})
    definitions = [extractor.definition for extractor in extractors()]
    assert len(set(definitions)) == 3
    assert all("palette-v0" in d and "constants:" in d and " " not in d for d in definitions)

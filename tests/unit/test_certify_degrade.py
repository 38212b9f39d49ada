"""Degradations: no harm leaves a clip alone, and harm grows with the level."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from spfem_bench.certify.catalogue import CATALOGUE, FLOORS, Setting
from spfem_bench.certify.degrade import blur, colour, drop, freeze, jpeg, late, late_sound, noise, splice
from spfem_bench.certify.degrade.picture import fine_jpeg
from spfem_bench.certify.scenes import Scene
from spfem_metrics import TrialFacts
from spfem_metrics.media import ArrayMedia
from tests.support.clips import moving_box, noise_frames

FRAMES = moving_box(30)


def stream(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def error(changed: np.ndarray) -> float:
    return float(np.abs(changed.astype(float) - FRAMES).mean())


def test_no_harm_leaves_the_frames_alone() -> None:
    unharmed = [
        blur(FRAMES, 0.0), jpeg(FRAMES, 101), noise(FRAMES, 0.0, stream()), colour(FRAMES, 0.0),
        drop(FRAMES, 0.0, stream()), freeze(FRAMES, 0.0), late(FRAMES, 0), splice(FRAMES, FRAMES[::-1], 0.0),
    ]  # fmt: skip
    for frames in unharmed:
        np.testing.assert_array_equal(frames, FRAMES)


@pytest.mark.parametrize(
    ("harm", "levels"),
    [
        (lambda level: blur(FRAMES, level), (0.5, 1, 2, 4)),
        (lambda level: jpeg(FRAMES, 100 - level), (10, 50, 80, 95)),
        (lambda level: noise(FRAMES, level, stream()), (1, 4, 16, 32)),
        (lambda level: colour(FRAMES, level), (0.05, 0.1, 0.2, 0.3)),
        (lambda level: drop(FRAMES, level, stream()), (0.1, 0.3, 0.6, 1.0)),
        (lambda level: splice(FRAMES, noise_frames(30), level), (0.25, 0.5, 0.75, 1.0)),
    ],
)
def test_harm_grows_with_the_level(harm: object, levels: tuple[float, ...]) -> None:
    errors = [error(harm(level)) for level in levels]  # type: ignore[operator]
    assert errors[0] > 0
    assert errors == sorted(errors)


def test_blur_is_the_gaussian_of_scipy() -> None:
    image = noise_frames(1)[:, 10:-10, 10:-10]
    expected = gaussian_filter(image[0].astype(float), (2, 2, 0), mode="mirror", truncate=4)
    assert np.abs(blur(image, 2.0)[0] - expected).max() < 1.5


def test_noise_has_the_deviation_asked_for_and_depends_on_the_stream_alone() -> None:
    grey = np.full((4, 64, 64, 3), 128, np.uint8)
    noisy = noise(grey, 8.0, stream(1))
    assert np.std(noisy.astype(float) - 128) == pytest.approx(8.0, rel=0.02)
    np.testing.assert_array_equal(noisy, noise(grey, 8.0, stream(1)))
    assert not np.array_equal(noisy[0], noisy[1])


def test_colour_gains_by_channel() -> None:
    grey = np.full((1, 2, 2, 3), 100, np.uint8)
    # 100 * 1.2 * (1.2, 0.95, 0.85)
    np.testing.assert_array_equal(colour(grey, 0.2)[0, 0, 0], [144, 114, 102])


def test_fine_reencoding_moves_a_natural_picture_by_about_a_grey_level() -> None:
    smooth = blur(noise_frames(2), 3.0)
    assert 0 < np.abs(fine_jpeg(smooth).astype(int) - smooth).mean() < 1.5


@given(st.floats(0, 1), st.integers(0, 5))
def test_dropped_frames_repeat_the_one_before_and_larger_shares_lose_more(share: float, seed: int) -> None:
    index = np.arange(20, dtype=np.uint8)[:, None, None, None]
    less, more = (drop(index, level, stream(seed)).ravel() for level in (share / 2, share))
    assert len(np.unique(more)) == 20 - round(share * 19)
    assert more[0] == 0
    assert (np.diff(more.astype(int)) >= 0).all()
    assert set(np.unique(more)) <= set(np.unique(less))


def test_freeze_holds_the_middle_and_late_holds_the_start() -> None:
    index = np.arange(8, dtype=np.uint8)[:, None, None, None]
    assert freeze(index, 0.5).ravel().tolist() == [0, 1, 2, 2, 2, 2, 6, 7]
    assert freeze(index, 1.0).ravel().tolist() == [0] * 8
    assert late(index, 3).ravel().tolist() == [0, 0, 0, 0, 1, 2, 3, 4]
    assert splice(index, index + 100, 0.25).ravel().tolist() == [0, 1, 2, 3, 4, 5, 106, 107]


def test_sound_moves_either_way_and_leaves_silence() -> None:
    sound = np.arange(1, 6, dtype=np.float32)
    assert late_sound(sound, 2.0, 1).tolist() == [0, 0, 1, 2, 3]
    assert late_sound(sound, -2.0, 1).tolist() == [3, 4, 5, 0, 0]
    assert late_sound(sound, 0.0, 1).tolist() == sound.tolist()
    assert late_sound(sound, 9.0, 1).tolist() == [0] * 5


class Nothing:
    """Variants of a scene of which nothing else can be made."""

    stranger = other_emotion = other_words = None

    def __init__(self, output: ArrayMedia) -> None:
        self.reseeded = output

    def __getattr__(self, name: str) -> object:
        return lambda *args, **kwargs: None


def setting(samples: np.ndarray | None = None) -> Setting:
    output = ArrayMedia(FRAMES, Fraction(25), samples)
    facts = TrialFacts("t", "s", "happy")
    scene = Scene(facts, {"output": output, "source": output}, output, Nothing(output), seed=1)
    return Setting(scene, eyes=20.0)


def test_what_cannot_be_made_of_a_scene_is_not_made() -> None:
    made = {name for name, item in CATALOGUE.items() if item.stage(setting(), 1.0) is not None}
    assert made == {"blur", "jpeg", "noise", "colour", "frame-drop", "freeze", "late-picture"}
    with_sound = setting(np.ones(16000, np.float32))
    assert CATALOGUE["audio-late"].stage(with_sound, 1.0) is not None


def test_blur_is_measured_by_the_face() -> None:
    sides = CATALOGUE["blur"].stage(setting(), 0.1)
    assert sides is not None
    np.testing.assert_array_equal(sides["output"].frames, blur(FRAMES, 2.0))
    np.testing.assert_array_equal(sides["source"].frames, FRAMES)


def test_sound_is_moved_by_frames() -> None:
    given = setting(np.arange(16000, dtype=np.float32))
    for name, sign in (("audio-late", 1), ("audio-early", -1)):
        sides = CATALOGUE[name].stage(given, 5.0)
        assert sides is not None
        expected = late_sound(np.arange(16000, dtype=np.float32), sign * 0.2, 16000)
        np.testing.assert_array_equal(sides["output"].samples, expected)


def test_floors_keep_the_clip_to_within_grain() -> None:
    for floor in FLOORS.values():
        assert floor(setting())["output"].frames.shape == FRAMES.shape

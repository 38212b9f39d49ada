"""What each metric reads of one trial: known answers, frame maps, missing faces, missing clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spfem_bench.testing import Known, fake_observation
from spfem_metrics import (
    ClipFeatures,
    DefinitionError,
    InputError,
    Metric,
    Observation,
    Reading,
    Side,
    Unscored,
)
from spfem_metrics.metrics import (
    PSNR,
    SSIM,
    EmotionAccuracy,
    ExpressionSimilarity,
    Flicker,
    GazeDrift,
    HeadPoseDrift,
    IdentitySimilarity,
    MouthCorrelation,
    MouthDistance,
    MouthLag,
    frechet_identity,
    kid_identity,
)

ALL: tuple[Metric, ...] = (
    IdentitySimilarity(),
    EmotionAccuracy(),
    ExpressionSimilarity(),
    ExpressionSimilarity("truth", "all"),
    MouthCorrelation(),
    MouthLag(),
    MouthDistance(),
    MouthDistance("shape"),
    Flicker(),
    HeadPoseDrift(),
    GazeDrift(),
    frechet_identity(),
    kid_identity(),
    SSIM(),
    PSNR(),
)
PAIRED_WITH_SOURCE = (IdentitySimilarity(), MouthDistance(), Flicker(), HeadPoseDrift(), GazeDrift())


def name_of(metric: Metric) -> str:
    return metric.info.name


def reading(metric: Metric, observation: Observation) -> Reading:
    outcome = metric.observe(observation)
    assert isinstance(outcome, Reading), outcome
    return outcome


def value(metric: Metric, known: Known, **more: Any) -> float:
    number = reading(metric, fake_observation(known=known, **more)).value
    assert number is not None
    return number


def edited(
    observation: Observation, side: Side, change: Callable[[str, np.ndarray], np.ndarray], **more: Any
) -> Observation:
    """The observation with every array of one side changed."""
    clip = observation.sides[side]
    arrays = {
        extractor: {name: change(name, array) for name, array in own.items()}
        for extractor, own in clip.arrays.items()
    }
    return replace(observation, sides={**observation.sides, side: replace(clip, arrays=arrays, **more)})


def resampled(observation: Observation, frames: np.ndarray) -> Observation:
    """The output reduced to these source frames, which its frame map names, at their times."""
    times = observation.sides["source"].times[frames]
    cut = edited(observation, "output", lambda _, array: array[frames], times=times - times[0])
    return replace(cut, frame_map=frames)


@pytest.mark.parametrize("metric", ALL, ids=name_of)
def test_every_metric_fits_the_contract_and_signs_each_choice(metric):
    assert isinstance(metric, Metric)
    line = metric.signature({need.extractor: f"def-{need.extractor}" for need in metric.info.needs}).line
    assert line.startswith(f"{metric.info.name}|v{metric.info.version}|")
    assert "miss:exclude" in line
    assert all(f"{need.extractor}:def-{need.extractor}" in line for need in metric.info.needs)
    with pytest.raises(DefinitionError, match=metric.info.name):
        metric.signature({})


def test_no_two_metrics_share_a_name_or_a_signature():
    lines = {m.signature({n.extractor: "d" for n in m.info.needs}).line for m in ALL}
    assert len(lines) == len({m.info.name for m in ALL}) == len(ALL)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (IdentitySimilarity(), 1.0),
        (MouthCorrelation(), 1.0),
        (MouthLag(), 0.0),
        (MouthDistance(), 0.0),
        (Flicker(), 0.0),
        (HeadPoseDrift(), 0.0),
        (GazeDrift(), 0.0),
    ],
    ids=lambda part: part.info.name if hasattr(part, "info") else "",
)
def test_a_copy_of_the_source_has_the_best_value(metric, expected):
    observation = fake_observation()
    copy = replace(observation, sides={**observation.sides, "output": observation.sides["source"]})
    assert reading(metric, copy).value == pytest.approx(expected, abs=1e-6)


def test_identity_is_the_cosine_to_the_frame_it_stands_for():
    assert value(IdentitySimilarity(), Known(identity=0.63)) == pytest.approx(0.63, abs=1e-5)


def test_emotion_is_a_hit_or_a_miss_with_the_probability_beside_it():
    hit = reading(EmotionAccuracy(), fake_observation(emotion="sad"))
    miss = reading(EmotionAccuracy(), fake_observation(emotion="sad", known=Known(shown="happy")))
    assert (hit.value, hit.parts["probability"]) == (1.0, pytest.approx(0.9, abs=1e-6))
    assert (miss.value, miss.parts["probability"]) == (0.0, pytest.approx(0.1 / 6, abs=1e-6))


def test_emotion_votes_by_mean_probability_not_by_frames():
    # three frames lean to neutral by a little, one to happy by a lot: the mean is happy
    rows = np.array([[0.5, 0, 0, 0, 0.4, 0.1, 0]] * 3 + [[0, 0, 0, 0, 1.0, 0, 0]], np.float32)
    observation = edited(
        fake_observation(frames=4), "output", lambda name, array: rows if name == "probabilities" else array
    )
    assert reading(EmotionAccuracy(), observation).value == 1.0


def test_a_label_the_classifier_lacks_is_not_scored():
    observation = fake_observation()
    contempt = replace(observation, trial=replace(observation.trial, emotion="contempt"))
    outcome = EmotionAccuracy().observe(contempt)
    assert outcome == Unscored("the classifier has no class for 'contempt'")


def test_expression_is_nearer_to_a_clip_of_the_same_emotion():
    metric = ExpressionSimilarity()
    assert value(metric, Known()) > value(metric, Known(shown="angry")) + 0.1


def test_words_do_not_count_as_expression():
    from spfem_metrics.faces.mediapipe import BLENDSHAPES
    from spfem_metrics.metrics.expression import SPEECH_COEFFICIENTS

    assert set(SPEECH_COEFFICIENTS) < set(BLENDSHAPES)
    talking = np.array([name in SPEECH_COEFFICIENTS for name in BLENDSHAPES])

    def speak(name: str, array: np.ndarray) -> np.ndarray:
        return np.where(talking, 0.9, array) if name == "coefficients" else array

    plain = fake_observation()
    loud = edited(plain, "output", speak)
    assert reading(ExpressionSimilarity(), loud) == reading(ExpressionSimilarity(), plain)
    both = [reading(ExpressionSimilarity(columns="all"), each).value for each in (loud, plain)]
    assert both[0] < both[1]


def test_coefficients_of_another_face_model_are_refused_not_cut():
    def narrow(name: str, array: np.ndarray) -> np.ndarray:
        return array[:, :9] if name == "coefficients" else array

    observation = edited(edited(fake_observation(), "output", narrow), "reference", narrow)
    with pytest.raises(InputError, match="9 coefficients"):
        ExpressionSimilarity().observe(observation)
    assert isinstance(ExpressionSimilarity(columns="all").observe(observation), Reading)


@pytest.mark.parametrize("lag", [1, 5, 10])
def test_a_late_mouth_is_late_by_its_frames(lag):
    observation = fake_observation(frames=80, known=Known(lag=lag))
    late = reading(MouthLag(), observation)
    assert late.value == pytest.approx(lag / 25, abs=0.011)
    assert late.parts["lag"] > 0
    on_time = reading(MouthCorrelation(), fake_observation(frames=80)).value
    assert reading(MouthCorrelation(), observation).value < on_time


def test_an_early_mouth_has_the_same_lag_with_the_other_sign():
    early = resampled(fake_observation(frames=80), np.arange(10, 80))
    claimed = replace(early, frame_map=np.arange(70))
    found = reading(MouthLag(), claimed)
    assert found.value == pytest.approx(0.4, abs=0.011)
    assert found.parts["lag"] < 0


def test_a_frozen_mouth_follows_nothing():
    def freeze(name: str, array: np.ndarray) -> np.ndarray:
        return np.repeat(array[:1], len(array), axis=0) if name.startswith("mouth") else array

    frozen = edited(fake_observation(), "output", freeze)
    assert reading(MouthCorrelation(), frozen).value == 0.0
    outcome = MouthLag().observe(frozen)
    assert isinstance(outcome, Unscored)
    assert "at no lag" in outcome.reason


def test_a_source_that_does_not_speak_cannot_be_kept():
    def freeze(name: str, array: np.ndarray) -> np.ndarray:
        return np.repeat(array[:1], len(array), axis=0) if name.startswith("mouth") else array

    observation = edited(fake_observation(), "source", freeze)
    for metric in (MouthCorrelation(), MouthLag()):
        assert metric.observe(observation) == Unscored("the source's mouth does not move")


def test_a_width_that_does_not_move_is_left_out():
    def narrow(name: str, array: np.ndarray) -> np.ndarray:
        return np.full_like(array, 0.8) if name == "mouth_width" else array

    observation = fake_observation(known=Known(mouth_noise=0.02))
    opening = reading(MouthCorrelation(), observation).parts["opening"]
    alone = reading(MouthCorrelation(), edited(observation, "source", narrow))
    assert alone.value == pytest.approx(opening, rel=1e-12)
    assert "width" not in alone.parts


@pytest.mark.parametrize("metric", [MouthCorrelation(), MouthDistance(), MouthDistance("shape")], ids=name_of)
def test_a_noisier_mouth_scores_worse(metric):
    sign = 1 if metric.info.direction == "lower" else -1
    values = [sign * value(metric, Known(mouth_noise=noise)) for noise in (0.0, 0.02, 0.05, 0.2)]
    assert values == sorted(values)
    assert values[0] < values[-1]


@pytest.mark.parametrize(
    ("metric", "known"),
    [
        (IdentitySimilarity(), Known(identity=0.5)),
        (MouthCorrelation(), Known()),
        (MouthLag(), Known(lag=4)),
        (MouthDistance(), Known()),
        (HeadPoseDrift(), Known(pose=3.0)),
        (GazeDrift(), Known(gaze=0.1)),
    ],
    ids=lambda part: part.info.name if hasattr(part, "info") else "",
)
def test_an_output_of_another_rate_scores_alike_through_its_frame_map(metric, known):
    full = fake_observation(frames=100, known=known)
    thin = resampled(full, np.arange(0, 100, 2))
    begun_late = resampled(full, np.arange(20, 100))
    expected = reading(metric, full).value
    assert reading(metric, thin).value == pytest.approx(expected, abs=0.03)
    assert reading(metric, begun_late).value == pytest.approx(expected, abs=0.03)


def test_a_slowed_output_is_seen_to_drift_though_its_frames_correspond():
    observation = fake_observation(frames=100)
    slow = edited(
        observation, "output", lambda _, array: array, times=observation.sides["output"].times * 1.25
    )
    assert reading(MouthCorrelation(), slow).value < 0.5
    assert reading(MouthDistance(), slow).value == reading(MouthDistance(), observation).value


@pytest.mark.parametrize(
    ("metric", "known", "expected"),
    [
        (HeadPoseDrift(), Known(pose=7.0), 7.0),
        (GazeDrift(), Known(gaze=-0.2), 0.2),
        (Flicker(), Known(flicker=3.5), 2.5),
        (Flicker(), Known(flicker=0.0), -1.0),
        (SSIM(), Known(ssim=0.77), 0.77),
        (PSNR(), Known(psnr=31.0), 31.0),
    ],
)
def test_drifts_and_picture_measures_have_the_values_put_in(metric, known, expected):
    assert value(metric, known) == pytest.approx(expected, abs=1e-5)


def test_flicker_across_frame_rates_is_not_scored():
    observation = fake_observation()
    faster = edited(observation, "output", lambda _, array: array, fps=30.0)
    outcome = Flicker().observe(faster)
    assert isinstance(outcome, Unscored)
    assert "frame rate" in outcome.reason


@pytest.mark.parametrize("metric", [m for m in ALL if m.info.name not in ("ssim", "psnr")], ids=name_of)
def test_too_few_faces_are_counted_in_the_reason(metric):
    outcome = metric.observe(fake_observation(known=Known(found=0.3)))
    assert outcome == Unscored("face found in 15 of 50 output frames whose source shows it (30%), 90% needed")
    none = metric.observe(fake_observation(known=Known(found=0.0)))
    assert none == Unscored("no face in any of the 50 output frames")
    few = reading(metric, fake_observation(known=Known(found=0.92)))
    assert few.parts["frames_missed"] == 4
    assert few.parts["frames"] == (32 if metric.info.of_sets else 46)


FACES = [m for m in ALL if m.info.name not in ("ssim", "psnr")]


def hide(first: int, last: int) -> Callable[[str, np.ndarray], np.ndarray]:
    """A change that takes the face from some frames."""

    def change(_: str, array: np.ndarray) -> np.ndarray:
        hidden = array.copy()
        hidden[first:last] = 0
        return hidden

    return change


@pytest.mark.parametrize("metric", FACES, ids=name_of)
def test_frames_ruined_beyond_detection_do_not_flatter(metric):
    """Half of the frames lost is no score at all, where half of them wrong would be half a score."""
    outcome = metric.observe(edited(fake_observation(), "output", hide(25, 50)))
    assert isinstance(outcome, Unscored)
    assert "25 of 50 output frames whose source shows it (50%), 90% needed" in outcome.reason


@pytest.mark.parametrize("metric", FACES, ids=name_of)
def test_frames_in_which_the_source_has_no_face_ask_nothing_of_the_output(metric):
    turned = edited(edited(fake_observation(frames=90), "source", hide(50, 90)), "output", hide(50, 90))
    found = reading(metric, turned)
    assert found.parts["frames_missed"] == 0
    mostly = edited(fake_observation(), "source", hide(20, 50))
    assert metric.observe(mostly) == Unscored("face found in 20 of 50 source frames (40%), 50% needed")


@pytest.mark.parametrize("metric", [frechet_identity(), kid_identity()], ids=name_of)
def test_a_real_clip_is_judged_by_itself(metric):
    half = reading(metric, fake_observation(side="real", known=Known(found=0.5)))
    assert half.parts == {"frames": 25, "frames_missed": 0}
    outcome = metric.observe(fake_observation(side="real", known=Known(found=0.4)))
    assert outcome == Unscored("face found in 20 of 50 output frames (40%), 50% needed")


def test_the_signature_says_how_many_faces_are_needed():
    for metric in FACES:
        line = metric.signature({need.extractor: "d" for need in metric.info.needs}).line
        assert "faces-min:output0.9-of-source,other0.5" in line


@pytest.mark.parametrize(
    ("value", "parts", "matrix"),
    [
        (float("nan"), {}, None),
        (float("inf"), {}, None),
        (1.0, {"lag": float("nan")}, None),
        (None, {}, np.array([[0.0, np.nan]], np.float32)),
    ],
)
def test_a_reading_that_is_not_finite_is_refused(value, parts, matrix):
    with pytest.raises(InputError, match="not finite"):
        Reading(value, parts, matrix)


@pytest.mark.parametrize("metric", FACES, ids=name_of)
def test_an_output_made_only_of_faceless_source_frames_is_not_compared(metric):
    observation = edited(fake_observation(frames=60), "source", hide(35, 60))
    end = np.arange(35, 60)
    late = replace(resampled(observation, end), frame_map=end)
    outcome = metric.observe(late)
    assert outcome == Unscored("none of the 25 output frames stands for a source frame with a face")


@pytest.mark.parametrize(
    ("metric", "side", "reason"),
    [
        (ExpressionSimilarity(), "reference", "no reference clip"),
        (ExpressionSimilarity("truth"), "truth", "no true pair"),
        (IdentitySimilarity(), "source", "no source clip"),
        (MouthCorrelation(), "source", "no source clip"),
    ],
)
def test_a_clip_the_trial_lacks_is_named(metric, side, reason):
    observation = fake_observation()
    sides: Mapping[Side, ClipFeatures] = {k: v for k, v in observation.sides.items() if k != side}
    assert metric.observe(replace(observation, sides=sides)) == Unscored(reason)


@pytest.mark.parametrize("metric", [SSIM(), PSNR()], ids=name_of)
def test_no_true_pair_no_picture_measure(metric):
    assert metric.observe(replace(fake_observation(), pairs={})) == Unscored("no true pair")


def test_too_short_a_clip_has_no_mouth_correlation():
    outcome = MouthCorrelation().observe(fake_observation(frames=20))
    assert isinstance(outcome, Unscored)
    assert "1.0 s needed" in outcome.reason


@pytest.mark.parametrize("metric", [*PAIRED_WITH_SOURCE, MouthCorrelation()], ids=name_of)
def test_a_frame_map_that_does_not_fit_is_an_error_not_a_number(metric):
    observation = fake_observation()
    with pytest.raises(InputError, match="frame map"):
        metric.observe(replace(observation, frame_map=np.arange(49)))
    with pytest.raises(InputError, match="outside"):
        metric.observe(replace(observation, frame_map=np.arange(1, 51)))


@pytest.mark.parametrize(
    "build",
    [
        lambda: MouthDistance("area"),
        lambda: ExpressionSimilarity("source"),
        lambda: ExpressionSimilarity(columns="some"),
        lambda: frechet_identity(frames=0),
    ],
)
def test_options_that_mean_nothing_are_refused(build):
    with pytest.raises(DefinitionError):
        build()

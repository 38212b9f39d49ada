"""The metrics of rendered faces: lip-sync, landmarks, perceptual distance, text, sets of pictures, units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from spfem_bench.synthetic import captions
from spfem_bench.synthetic.face import units as muscles
from spfem_bench.testing import Known, check_metric, fake_observation
from spfem_bench.testing.fake_networks import FakeTexts, said, seeded
from spfem_metrics import DefinitionError, Metric, Observation, Reading, Row, Scored, Unscored
from spfem_metrics.functional import frechet_distance, kernel_distance
from spfem_metrics.metrics import (
    ExpressionSimilarity,
    GazeDrift,
    LandmarkDistance,
    PerceptualDistance,
    SyncConfidence,
    SyncDistance,
    SyncOffset,
    TextAlignment,
    frechet_perceptual,
    kid_perceptual,
)
from spfem_metrics.metrics.expression import UNITS
from spfem_metrics.metrics.text import CAPTIONS

TEXTS = FakeTexts(strange=("zygomatic",))
SYNC: tuple[Metric, ...] = (
    SyncDistance(),
    SyncDistance("zero"),
    SyncConfidence(),
    SyncConfidence("zero"),
    SyncOffset(),
)
ALL: tuple[Metric, ...] = (
    *SYNC,
    LandmarkDistance(),
    LandmarkDistance("nothing"),
    PerceptualDistance(),
    TextAlignment(TEXTS),
    TextAlignment(TEXTS, "margin"),
    ExpressionSimilarity(columns="units"),
    ExpressionSimilarity("truth", "units"),
    frechet_perceptual(),
    kid_perceptual(),
)
GOOD = Known(landmarks=0.2, perceptual=0.1)
BAD = Known(lag=4, lipsync=0.3, shown="angry", landmarks=3.0, perceptual=0.8)


def name_of(metric: Metric) -> str:
    return metric.info.name


def reading(metric: Metric, observation: Observation) -> Reading:
    outcome = metric.observe(observation)
    assert isinstance(outcome, Reading), outcome
    return outcome


def with_arrays(observation: Observation, extractor: str, **arrays: np.ndarray) -> Observation:
    """The observation with some of one extractor's output arrays replaced."""
    clip = observation.sides["output"]
    changed = replace(clip, arrays={**clip.arrays, extractor: {**clip[extractor], **arrays}})
    return replace(observation, sides={**observation.sides, "output": changed})


def spoilt(observation: Observation) -> Observation:
    return fake_observation(observation.trial.id, speaker=observation.trial.speaker, known=BAD)


@pytest.mark.parametrize("metric", ALL, ids=name_of)
def test_every_metric_keeps_the_rules_and_falls_with_a_worse_output(metric: Metric) -> None:
    trials = [fake_observation(f"t{i}", speaker=f"S{i % 3}", known=GOOD) for i in range(8)]
    reals = [fake_observation(f"r{i}", speaker=f"S{i % 3}", side="real") for i in range(6)]
    score = check_metric(metric, trials, degrade=spoilt, reals=reals if metric.info.of_sets else ())
    assert isinstance(score.outcome, Scored)


def test_no_two_metrics_share_a_name_or_a_signature() -> None:
    lines = {m.signature({n.extractor: "d" for n in m.info.needs}).line for m in ALL}
    assert len(lines) == len({m.info.name for m in ALL}) == len({m.info.label for m in ALL}) == len(ALL)


# --- lip-sync


@pytest.mark.parametrize("lag", [-10, -2, 0, 1, 7, 15])
def test_late_lips_are_found_with_their_sign(lag: int) -> None:
    found = reading(SyncOffset(), fake_observation(frames=90, known=Known(lag=lag)))
    assert (found.value, found.parts["offset"]) == (abs(lag), lag)


def test_lse_at_the_best_offset_is_blind_to_a_shift_that_the_form_at_zero_sees() -> None:
    """The search of SyncNet, which hides up to 15 frames; the reason why both forms are in the suite."""
    on_time, late = (fake_observation(frames=120, known=Known(lag=lag)) for lag in (0, 6))
    forms = [(SyncDistance(), SyncDistance("zero")), (SyncConfidence(), SyncConfidence("zero"))]
    for searched, as_is in forms:
        best = [reading(searched, o).value or 0.0 for o in (on_time, late)]
        assert best[1] == pytest.approx(best[0], rel=0.1)
        zero = [reading(as_is, o).value or 0.0 for o in (on_time, late)]
        assert zero[0] == best[0]
        assert abs(zero[1] - zero[0]) > 0.5


@pytest.mark.parametrize("at", ["best", "zero"])
def test_lips_that_say_something_else_are_farther_from_their_sound(at: str) -> None:
    makers: list[Callable[[str], Metric]] = [SyncDistance, SyncConfidence]
    for make, sign in zip(makers, (1, -1), strict=True):
        values = [
            sign * (reading(make(at), fake_observation(known=Known(lipsync=c))).value or 0.0)
            for c in (0.95, 0.7, 0.4)
        ]
        assert values == sorted(values)


def test_the_distance_of_embeddings_at_a_known_cosine_has_a_closed_form() -> None:
    found = reading(SyncDistance(), fake_observation(known=Known(lipsync=0.8)))
    assert found.value == pytest.approx(np.sqrt(2 - 1.6), abs=1e-6)
    assert found.parts["distance"] == found.value
    assert found.parts["frames"] == 50
    # unrelated unit vectors lie sqrt(2) apart
    assert found.parts["confidence"] == pytest.approx(np.sqrt(2) - np.sqrt(0.4), abs=0.03)
    assert found.parts["framewise_low"] == pytest.approx(found.parts["confidence"], abs=1e-6)


@pytest.mark.parametrize("metric", SYNC, ids=name_of)
def test_what_lip_sync_cannot_read_is_unscored_with_the_reason(metric: Metric) -> None:
    observation = fake_observation()
    none = np.zeros(50, bool)
    assert metric.observe(with_arrays(observation, "sync", audio_valid=none)) == Unscored(
        "the output has no sound that the lip-sync network could read"
    )
    assert metric.observe(with_arrays(observation, "sync", video_valid=none)) == Unscored(
        "the output has no run of frames in which the lip-sync network could read the mouth"
    )
    assert metric.observe(fake_observation(frames=24)) == Unscored(
        "9 windows left to compare at a shift of 15 frames, 10 needed"
    )
    assert isinstance(metric.observe(fake_observation(frames=25)), Reading)


def test_rows_that_are_not_valid_move_nothing() -> None:
    observation = fake_observation(frames=60)
    valid = np.ones(60, bool)
    valid[20:24] = False
    read = observation.sides["output"]["sync"]
    dirty = np.where(valid[:, None], np.asarray(read["video"]), np.float32(50))
    clean = with_arrays(observation, "sync", video_valid=valid)
    spoilt_rows = with_arrays(observation, "sync", video=dirty, video_valid=valid)
    assert reading(SyncConfidence(), clean) == reading(SyncConfidence(), spoilt_rows)


def test_every_choice_of_the_protocol_is_signed() -> None:
    line = SyncConfidence().signature({"sync": "net@1", "faces": "f"}).line
    for choice in ("norm:euclidean", "eps:0", "ends:paired", "reach:15frames", "at:best", "pairs-min:10"):
        assert f"|{choice}" in line


# --- landmarks and pictures


def test_landmark_distance_has_the_value_put_in() -> None:
    observation = fake_observation()
    landmarks = np.asarray(observation.sides["truth"]["faces"]["landmarks"])
    moved = landmarks.copy()
    moved[:, 48:68] += np.float32([3.0, 4.0])
    found = reading(LandmarkDistance("nothing"), with_arrays(observation, "faces", landmarks=moved))
    # 5 px over 40 px between the eyes, for 20 of 68 landmarks
    assert found.value == pytest.approx(20 / 68 * 0.125, rel=1e-5)
    assert found.parts["mouth"] == pytest.approx(0.125, rel=1e-5)
    assert [found.parts[name] for name in ("jaw", "brows", "nose", "eyes")] == [0, 0, 0, 0]
    whole = with_arrays(observation, "faces", landmarks=landmarks + np.float32([3.0, 4.0]))
    assert reading(LandmarkDistance("nothing"), whole).value == pytest.approx(0.125, rel=1e-5)
    assert reading(LandmarkDistance(), whole).value == pytest.approx(0, abs=1e-6)


def test_landmarks_are_compared_where_the_truth_map_says() -> None:
    observation = fake_observation(frames=40, known=Known(landmarks=2.0))
    landmarks = np.asarray(observation.sides["output"]["faces"]["landmarks"])
    truth = observation.sides["truth"]
    late = replace(
        truth,
        arrays={**truth.arrays, "faces": {**truth["faces"], "landmarks": np.roll(landmarks, 3, axis=0)}},
    )
    shifted = replace(observation, sides={**observation.sides, "truth": late})
    frames = np.arange(37)
    matched = replace(shifted, truth_map=np.stack([frames, frames + 3], axis=1))
    assert reading(LandmarkDistance("nothing"), matched).value == 0
    assert (reading(LandmarkDistance("nothing"), shifted).value or 0) > 0.01
    none = replace(observation, truth_map=np.zeros((0, 2), np.int64))
    assert isinstance(LandmarkDistance().observe(none), Unscored)


def test_perceptual_distance_is_the_mean_over_frames_and_needs_a_true_pair() -> None:
    observation = fake_observation()
    pairs = {("truth", "perceptual-distance"): {"distance": np.array([0.1, 0.3, 0.5])}}
    found = reading(PerceptualDistance(), replace(observation, pairs=pairs))
    assert (found.value, found.parts) == (pytest.approx(0.3), {"frames": 3})
    assert PerceptualDistance().observe(replace(observation, pairs={})) == Unscored("no true pair")


def test_sets_of_pictures_count_every_frame_and_name_their_kernel() -> None:
    ruined = fake_observation(known=Known(found=0.0))
    assert reading(frechet_perceptual(frames=10), ruined).parts == {"frames": 10}
    line = kid_perceptual().signature({"perceptual": "p"}).line
    assert "kernel:(x.y/D+1)^3" in line
    assert "faces-min" not in line


@pytest.mark.parametrize(
    ("make", "distance"),
    [(frechet_perceptual, frechet_distance), (kid_perceptual, kernel_distance)],
)
def test_with_equal_numbers_the_score_is_the_plain_distance_of_the_pools(make, distance) -> None:
    metric = make(frames=20)
    trials = [fake_observation(f"g{i}", known=Known(perceptual=0.3)) for i in range(3)]
    reals = [fake_observation(f"r{i}", side="real") for i in range(3)]
    rows = [Row(o.trial, metric.observe(o)) for o in [*trials, *reals]]
    pools = [np.vstack([r.outcome.matrix for r in rows if r.trial.side == s]) for s in ("generated", "real")]
    assert metric.reduce(rows).outcome.value == pytest.approx(distance(*pools), rel=1e-9)


# --- text


def prompted(text: str | None, emotion: str = "happy", known: Known | None = None) -> Observation:
    observation = fake_observation(emotion=emotion, known=known)
    return replace(observation, trial=replace(observation.trial, text=text))


def test_a_label_is_weighed_by_its_captions_and_their_margin() -> None:
    found = reading(TextAlignment(TEXTS), prompted(None, known=Known(shows=0.8)))
    assert found.value == pytest.approx(0.8, abs=1e-6)
    assert found.parts["prompted"] == 0
    assert found.parts["margin"] > 0.4
    assert reading(TextAlignment(TEXTS, "margin"), prompted(None)).value == found.parts["margin"]
    wrong = reading(TextAlignment(TEXTS, "margin"), prompted(None, known=Known(shown="sad", shows=0.8)))
    assert wrong.value == wrong.parts["margin"] < -0.4


def test_a_prompt_is_taken_as_it_stands() -> None:
    text = "a broad smile"
    observation = prompted(text)
    embedding = np.tile(0.6 * said(text) + 0.8 * _aside(text), (50, 1))
    found = reading(TextAlignment(TEXTS), with_arrays(observation, "text", embedding=embedding))
    assert found.value == pytest.approx(0.6, abs=1e-6)
    assert found.parts["prompted"] == 1


def _aside(text: str) -> np.ndarray:
    """A unit vector at a right angle to a text's."""
    direction = said(text).astype(float)
    other = seeded("aside").normal(size=len(direction))
    other -= (other @ direction) * direction
    return other / np.linalg.norm(other)


@pytest.mark.parametrize(
    ("text", "emotion", "reason"),
    [
        ("a zygomatic grin", "happy", "the text network does not know: zygomatic"),
        ("  ", "happy", "the trial's prompt is empty"),
        (None, "contempt", "there is no caption for 'contempt'"),
    ],
)
def test_a_prompt_that_cannot_be_read_is_unscored_with_the_reason(text, emotion, reason) -> None:
    observation = prompted(text)
    asked = replace(observation, trial=replace(observation.trial, emotion=emotion))
    assert TextAlignment(TEXTS).observe(asked) == Unscored(reason)


def test_frames_that_the_image_network_did_not_read_do_not_count() -> None:
    observation = prompted(None)
    valid = np.ones(50, bool)
    valid[:10] = False
    dirty = np.asarray(observation.sides["output"]["text"]["embedding"]).copy()
    dirty[:10] = 0
    some = with_arrays(observation, "text", embedding=dirty, valid=valid)
    assert reading(TextAlignment(TEXTS), some).parts["frames"] == 40
    none = with_arrays(observation, "text", valid=np.zeros(50, bool))
    assert isinstance(TextAlignment(TEXTS).observe(none), Unscored)


def test_the_signature_names_the_network_and_the_captions() -> None:
    definitions = {"text": "t", "faces": "f"}
    line = TextAlignment(TEXTS).signature(definitions).line
    assert "words:fake-texts@1" in line
    assert "captions:7x-mean@" in line
    fewer = {**CAPTIONS, "sad": ("a sad face",)}
    assert TextAlignment(TEXTS, captions=fewer).signature(definitions).line != line


def test_captions_are_those_of_the_synthetic_dataset_and_in_its_words() -> None:
    assert {e: set(own) for e, own in CAPTIONS.items()} == {
        e: set(own) for e, own in captions.PROMPTS.items()
    }
    words = {word for own in CAPTIONS.values() for text in own for word in text.split()}
    assert words <= set(captions.vocabulary())


# --- units


def test_units_are_in_the_datasets_order_and_those_of_speech_do_not_count() -> None:
    assert UNITS == muscles.UNITS
    observation = fake_observation()
    metric = ExpressionSimilarity(columns="units")
    assert reading(metric, observation).value == pytest.approx(1, abs=1e-6)
    units = np.asarray(observation.sides["output"]["emotion"]["units"])
    speaking, smiling = units.copy(), units.copy()
    speaking[:, [UNITS.index(name) for name in ("AU18", "AU25", "AU26")]] += 2
    smiling[:, UNITS.index("AU12")] += 2
    same = reading(metric, with_arrays(observation, "emotion", units=speaking)).value
    assert same == reading(metric, observation).value
    assert (reading(metric, with_arrays(observation, "emotion", units=smiling)).value or 1) < 0.9
    none = with_arrays(observation, "emotion", valid=np.zeros(50, bool))
    assert metric.observe(none) == Unscored("no action units read in the output clip")


@pytest.mark.parametrize(
    "build",
    [
        lambda: SyncDistance("nearest"),
        lambda: SyncConfidence("nearest"),
        lambda: LandmarkDistance("pose"),
        lambda: GazeDrift("degrees"),
        lambda: ExpressionSimilarity(columns="muscles"),
        lambda: frechet_perceptual(frames=0),
        lambda: kid_perceptual(frames=0),
        lambda: TextAlignment(TEXTS, "rank"),
        lambda: TextAlignment(TEXTS, captions={"sad": ("a sad face",)}),
    ],
)
def test_options_that_mean_nothing_are_refused(build) -> None:
    with pytest.raises(DefinitionError):
        build()

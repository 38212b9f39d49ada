"""Emotion accuracy by any classifier: votes, names, labels, and the ceiling on real clips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spfem_bench.testing import Known, check_metric, fake_observation
from spfem_metrics import (
    DefinitionError,
    Failed,
    InputError,
    Metric,
    Observation,
    Reading,
    Row,
    Scored,
    TrialFacts,
    Unscored,
)
from spfem_metrics.labels import EMOTIONS, SEVEN
from spfem_metrics.metrics.emotion import EmotionAccuracy, EmotionGap

VOTES = ["mean-probability", "majority", "frames"]
HAPPY = SEVEN.index("happy")
ALL: list[Metric] = [kind(vote=vote) for kind in (EmotionAccuracy, EmotionGap) for vote in VOTES]


def name_of(metric: Metric) -> str:
    return metric.info.name


def given(rows: list[list[float]], extractor: str = "emotion", **facts: str) -> Observation:
    """A clip of which a classifier says this, frame by frame."""
    observation = fake_observation(frames=len(rows))
    array = np.array(rows, np.float32)
    read = {"probabilities": array, "valid": np.ones(len(rows), bool)}
    sides = {
        side: replace(clip, arrays={**clip.arrays, extractor: read})
        for side, clip in observation.sides.items()
    }
    return replace(observation, sides=sides, trial=replace(observation.trial, **facts))


def one(label: str, share: float = 1.0, labels: tuple[str, ...] = SEVEN) -> list[float]:
    row = np.full(len(labels), (1 - share) / (len(labels) - 1))
    row[labels.index(label)] = share
    return list(row)


def value(metric: Metric, observation: Observation) -> float:
    outcome = metric.observe(observation)
    assert isinstance(outcome, Reading), outcome
    return outcome.parts["right"] if outcome.value is None else outcome.value


@pytest.mark.parametrize("metric", ALL, ids=name_of)
def test_every_form_keeps_the_rules_and_falls_with_a_wrong_emotion(metric: Metric) -> None:
    trials = [fake_observation(f"t{i}", speaker=f"S{i % 3}") for i in range(6)]
    reals = [fake_observation(f"r{i}", speaker=f"S{i % 3}", side="real") for i in range(4)]

    def wrong(observation: Observation) -> Observation:
        return fake_observation(
            observation.trial.id, speaker=observation.trial.speaker, known=Known(shown="sad")
        )

    score = check_metric(metric, trials, degrade=wrong, reals=reals if metric.info.of_sets else ())
    assert score.outcome == Scored(0.0 if metric.info.of_sets else 1.0)


def test_the_metric_of_the_first_suites_has_not_moved() -> None:
    line = EmotionAccuracy().signature({"emotion": "net", "faces": "mesh"}).line
    assert line == (
        "emotion-accuracy|v2|emotion:net|faces:mesh|vote:mean-probability|classes:7|"
        "faces-min:output0.9-of-source,other0.5|miss:exclude"
    )
    assert EmotionAccuracy().info.label == "Emotion"


def test_classifiers_votes_and_labels_are_metrics_of_their_own() -> None:
    made = [
        kind(extractor=extractor, vote=vote)
        for kind in (EmotionAccuracy, EmotionGap)
        for extractor in ("emotion", "emotion-clip", "emotion-hsemotion")
        for vote in VOTES
    ]
    names = [metric.info.name for metric in made]
    assert len(set(names)) == len({metric.info.label for metric in made}) == len(made)
    assert {"emotion-accuracy-hsemotion", "emotion-accuracy-frames-clip", "emotion-gap-clip"} <= set(names)
    eight, few = EmotionAccuracy(labels=EMOTIONS), EmotionAccuracy(labels=("happy", "sad"))
    lines = [m.signature({"emotion": "net", "faces": "mesh"}).line for m in (eight, few)]
    assert "|classes:8|" in lines[0]
    assert "|classes:happy/sad|" in lines[1]


def test_votes_differ_where_frames_disagree() -> None:
    """Two frames of five are happy for sure, three lean to sad by a hair."""
    clip = given([one("happy")] * 2 + [one("sad", 0.4)] * 3)
    assert value(EmotionAccuracy(vote="mean-probability"), clip) == 1
    assert value(EmotionAccuracy(vote="majority"), clip) == 0
    assert value(EmotionAccuracy(vote="frames"), clip) == pytest.approx(0.4)


def test_a_tied_majority_goes_to_the_higher_mean_of_the_tied_ones() -> None:
    # fear has the highest mean of all, but no frame answers with it
    lean = [0.0, 0.0, 0.0, 0.45, 0.55, 0.0, 0.0]
    other = [0.0, 0.0, 0.0, 0.48, 0.0, 0.52, 0.0]
    clip = given([lean, other])
    assert value(EmotionAccuracy(vote="majority"), clip) == 1
    assert value(EmotionAccuracy(vote="mean-probability"), clip) == 0
    sad = replace(clip, trial=replace(clip.trial, emotion="sad"))
    assert value(EmotionAccuracy(vote="majority"), sad) == 0


def test_a_suites_extractor_is_the_one_that_is_read() -> None:
    clip = given([one("sad")] * 4, "emotion-clip")
    assert value(EmotionAccuracy(), clip) == 1
    assert value(EmotionAccuracy(extractor="emotion-clip"), clip) == 0


def test_of_a_classifier_that_reads_some_frames_only_those_count() -> None:
    """The face is lost in two frames, one of them nobody asked for."""
    clip = fake_observation(frames=40, known=Known(found=0.95))
    lost = np.flatnonzero(~clip.sides["output"]["faces"]["found"])
    chosen = np.array([0, 7, int(lost[0])])
    assert lost.tolist() == [38, 39]
    arrays = {
        "probabilities": np.array([one("happy"), one("sad"), one("sad", 0.4)], np.float32),
        "valid": np.array([True, True, False]),
        "frame": chosen,
    }
    output = replace(clip.sides["output"], arrays={**clip.sides["output"].arrays, "emotion-clip": arrays})
    seen = replace(clip, sides={**clip.sides, "output": output})
    outcome = EmotionAccuracy(extractor="emotion-clip", vote="frames").observe(seen)
    assert isinstance(outcome, Reading)
    assert outcome.value == 0.5
    assert (outcome.parts["frames"], outcome.parts["frames_missed"]) == (2.0, 1.0)


def test_contempt_is_scored_only_by_a_classifier_that_has_it() -> None:
    clip = given([one("contempt", 0.9, EMOTIONS)] * 4, emotion="contempt")
    assert value(EmotionAccuracy(labels=EMOTIONS), clip) == 1
    assert EmotionAccuracy().observe(clip) == Unscored("the classifier has no class for 'contempt'")


def test_another_number_of_columns_is_an_error_and_never_a_shifted_answer() -> None:
    clip = given([one("happy", 0.9, EMOTIONS)] * 4)
    with pytest.raises(InputError, match="emotion has 8 classes, the metric reads 7: give the metric"):
        EmotionAccuracy().observe(clip)


def test_frames_without_a_face_are_neither_right_nor_wrong_until_they_are_too_many() -> None:
    """A lost frame is counted in the row; a tenth of them lost leaves the trial unscored (coverage)."""
    kept = fake_observation(frames=50, known=Known(found=0.92))
    outcome = EmotionAccuracy(vote="frames").observe(kept)
    assert isinstance(outcome, Reading)
    assert (outcome.value, outcome.parts["frames"], outcome.parts["frames_missed"]) == (1.0, 46.0, 4.0)
    assert isinstance(
        EmotionAccuracy().observe(fake_observation(frames=50, known=Known(found=0.8))), Unscored
    )


@pytest.mark.parametrize(
    "options",
    [
        {"extractor": "identity"},
        {"vote": "median"},
        {"labels": ("happy",)},
        {"labels": ("sad", "happy")},
        {"labels": ("happy", "joyful")},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [EmotionAccuracy, EmotionGap])
def test_impossible_options_are_refused(kind, options) -> None:
    with pytest.raises(DefinitionError):
        kind(**options)


# --- the ceiling


def rows(side: str, right: list[float | None]) -> list[Row]:
    """Rows of clips that were named rightly (1), wrongly (0), or not read (None)."""
    return [
        Row(
            TrialFacts(f"{side}{i:02d}", f"S{i % 4}", "happy", "real" if side == "real" else "generated"),
            Unscored("no face") if hit is None else Reading(None, {"right": hit, "frames": 10.0}),
        )
        for i, hit in enumerate(right)
    ]


def test_the_gap_is_to_the_real_clips_and_prints_them_as_the_ceiling() -> None:
    score = EmotionGap().reduce([*rows("made", [1, 0, 0, 0]), *rows("real", [1, 1, 1, 0, 0, 0, 1])])
    assert isinstance(score.outcome, Scored)
    assert score.outcome.value == pytest.approx(1 / 4 - 4 / 7)
    assert score.notes == ("ceiling: 57% of 7 real clips",)
    assert (score.scored, score.total, score.half_width) == (4, 4, None)


def test_better_than_real_clips_is_visible() -> None:
    score = EmotionGap().reduce([*rows("made", [1, 1]), *rows("real", [1, 0])])
    assert score.outcome == Scored(0.5)


def test_real_clips_that_could_not_be_read_are_counted() -> None:
    score = EmotionGap().reduce([*rows("made", [1]), *rows("real", [1, None, None])])
    assert score.notes == ("ceiling: 100% of 1 real clips (2 of 3 could not be read)",)


@pytest.mark.parametrize(
    ("made", "real", "reason"),
    [
        ([1.0], [], "the protocol has no real clips of this emotion"),
        ([1.0], [None], "no real clip could be used: no face"),
        ([None, None], [1.0], r"no generated clip could be used: no face (2x)"),
    ],
)
def test_a_missing_side_has_a_reason_and_no_number(made, real, reason) -> None:
    assert EmotionGap().reduce([*rows("made", made), *rows("real", real)]).outcome == Unscored(reason)


def test_a_crash_counts_as_a_trial_of_the_total() -> None:
    crash = Row(TrialFacts("made9", "S9", "happy"), Failed("decode error"))
    score = EmotionGap().reduce([*rows("made", [1, 0]), crash, *rows("real", [1])])
    assert (score.outcome, score.scored, score.total) == (Scored(-0.5), 2, 3)

"""Pairs that supervisions learn from: who says what, which frames belong together, what is stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from spfem_baselines.backbone.hearing import around
from spfem_baselines.supervision.interface import EMOTIONS
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.progress import SilentProgress
from spfem_bench.synthetic.alignment import Spoken
from spfem_bench.synthetic.clip import render_frames, truth, voice
from spfem_bench.synthetic.speech.timeline import timing_map
from spfem_bench.training.supervision.pairs import PROOF, ROLES, Pairs, Plan, pairs
from spfem_bench.training.supervision.scenes import Layout, apart
from spfem_metrics.synthetic.nets.crops import cut, matrix_of

TRUE = Plan(people=2, groups=2, frames=2, how="true", noise=0.0, proof=True)
LATE = Plan(people=2, groups=1, frames=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Pairs:
    return pairs(TRUE, tmp_path_factory.mktemp("true"), SilentProgress(), workers=1)


def layouts(plan: Plan) -> list[Layout]:
    return [Layout(plan, index) for index in range(plan.groups)]


def test_emotions_are_counted_alike_on_both_sides():
    assert EMOTIONS == SPFEM_EMOTIONS


@pytest.mark.parametrize("people", [5, 6, 7, 300])
def test_every_person_shows_every_emotion_and_none_is_its_own_wrong_one(people):
    plan = Plan(people=people, groups=6 * people)
    shown = Counter((own.neutral.speaker, own.emotion) for own in layouts(plan))
    assert len(shown) == 6 * people
    assert all(own.wrong not in (own.emotion, "neutral") for own in layouts(plan))
    assert len({own.wrong for own in layouts(plan)}) == 6


def test_true_pairs_are_in_step_and_takes_are_not():
    for own in layouts(replace(TRUE, groups=4)):
        assert own.emotional.take == own.neutral.take
        assert np.array_equal(own.felt, own.said)
    late = Layout(LATE, 0)
    assert late.emotional.take.emotion == late.emotional.emotion
    assert (late.emotional.speaker, late.emotional.sentence) == (late.neutral.speaker, late.neutral.sentence)
    assert late.neutral.emotion == "neutral"


def test_takes_are_paired_by_what_is_said():
    """Over many takes warping errs by 0.46 frames in the mean, by 1.12 at p95 (docs/synthetic.md)."""
    plan, away = replace(LATE, groups=3, frames=12), []
    for own in layouts(plan):
        one, other = Spoken(own.neutral), Spoken(own.emotional)
        meant = timing_map(one.timeline, other.timeline, own.neutral.times) * float(own.emotional.fps)
        away += np.abs(own.felt - meant[own.said]).tolist()
        assert (np.diff(own.felt) >= 0).all()
    # The mean over few takes cannot well lie above twice that percentile; pairing by number errs by more.
    assert float(np.mean(away)) < 2.3


@pytest.mark.parametrize("how", ["true", "dtw"])
def test_frames_lie_in_their_clips_and_other_words_elsewhere(how):
    for own in layouts(replace(LATE, groups=3, frames=9, how=how)):
        assert np.array_equal(own.said, own.said[0] + np.arange(9))
        for frames, spec in (
            (own.said, own.neutral),
            (own.felt, own.emotional),
            (own.elsewhere, own.emotional),
            (own.mouths, own.neutral),
        ):
            assert len(frames) == 9
            assert frames.min() >= 0
            assert frames.max() < spec.frame_count
        assert not set(own.elsewhere) & set(own.felt)
        assert not set(own.mouths) & set(own.said)


def test_the_least_overlap_is_taken_where_there_is_no_room():
    draw = np.random.default_rng(0)
    assert apart(np.arange(3, 6), 7, draw).tolist() == [0, 1, 2]
    assert apart(np.arange(1, 4), 5, draw).tolist() == [2, 3, 4]
    assert apart(np.arange(4), 4, draw).tolist() == [0, 1, 2, 3]


def test_more_frames_than_a_clip_has_are_refused():
    with pytest.raises(UsageError, match="pairs of 1000 frames from a clip of"):
        _ = Layout(replace(LATE, frames=1000), 0).said


def test_what_is_stored_is_what_was_rendered(data):
    own, role = Layout(TRUE, 1), data.plan.roles.index("emotional")
    images = np.concatenate(list(render_frames(own.emotional, own.felt.tolist())))
    points = truth(own.emotional, own.felt.tolist()).landmarks
    # Frames are cut by true points, but through a noise of 0, which rounds in the last bit of a double.
    wanted = np.stack([cut(image, matrix_of(at)) for image, at in zip(images, points, strict=True)])
    assert np.abs(data.pictures[1, role].astype(int) - wanted).max() <= 1
    sound = around(torch.from_numpy(voice(own.emotional)), torch.from_numpy(own.emotional.times[own.felt]))
    assert np.array_equal(data.sound[1, 1], sound.numpy())
    assert data.columns["emotion"][1] == SPFEM_EMOTIONS.index(own.emotion)
    assert data.columns["person"].tolist() == [0, 1]


def test_another_mouth_moves_the_mouth_alone(data):
    """The lips lie around y 49 of the crop, the eyes at 23."""
    for role in ("neutral", "emotional"):
        own, other = data.clip(role, [0, 1]), data.clip(f"{role}-mouth", [0, 1])
        changed = (own - other).abs().amax(dim=(0, 1, 2))
        assert float(changed[:30].max()) == 0
        assert float(changed[36:].max()) > 0.1


def test_another_emotion_changes_the_brows(data):
    own, wrong = data.clip("emotional", [0, 1]), data.clip("wrong", [0, 1])
    assert float((own - wrong).abs().amax(dim=(1, 2))[:, :30].amax()) > 0.1


def test_batches_depend_on_seed_and_number_alone(data):
    ahead = data.batches(7, 3, 1)
    third = [next(ahead) for _ in range(3)][2]
    again = next(data.batches(7, 3, 1, first=2))
    assert torch.equal(third.neutral, again.neutral)
    assert torch.equal(third.audio_other, again.audio_other)
    others = [next(data.batches(seed, 3, 1, first=2)).neutral for seed in range(8, 16)]
    # Two windows and two orders of the emotions: not all of eight other seeds draw the same of the four.
    assert not all(torch.equal(third.neutral, other) for other in others)


def test_a_batch_has_the_contracts_shapes_and_ranges(data):
    batch = data.batch(np.random.default_rng(0), 4, 2)
    assert batch.neutral.shape == batch.emotional.shape == batch.other.shape == (4, 2, 3, 64, 64)
    assert (
        batch.audio_neutral.shape == batch.audio_emotional.shape == batch.audio_other.shape == (4, 2, 40, 16)
    )
    assert float(batch.neutral.min()) >= -1
    assert float(batch.neutral.max()) <= 1
    assert batch.emotion.dtype == torch.int64
    # Two emotions are there, and they come in turn.
    assert sorted(Counter(batch.emotion.tolist()).values()) == [2, 2]
    with pytest.raises(ValueError, match="windows of 3 frames in clips of 2"):
        data.batch(np.random.default_rng(0), 1, 3)


def test_pairs_are_rendered_once_and_other_plans_apart(tmp_path, monkeypatch):
    made = pairs(LATE, tmp_path, SilentProgress(), workers=1)
    monkeypatch.setattr("spfem_bench.training.supervision.pairs._render", None)
    again = pairs(LATE, tmp_path, SilentProgress())
    assert np.array_equal(made.pictures, again.pictures)
    assert made.pictures.shape == (1, len(ROLES), 2, 64, 64, 3)
    plans = (LATE, replace(LATE, how="true"), replace(LATE, proof=True), replace(LATE, population=3000))
    assert len({plan.key for plan in plans}) == len(plans)
    assert plans[2].roles == PROOF

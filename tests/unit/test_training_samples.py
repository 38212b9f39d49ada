"""What the networks learn from: plans, stills, degradations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.progress import SilentProgress
from spfem_bench.synthetic.clip import render_frames, truth
from spfem_bench.training.harm import HARMS, roughened
from spfem_bench.training.samples import Plan, stills

PLAN = Plan(3000, people=2, clips=2, frames=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return stills(PLAN, tmp_path_factory.mktemp("work"), SilentProgress(), workers=1)


@pytest.mark.parametrize("person", [0, 3, 11])
def test_seven_clips_show_each_emotion_once(person):
    specs = [Plan(1000, 20).spec(person, clip) for clip in range(7)]
    assert sorted(spec.emotion for spec in specs) == sorted(SPFEM_EMOTIONS)
    assert all(spec.intensity == 1 for spec in specs if spec.emotion == "neutral")
    assert all(spec.take.emotion == spec.emotion for spec in specs)


def test_levels_are_those_of_the_plan():
    specs = [Plan(1000, 9, levels=(3,)).spec(person, clip) for person in range(9) for clip in range(7)]
    assert {spec.intensity for spec in specs if spec.emotion != "neutral"} == {3}


@pytest.mark.parametrize("total", [8, 50, 113])
def test_frames_are_spread_over_the_clip(total):
    frames = Plan(1000, 1).frames_of(0, 0, total)
    assert (np.diff(frames) >= 0).all()
    assert (frames * 8 // total == np.arange(8)).all()


def test_a_still_is_the_frame_with_its_truth(data):
    spec = PLAN.spec(1, 0)
    row = int(np.flatnonzero(data.whole("clip") == 2)[1])
    frame = int(data.whole("frame")[row])
    np.testing.assert_array_equal(data.images[row], next(iter(render_frames(spec, [frame])))[0])
    np.testing.assert_array_equal(data.floats("landmarks")[row], truth(spec, [frame]).landmarks[0])
    assert data.whole("person")[row] == 1
    assert SPFEM_EMOTIONS[data.whole("emotion")[row]] == spec.emotion


def test_stills_are_rendered_once(data, tmp_path, monkeypatch):
    monkeypatch.setattr("spfem_bench.training.samples.FEW", 0)
    first = stills(PLAN, tmp_path, SilentProgress(), workers=2)
    np.testing.assert_array_equal(first.images, data.images)
    monkeypatch.setattr("spfem_bench.training.samples._render", None)
    again = stills(PLAN, tmp_path, SilentProgress())
    np.testing.assert_array_equal(again.images, data.images)


def test_another_plan_or_renderer_is_another_folder(data, tmp_path, monkeypatch):
    del data
    small = replace(PLAN, people=1, clips=1, frames=1)
    stills(small, tmp_path, SilentProgress(), workers=1)
    monkeypatch.setattr("spfem_bench.training.samples.renderer_digest", lambda: "other")
    stills(small, tmp_path, SilentProgress(), workers=1)
    assert len(list(tmp_path.glob("stills-*/done"))) == 2


def far(kind, image, strength):
    bad = HARMS[kind](image, strength, np.random.default_rng(3))
    assert bad.shape == image.shape
    assert bad.dtype == np.uint8
    return float(np.square(bad.astype(float) - image).mean())


@pytest.mark.parametrize("kind", HARMS)
def test_degradations_grow_with_their_strength(kind, data):
    image = np.asarray(data.images[0])
    errors = [far(kind, image, strength) for strength in (0.0, 0.1, 0.3, 0.6, 1.0)]
    assert errors[0] == pytest.approx(0, abs=0.3)
    assert errors == sorted(errors)
    assert errors[-1] > errors[1] > errors[0]


def test_roughening_depends_on_its_draw_alone(data):
    image = np.asarray(data.images[0])
    results = [roughened(image, np.random.default_rng(seed)) for seed in (1, 1, *range(2, 12))]
    np.testing.assert_array_equal(results[0], results[1])
    left_alone = sum(np.array_equal(result, image) for result in results[1:])
    assert 0 < left_alone < 11

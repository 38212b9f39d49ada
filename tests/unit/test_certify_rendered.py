"""Rendered scenes: what is changed changes, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spfem_bench.certify.claims import Claims
from spfem_bench.certify.rendered import EXPRESSED, Rendered, rendered_scene, target_of
from spfem_bench.certify.scenes import Scene
from spfem_bench.certify.spec import POPULATION, CertifySpec
from spfem_bench.synthetic.clip import truth
from spfem_metrics.media import ArrayMedia

SPEC = CertifySpec("s", Claims("s", "rendered", "", {}), Path(), speakers=3, seconds=1.2, size=48)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return rendered_scene(SPEC, 1)


def made(scene: Scene) -> Rendered:
    assert isinstance(scene.variants, Rendered)
    return scene.variants


def distance(one: ArrayMedia, two: ArrayMedia) -> float:
    return float(np.abs(one.frames.astype(float) - two.frames).mean())


def test_people_are_of_their_own_population_and_emotions_take_turns() -> None:
    scenes = [target_of(SPEC, index) for index in range(6)]
    assert {target.seed for target in scenes} == {POPULATION}
    assert [target.speaker for target in scenes] == [0, 1, 2, 0, 1, 2]
    assert all(target.emotion in EXPRESSED for target in scenes)
    assert scenes[0].emotion != scenes[3].emotion
    assert len({target.sentence for target in scenes}) == 6


def test_the_clean_output_is_its_truth_but_for_camera_noise(scene: Scene) -> None:
    output, true = scene.output, scene.sides["truth"]
    assert 0 < distance(output, true) < 3
    assert 0 < distance(made(scene).reseeded, output) < 3
    assert distance(output, scene.sides["source"]) > distance(output, true)
    np.testing.assert_array_equal(output.samples, true.samples)


def test_all_variants_have_the_shape_and_sound_of_the_output(scene: Scene) -> None:
    variants = made(scene)
    blends = [make(0.5) for make in (variants.identity_blend, variants.words_blend, variants.emotion_blend)]
    for clip in (*blends, variants.reseeded):
        assert clip.frames.shape == scene.output.frames.shape
        np.testing.assert_array_equal(clip.samples, scene.output.samples)
    for clip in (variants.stranger, variants.other_emotion, variants.other_words):
        assert clip.frames.shape == scene.output.frames.shape


@pytest.mark.parametrize("blend", ["identity_blend", "words_blend", "emotion_blend"])
def test_blends_begin_at_the_output_and_lead_away_from_it(scene: Scene, blend: str) -> None:
    make = getattr(made(scene), blend)
    np.testing.assert_array_equal(make(0.0).frames, scene.output.frames)
    apart = [distance(make(share), scene.output) for share in (0.25, 1.0)]
    assert 0 < apart[0] < apart[1]


def test_an_emotion_put_on_the_source_leaves_the_words_alone_without_interaction(scene: Scene) -> None:
    variants = made(scene)
    sides = variants.added_emotion(1.0, interaction=False)
    assert "truth" not in sides
    start = variants.added_emotion(0.0, interaction=False)
    assert distance(start["output"], start["source"]) < 3 < distance(sides["output"], start["output"]) + 3
    from dataclasses import replace

    shown = replace(variants.target, interaction=False)
    neutral = replace(shown, emotion="neutral", intensity=1)
    mouths = [truth(spec).track.mouth for spec in (shown, neutral)]
    np.testing.assert_allclose(mouths[0].jaw, mouths[1].jaw)
    meeting = truth(variants.target).track.mouth
    assert not np.allclose(meeting.jaw, mouths[1].jaw) or not np.allclose(meeting.width, mouths[1].width)

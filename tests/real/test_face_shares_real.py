"""How many faces a metric asks for, on real clips with and without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spfem_bench.clips import open_clip
from spfem_metrics import ClipFeatures, Observation, Reading, Unscored
from spfem_metrics.admission.material import cut, portable_extractors, trial
from spfem_metrics.extraction import extract, features
from spfem_metrics.metrics import (
    EmotionAccuracy,
    ExpressionSimilarity,
    Flicker,
    GazeDrift,
    HeadPoseDrift,
    IdentitySimilarity,
    MouthDistance,
    frechet_identity,
)

pytestmark = pytest.mark.real

METRICS = (
    IdentitySimilarity(),
    EmotionAccuracy(),
    ExpressionSimilarity(),
    MouthDistance(),
    Flicker(),
    HeadPoseDrift(),
    GazeDrift(),
    frechet_identity(),
)


@pytest.fixture(scope="module")
def read(fixtures_dir, weights_dir):
    """All features of a clip, by file."""
    extractors = list(portable_extractors(weights_dir).values())

    def features_of(file: str) -> ClipFeatures:
        clip = open_clip(fixtures_dir / "edge" / file)
        return features(clip, extract(clip, extractors))

    return features_of


@pytest.fixture(scope="module")
def leaves(read) -> ClipFeatures:
    """A face for 72 frames, then none for 97."""
    return read("face_noface.mov")


def against(output: ClipFeatures, source: ClipFeatures) -> Observation:
    made = trial(output, source)
    return replace(made, sides={**made.sides, "reference": cut(source, 0, 72)})


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.info.name)
def test_a_face_that_leaves_is_scored_while_it_is_there(metric, leaves):
    outcome = metric.observe(against(leaves, leaves))
    assert outcome == Unscored("face found in 72 of 169 source frames (43%), 50% needed")
    most = cut(leaves, 0, 120)
    copy = metric.observe(against(most, most))
    assert isinstance(copy, Reading), copy
    assert copy.parts["frames_missed"] == 0


def test_an_output_that_loses_the_face_is_not_scored_on_the_rest(leaves):
    there, gone = cut(leaves, 0, 72), cut(leaves, 12, 84)
    outcome = IdentitySimilarity().observe(against(gone, there))
    assert outcome == Unscored("face found in 60 of 72 output frames whose source shows it (83%), 90% needed")


def test_no_face_at_all(read, leaves):
    none = read("no_face.mp4")
    there = cut(leaves, 0, min(72, len(none.times)))
    assert not np.asarray(none["faces"]["found"]).any()
    frames = len(there.times)
    for metric in METRICS:
        assert metric.observe(against(none, there)) == Unscored(
            f"no face in any of the {frames} output frames"
        )

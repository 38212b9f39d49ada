"""The metrics ``lpips-NET``: the mean of the package's distances under its own name."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from spfem_metrics import ArrayMedia, DefinitionError, Metric, Observation, Reading, TrialFacts, Unscored
from spfem_metrics.extraction import compare_pairs
from spfem_metrics.metrics.perceptual import PerceptualDistance, lpips
from spfem_metrics.pairs.lpips import lpips as lpips_extractor
from tests.support.planted import pictures, plant_lpips

pytest.importorskip("lpips")
FACTS = TrialFacts("t", "M003", "happy")


def test_it_is_the_mean_over_frames_of_the_extractor(tmp_path) -> None:
    clips = [ArrayMedia(pictures(3, (40, 36), seed), Fraction(25)) for seed in (1, 2)]
    pairs = np.stack([np.arange(3)] * 2, axis=1)
    extractor = lpips_extractor(weights=plant_lpips(tmp_path, "alex"), net="alex")
    arrays = compare_pairs(clips[0], clips[1], pairs, [extractor])
    found = {("truth", name): value for name, value in arrays.items()}
    reading = lpips("alex").observe(Observation(FACTS, {}, np.arange(3), pairs, found))  # type: ignore[arg-type]
    assert isinstance(reading, Reading)
    assert reading.value == pytest.approx(float(np.mean(arrays["lpips-alex"]["distance"])), rel=1e-12)
    assert reading.parts == {"frames": 3.0}


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
def test_it_is_named_after_the_network_and_signs_it(net) -> None:
    metric = lpips(net)
    assert isinstance(metric, Metric)
    assert metric.info.name == f"lpips-{net}"
    line = metric.signature({f"lpips-{net}": "def"}).line
    assert line == f"lpips-{net}|v1|lpips-{net}:def|mean:frames-then-trials|miss:exclude"
    assert metric.observe(Observation(FACTS, {}, np.arange(3))) == Unscored("no true pair")


def test_one_networks_distances_are_not_read_for_the_others() -> None:
    found = {("truth", "lpips-vgg"): {"distance": np.ones(3)}}
    observation = Observation(FACTS, {}, np.arange(3), pairs=found)  # type: ignore[arg-type]
    assert lpips("alex").observe(observation) == Unscored("no true pair")
    assert isinstance(lpips("vgg").observe(observation), Reading)


def test_another_network_is_refused_and_the_metric_from_before_keeps_its_line() -> None:
    with pytest.raises(DefinitionError):
        lpips("resnet")  # type: ignore[arg-type]
    assert PerceptualDistance().signature({"perceptual-distance": "def"}).line == (
        "perceptual-distance|v1|perceptual-distance:def|mean:frames-then-trials|miss:exclude"
    )

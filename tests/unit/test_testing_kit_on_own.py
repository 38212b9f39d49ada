"""What this project ships passes its own kits: every metric of its suites, every bound."""

from __future__ import annotations

import pytest

from spfem_bench.adapters.load import BOUNDS, BUILTIN
from spfem_bench.registry import resolve
from spfem_bench.resources import list_configs
from spfem_bench.suites.load import Part, load_suite
from spfem_bench.testing import Known, check_adapter, check_metric, fake_observation
from spfem_bench.testing.fake_networks import FakeTexts
from spfem_metrics import Metric, Observation, Scored
from spfem_metrics.metrics import TextAlignment

GOOD = Known(identity=0.9, mouth_noise=0.01, ssim=0.9, psnr=30.0, landmarks=0.2, perceptual=0.1)
BAD = Known(
    identity=0.2,
    shown="angry",
    lag=8,
    mouth_noise=0.02,
    pose=15.0,
    gaze=0.3,
    flicker=6.0,
    ssim=0.4,
    psnr=12.0,
    lipsync=0.3,
    landmarks=3.0,
    perceptual=0.8,
)
TRIALS = [fake_observation(f"t{i}", speaker=f"S{i % 3}", known=GOOD) for i in range(8)]
REALS = [fake_observation(f"r{i}", speaker=f"S{i % 3}", side="real") for i in range(6)]


def spoilt(observation: Observation) -> Observation:
    """The same trial with an output that is worse in every respect a suite measures."""
    return fake_observation(observation.trial.id, speaker=observation.trial.speaker, known=BAD)


def made(part: Part) -> Metric:
    """A suite's metric; texts are read by the network that the fake pictures are made for."""
    metric: Metric = resolve("spfem_bench.metrics", part.factory, {})(**part.options)
    return TextAlignment(FakeTexts(), metric.form) if isinstance(metric, TextAlignment) else metric


@pytest.mark.parametrize("suite", ["portable-v1", "synthetic-v1"])
def test_every_metric_of_a_suite_keeps_the_rules(suite: str) -> None:
    assert suite in list_configs("suites")
    for part in load_suite(suite).metrics:
        metric = made(part)
        score = check_metric(metric, TRIALS, degrade=spoilt, reals=REALS if metric.info.of_sets else ())
        assert isinstance(score.outcome, Scored)


@pytest.mark.parametrize("name", BOUNDS)
def test_every_bound_keeps_the_rules(name: str) -> None:
    made = check_adapter(resolve("spfem_bench.adapters", name, BUILTIN)())
    assert made is not None
    assert made.frames.shape[1:] == (96, 96, 3)

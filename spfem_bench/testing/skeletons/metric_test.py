"""The metric keeps the harness's rules, and gives known answers."""

import pytest

from spfem_bench.testing import Known, check_metric, fake_observation
from spfem_bench.testing.skeletons.metric import my_metric
from spfem_metrics import Observation, Reading

OBSERVATIONS = [fake_observation(f"t{index}", known=Known(found=0.8)) for index in range(8)]


def with_fewer_faces(observation: Observation) -> Observation:
    """The same trial with a face in half of its frames."""
    return fake_observation(observation.trial.id, known=Known(found=0.5))


def test_metric_keeps_the_rules() -> None:
    """Repeatable, the same over shards, complete signature, right direction, no face is no number."""
    check_metric(my_metric(), OBSERVATIONS, degrade=with_fewer_faces)


def test_metric_gives_the_known_share() -> None:
    """40 of 50 frames have a face."""
    reading = my_metric().observe(OBSERVATIONS[0])
    assert isinstance(reading, Reading)
    assert reading.value == pytest.approx(0.8)

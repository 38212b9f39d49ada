"""For those who write a metric, an adapter or a dataset: conformance checks, and inputs with known answers.

from spfem_bench.testing import check_adapter

def test_my_model() -> None:
    check_adapter(my_model())
"""

from spfem_bench.testing.adapter_kit import Generated, check_adapter, fake_request
from spfem_bench.testing.conformance import Check, Conformance, check_conformance
from spfem_bench.testing.dataset_kit import check_dataset
from spfem_bench.testing.declared import Declared
from spfem_bench.testing.fake_clips import FakeClip, fake_clip
from spfem_bench.testing.fakes import Known, fake_observation
from spfem_bench.testing.metric_kit import check_metric

__all__ = [
    "Check",
    "Conformance",
    "Declared",
    "FakeClip",
    "Generated",
    "Known",
    "check_adapter",
    "check_conformance",
    "check_dataset",
    "check_metric",
    "fake_clip",
    "fake_observation",
    "fake_request",
]

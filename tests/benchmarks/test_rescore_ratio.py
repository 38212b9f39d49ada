"""How much faster a second scoring is than the first (the bar: 100x on a whole dataset).

On three short clips what every run pays once (index, plan, manifest) weighs more than on a dataset, so far
less is asked here. ``pytest --benchmark-enable -s`` prints the ratio measured.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from spfem_bench.stages.run import run
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.workbench import open_workbench
from tests.support.real import FACES, linked

pytestmark = [pytest.mark.real, pytest.mark.slow]

LEAST = 20
REPEATS = 3


def seconds(spec: RunSpec, out: Path) -> float:
    """Of a run that starts with nothing in memory but the imported modules."""
    open_workbench.cache_clear()
    started = time.perf_counter()
    run(spec, out)
    return time.perf_counter() - started


def test_a_warm_run_is_many_times_faster(
    benchmark, fixtures_dir: Path, weights_dir: Path, tmp_path: Path
) -> None:
    dataset = linked(tmp_path / "clips", fixtures_dir, FACES)
    spec = RunSpec(dataset, "open/cross-id@1", "portable-v1", (), tmp_path / "cache")
    cold = seconds(spec, tmp_path / "cold")
    warm = min(seconds(spec, tmp_path / f"warm{i}") for i in range(REPEATS))
    benchmark(seconds, spec, tmp_path / "benchmark")
    benchmark.extra_info.update(cold=cold, warm=warm, ratio=cold / warm)
    print(f"\ncold {cold:.2f} s, warm {warm:.3f} s: {cold / warm:.0f}x")
    assert cold > LEAST * warm
    first, again = ((tmp_path / name / "scores.json").read_bytes() for name in ("cold", "warm0"))
    assert again == first

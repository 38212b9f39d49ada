"""Peak memory of whole runs, each in a process of its own: many clips against few, long ones against short.

Not in CI: ``pytest --benchmark-enable -s tests/benchmarks/test_standard_memory.py``. ``portable-v1`` decodes,
finds and follows faces, runs two networks and compares pictures, at a hundredth of the cost of
``standard-v1``, which is measured at a smaller scale. The clips differ in their pixels, as real ones do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIPS = int(os.environ.get("SPFEM_BENCH_MEMORY_CLIPS", "200"))
"""Of the larger run; the smaller has a tenth of them."""
SECONDS = int(os.environ.get("SPFEM_BENCH_MEMORY_SECONDS", "300"))
"""Of the long clip; the short one lasts 10 s."""
FPS = 25
MOST = 1.15
"""Peak of the larger run over that of the smaller: flat but for what an allocator does not give back."""

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def peak(benchmark, fixtures_dir: Path, weights_dir: Path, tmp_path: Path, monkeypatch):
    """A function that runs a suite over so many clips of so many frames and gives the peak in MiB."""
    if not benchmark.enabled:
        pytest.skip("a measurement of minutes: run with --benchmark-enable")
    del weights_dir
    found = f"{os.environ['SPFEM_BENCH_WEIGHTS']}{os.pathsep}"

    def measured(suite: str, clips: int, frames: int) -> float:
        folder = tmp_path / f"{suite}-{clips}-{frames}"
        env = {**os.environ, "SPFEM_BENCH_WEIGHTS": f"{found}{folder / 'weights'}"}
        command = [sys.executable, "-m", "tests.benchmarks.memory_worker", str(fixtures_dir), str(folder)]
        said = subprocess.run(
            [*command, suite, str(clips), str(frames)],
            cwd=ROOT,
            env=env,
            check=True,
            capture_output=True,
            text=True,
        )
        result = json.loads(said.stdout.splitlines()[-1])
        print(f"\n{suite}: {clips} clips of {frames} frames: peak {result['peak_mib']:.0f} MiB")
        benchmark.extra_info[f"{suite}-{clips}x{frames}"] = result["peak_mib"]
        return result["peak_mib"]

    return lambda *given: (
        benchmark.pedantic(measured, args=given) if not benchmark.stats else measured(*given)
    )


def compare(few: float, many: float) -> None:
    """Print and hold the ratio."""
    print(f"  {many - few:+.0f} MiB, {many / few:.2f}x")
    assert many < MOST * few


def test_many_clips_take_no_more_than_few(peak) -> None:
    compare(peak("portable-v1", CLIPS // 10, 12), peak("portable-v1", CLIPS, 12))


def test_a_long_clip_takes_no_more_than_a_short_one(peak) -> None:
    compare(peak("portable-v1", 1, 10 * FPS), peak("portable-v1", 1, SECONDS * FPS))


def test_the_same_of_the_reference_networks(peak) -> None:
    """From where every network has had a full batch: before that, each brings its own working memory."""
    compare(peak("standard-v1", 4, 32), peak("standard-v1", 16, 32))
    compare(peak("standard-v1", 1, 160), peak("standard-v1", 1, 640))

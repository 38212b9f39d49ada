"""A training step with and without each supervision: samples a second and peak memory (not timed in CI).

    python -m pytest tests/benchmarks/test_supervision_speed.py --benchmark-enable -s -m slow

Every case has a process of its own, since a process's peak never falls, and seconds are those of one thread,
since other work would move the clock's. The recipe is that of fine-tuning, on made-up clips of its size;
supervisions have fresh weights, which cost what learnt ones do. Without benchmarks nothing is timed,
and one case shows that each case runs.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.supervisions import CASES, PLAIN

pytestmark = pytest.mark.slow

STEPS = 6
"""Timed, after one that is not."""


def measured(case: str, steps: int) -> dict[str, float]:
    """What the worker says of a case."""
    command = [sys.executable, "-m", "tests.benchmarks.supervision_worker", case, str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, float] = json.loads(done.stdout)
    return found


def test_a_case_is_measured() -> None:
    """On any machine a step takes time and memory, and learns something finite."""
    found = measured("asccl", 1)
    assert found["samples_per_second"] > 0
    assert found["peak_mib"] > found["before_mib"] > 0
    assert abs(found["loss"]) < float("inf")


def test_every_supervision(benchmark: pytest.FixtureRequest) -> None:
    if not benchmark.enabled:  # type: ignore[attr-defined]
        pytest.skip("a table of times: run with --benchmark-enable")
    plain = benchmark.pedantic(measured, args=(PLAIN, STEPS), rounds=1)  # type: ignore[attr-defined]
    rows = {PLAIN: plain, **{case: measured(case, STEPS) for case in CASES if case != PLAIN}}
    print("\n| supervision | samples/s | ms a step | more than without | peak MiB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for case, row in rows.items():
        more = row["ms"] / rows[PLAIN]["ms"] - 1
        speed = f"{row['samples_per_second']:.1f} | {row['ms']:.0f} | {more:+.0%}"
        print(f"| {case} | {speed} | {row['peak_mib']:.0f} |")
    benchmark.extra_info.update(rows)  # type: ignore[attr-defined]

"""Killed at any instant and run again, a run ends in the same manifest as one that was left alone."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from spfem_bench.stages.run import run
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.workbench import open_workbench
from tests.support.worlds import make_folder, tiny_spec

KILLS = 20


def killed_after(seconds: float, spec: RunSpec, out: Path) -> bool:
    """Run in a forked child and kill it with SIGKILL; whether it was still at work."""
    child = os.fork()
    if child == 0:
        try:
            open_workbench.cache_clear()
            run(spec, out)
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to be killed without start-up time")
def test_kill_and_resume_twenty_times(tmp_path: Path) -> None:
    manifest = make_folder(tmp_path / "data")
    run(tiny_spec(manifest, tmp_path / "cache-warm", "brighten", "noisy"), tmp_path / "warm")  # imports torch
    started = time.monotonic()
    whole = run(tiny_spec(manifest, tmp_path / "cache", "brighten", "noisy"), tmp_path / "whole")
    assert whole is not None
    wanted = (whole / "MANIFEST.sha256").read_bytes()
    length = time.monotonic() - started
    draw = random.Random(0)
    interrupted = 0
    for number in range(KILLS):
        spec = tiny_spec(manifest, tmp_path / f"cache{number}", "brighten", "noisy")
        out = tmp_path / f"out{number}"
        interrupted += killed_after(draw.uniform(0.0, length), spec, out)
        run(spec, out)
        assert (out / "MANIFEST.sha256").read_bytes() == wanted
        assert not list(out.rglob(".tmp-*"))
    assert interrupted >= KILLS // 2, "most kills came after the end: nothing was tested"

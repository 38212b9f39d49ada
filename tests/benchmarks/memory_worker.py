"""One run in a process of its own, which prints how much memory it took at most, in MiB.

``python -m tests.benchmarks.memory_worker FIXTURES FOLDER SUITE CLIPS FRAMES``: CLIPS stretches of FRAMES
frames each are cut from the eight clips of GRID, each darker than the last that is cut from the same clip.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from spfem_bench.stages.run import run
from tests.benchmarks.standard_workload import GRID, Stretch, make


def peak() -> float:
    """MiB."""
    # not getrusage's: a child's begins at what its parent held when it was forked
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(fixtures: str, folder: str, suite: str, clips: str, frames: str) -> None:
    """Make the clips, run, and say what it took."""
    stretches = [Stretch(GRID[i % len(GRID)], int(frames), darker=i // len(GRID)) for i in range(int(clips))]
    load = make(Path(folder), Path(fixtures), stretches, suite)
    before = peak()
    bundle = run(load.spec, Path(folder) / "bundle")
    assert bundle is not None
    print(json.dumps({"made_mib": before, "peak_mib": peak()}))


if __name__ == "__main__":
    main(*sys.argv[1:])

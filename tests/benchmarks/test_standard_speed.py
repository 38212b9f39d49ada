"""``standard-v1`` on real clips against the published tools one after another, and its own forward passes.

Not in CI, on a machine that does nothing else:
``pytest --benchmark-enable -s tests/benchmarks/test_standard_speed.py``. Both sides have the same videos, the
same weights (random ones where there are no others: they cost the same) and the same number of threads. Ours
is a whole run with an empty cache, from the videos to the bundle; it loads its networks within it, as the
tools do. What the suite measures beyond the tools (flicker, head pose, gaze) is in its time, not in theirs.

``SPFEM_BENCH_SPEED_CLIPS`` and ``SPFEM_BENCH_SPEED_FRAMES`` make it smaller. Up to 32 frames a clip FID and
FVD take all of them, as the tools do, and are held to the tools' numbers too.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.benchmarks.standard_ours import LOADING, bare, ours, scores_of
from tests.benchmarks.standard_workload import GRID, SQUARE, Stretch, Workload, make
from tests.benchmarks.stopwatch import Stopwatch
from tests.benchmarks.upstream import DETECT, Tools

CLIPS = int(os.environ.get("SPFEM_BENCH_SPEED_CLIPS", "8"))
FRAMES = int(os.environ.get("SPFEM_BENCH_SPEED_FRAMES", "75"))
SETS = {
    "360x288": tuple(Stretch(file, FRAMES) for file in GRID),
    "512x512": tuple(Stretch(file, FRAMES, side=512) for file in SQUARE),
    "1080x1080": tuple(Stretch(file, FRAMES, side=1080) for file in SQUARE[:2]),
}
"""By the size of pictures in px. The last two clips are enlarged to the height of MEAD's: a detector's time
grows with the size, that of most networks does not."""
LEAST = 1.5
"""Tools over ours, whatever the size."""
MOST = 1.2
"""Ours over its forward passes, without what a run does once."""

EQUAL = {"lpips-alex": 0.05, "ssim": 0.01, "psnr": 0.01, "ssim-skimage": 0.01}
"""What does not rest on a detector is the tools' number, within a share of it."""
EQUAL_OF_SHORT = {"fid": 0.05, "fvd": 0.05}
"""Also of clips whose frames are all taken."""
SHORT = 32

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(params=sorted(SETS))
def load(request, benchmark, fixtures_dir: Path, weights_dir: Path, tmp_path: Path, monkeypatch) -> Workload:
    if not benchmark.enabled:
        pytest.skip("ratios of minutes: run with --benchmark-enable")
    del weights_dir
    searched = f"{os.environ['SPFEM_BENCH_WEIGHTS']}{os.pathsep}{tmp_path / 'weights'}"
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", searched)
    return make(tmp_path, fixtures_dir, SETS[request.param][:CLIPS], "standard-v1")


def test_against_the_published_tools_and_the_bare_networks(benchmark, load: Workload, tmp_path: Path) -> None:
    watch, record = benchmark.pedantic(ours, args=(load, tmp_path / "bundle", time.perf_counter))
    networks = bare(record, load, time.perf_counter)
    theirs = Stopwatch()
    found = Tools(load, tmp_path / "tools", theirs).run()
    scores = scores_of(tmp_path / "bundle")

    once, faces = watch.of(LOADING), watch.of(DETECT) + watch.of("crops: faces")
    ratios = {
        "tools over ours, with detection": theirs.total / watch.total,
        "tools over ours, without": (theirs.total - theirs.of(DETECT)) / (watch.total - faces),
        "ours over its forward passes": watch.total / networks.total,
        "the same, without what a run does once": (watch.total - once) / networks.total,
        "the same, resizes before networks not counted": (watch.total - once)
        / networks.of("network: ", DETECT),
    }
    print(f"\n{len(load.pairs)} outputs and their sources, {load.frames} frames in all")
    print(watch.table("ours"), networks.table("forward passes from memory"), theirs.table("tools"), sep="\n")
    print("\n".join(f"{name}: {ratio:.2f}x" for name, ratio in ratios.items()))
    for name in sorted(found.keys() & scores):
        print(f"{name:<14} ours {scores[name]}, tools {found[name]}")
    benchmark.extra_info.update(ratios)
    assert_equal(scores, found)
    assert ratios["tools over ours, without"] > LEAST
    assert ratios["the same, without what a run does once"] < MOST


def assert_equal(scores, found) -> None:
    """The decoders' conversions to RGB differ by a level here and there.

    That moves a PSNR of 30 dB by some hundredths; parity on the same pixels is what
    ``tests/unit/test_reference_*`` hold.
    """
    for name, room in (EQUAL | (EQUAL_OF_SHORT if FRAMES <= SHORT else {})).items():
        assert found[name] == pytest.approx(scores[name], rel=room)

"""Every stand-in passes the conformance kit: what a manifest declares is what its program changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from spfem_bench.adapters import load_system
from spfem_bench.adapters.command import check
from spfem_bench.adapters.command.steps import finding, openface
from spfem_bench.testing import check_conformance
from tests.foreign.test_cross_id import EXPECTED, SOURCE, _ffmpeg, _placed, _still

PICTURES = ("frames", "frame-map", "clock")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, foreign_python: Path) -> Iterator[Path]:
    """A folder for rendered people, with all stand-ins installed; faces are where they usually are."""
    root = tmp_path_factory.mktemp("conform")
    placed = _placed(root / "baselines", foreign_python)
    renderers = placed / "ned" / "ned-checkout" / "renderer_checkpoints"
    for person in ("kit-S001", "S001", "S002"):  # it has one network for each; the kit names trials
        shutil.copytree(renderers / SOURCE, renderers / person)
    tools = _ffmpeg(root / "bin", foreign_python, placed / "icface" / "icface-checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPFEM_BENCH_BASELINES", str(placed))
        patch.setenv("SPFEM_BENCH_CACHE_DIR", str(root / "cache"))
        patch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
        patch.setattr(check, "_steps", lambda manifest: iter(()))  # MediaPipe's file may not be here
        patch.setattr(openface, "measure", _still)
        patch.setattr(finding, "find_face", lambda clip: (24, 20, 72, 84))
        yield root / "clips"


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_its_size_frames_and_clock_are_as_declared(name: str, clips: Path) -> None:
    check_conformance(load_system(f"baseline:{name}").adapter, clips=clips, only=PICTURES).require()


@pytest.mark.parametrize("name", ["ned", "icface"])
def test_its_outputs_show_faces(name: str, clips: Path) -> None:
    """A full frame, and a crop."""
    report = check_conformance(load_system(f"baseline:{name}").adapter, clips=clips, only=["rendered-run"])
    assert "a face in " in report.require().checks[0].sentence

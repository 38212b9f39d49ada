"""Every stand-in passes the conformance kit: what a manifest declares is what its program changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from spfem_bench.adapters import load_system
from spfem_bench.adapters.command.steps import finding
from spfem_bench.testing import check_conformance
from tests.foreign.test_cross_id import EXPECTED, SOURCE, all_installed

PICTURES = ("frames", "frame-map", "clock")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, foreign_python: Path) -> Iterator[Path]:
    """A folder for rendered people, with all stand-ins installed; faces are where they usually are."""
    root = tmp_path_factory.mktemp("conform")
    with all_installed(root, foreign_python) as (placed, patch):
        renderers = placed / "ned" / "ned-checkout" / "renderer_checkpoints"
        for person in ("kit-S001", "S001", "S002"):  # it has one network for each; the kit names trials
            shutil.copytree(renderers / SOURCE, renderers / person)
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

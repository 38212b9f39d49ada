"""Where a chunk does not fit into memory, the run starts again with half, and the signature says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spfem_bench.errors import OutOfMemoryError
from spfem_bench.stages.render import leaderboard_of
from spfem_bench.stages.run import run
from spfem_bench.stages.workbench import open_workbench
from spfem_metrics import Scored
from tests.support.worlds import make_folder, tiny_spec

PARTS = """
from dataclasses import dataclass
from spfem_metrics import ResourceError
from tests.support import tiny
ROOM = {room}
@dataclass(frozen=True)
class Big(tiny.Luma):
    chunk: int = 32
    definition: str = ""
    def start(self, media):
        if self.chunk > ROOM:
            raise ResourceError(f"a chunk of {{self.chunk}} does not fit into memory")
        return super().start(media)
def luma(*, weights, device="cpu", chunk=32):
    return Big(chunk=chunk, definition=f"big,chunk{{chunk}}")
"""
SUITE = """
name: big
valid-on: [real]
about: An extractor that needs room.
extractors:
  luma: {factory: "big_parts:luma"}
metrics:
  - {factory: "tests.support.tiny:luma_drift"}
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "suite.yaml").write_text(SUITE)
    sys.modules.pop("big_parts", None)
    yield tmp_path
    sys.modules.pop("big_parts", None)
    open_workbench.cache_clear()


def test_chunks_are_halved_until_they_fit_and_the_signature_names_the_one_used(world: Path) -> None:
    (world / "big_parts.py").write_text(PARTS.format(room=10))
    spec = tiny_spec(
        make_folder(world / "data"), world / "cache", "brighten", suite=str(world / "suite.yaml"), limit=2
    )
    bundle = run(spec, world / "out")
    assert bundle is not None
    board = leaderboard_of(bundle)
    assert "big,chunk8" in board.columns[0].signature.line
    assert isinstance(board.systems[0].scores["luma-drift"]["average"].outcome, Scored)
    before = (bundle / "MANIFEST.sha256").read_text()
    assert run(spec, world / "out") is not None  # goes on with its own specification
    assert (bundle / "MANIFEST.sha256").read_text() == before


def test_what_never_fits_is_one_sentence(world: Path) -> None:
    (world / "big_parts.py").write_text(PARTS.format(room=0))
    spec = tiny_spec(
        make_folder(world / "data"), world / "cache", "brighten", suite=str(world / "suite.yaml"), limit=2
    )
    with pytest.raises(OutOfMemoryError, match="a chunk of 1 does not fit"):
        run(spec, world / "out")

"""Random weights in place of published files: accepted, marked in definitions, stamped on every table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from spfem_bench.cli import main
from spfem_bench.errors import IntegrityError, MissingWeightsError, UsageError
from spfem_bench.suites import Part, Suite, build_suite
from spfem_bench.weights import entry, fetch, locate, standing, verify, write_random
from spfem_bench.weights.random import MAKERS, MARKER
from spfem_metrics.networks import lpips_nets

HEADS = "lpips-alex-heads"
ALEX = ("alexnet", HEADS)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", str(tmp_path / "random"))
    return tmp_path / "random"


def test_random_files_are_found_and_said_to_be_random(folder: Path) -> None:
    written = write_random(ALEX, folder, seed=3)
    for name, path in written.items():
        assert locate(name) == path.absolute()
        assert fetch(name) == path.absolute()
        assert standing(entry(name), path) == "random"
    with pytest.raises(IntegrityError, match="not the pinned"):
        verify(entry(HEADS), written[HEADS])
    assert callable(lpips_nets.load("alex", written["alexnet"], written[HEADS]))


def test_the_seed_decides_every_number(folder: Path, tmp_path: Path) -> None:
    one, same, other = (
        lpips_nets.state_dict(write_random([HEADS], tmp_path / str(n), seed)[HEADS])
        for n, seed in enumerate((3, 3, 4))
    )
    assert all((one[k] == same[k]).all() for k in one)
    assert any((one[k] != other[k]).any() for k in one)


def test_a_changed_random_file_is_neither_random_nor_pinned(folder: Path) -> None:
    path = write_random([HEADS], folder)[HEADS]
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(IntegrityError, match="not the pinned"):
        locate(HEADS)


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', "{"])
def test_a_damaged_marker_marks_nothing(folder: Path, text: str) -> None:
    write_random([HEADS], folder)
    (folder / MARKER).write_text(text)
    with pytest.raises(IntegrityError):
        locate(HEADS)


def test_definitions_say_random_and_unpinned(folder: Path) -> None:
    write_random(ALEX, folder)
    weights = {"model": "alexnet", "heads": HEADS}
    pair = Part("spfem_metrics.pairs.lpips:lpips", weights)
    metric = Part("spfem_metrics.metrics.perceptual:lpips", options={"net": "alex"})
    suite = Suite("t", "t", ["real"], {}, {"lpips-alex": pair}, [metric])
    assert suite.weight_names == sorted(ALEX)
    built = build_suite(suite)
    assert built.definitions()["lpips-alex"].endswith(",weights:random")
    assert "weights:random" in built.signature(built.metrics[0]).line


def test_no_random_weights_for_what_has_none(folder: Path) -> None:
    with pytest.raises(UsageError, match="no random weights for 'yunet'"):
        write_random(["yunet"], folder)
    assert not folder.exists()


def test_a_file_without_a_link_says_where_a_person_finds_it(folder: Path) -> None:
    with pytest.raises(MissingWeightsError, match=r"has no direct link: .*Google Drive"):
        fetch("arcface-resnet18")


def test_every_maker_belongs_to_an_entry() -> None:
    for name in MAKERS:
        assert entry(name).file


def test_the_command_writes_and_lists(folder: Path) -> None:
    result = CliRunner().invoke(main, ["weights", "random", HEADS, "--output", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {HEADS: str(folder / "alex.pth")}
    listed = CliRunner().invoke(main, ["weights", "list", "--json"])
    standings = {row["name"]: row["standing"] for row in json.loads(listed.stdout)}
    assert (standings[HEADS], standings["arcface-resnet18"]) == ("random", "unpinned")

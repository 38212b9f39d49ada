"""Every wrong input is answered with one sentence and the documented exit code, and costs nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spfem_bench.store.bundle import is_whole
from tests.support.bad_input import CASES, ONE, Case, World, command, meet, run_args, surroundings, tree


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def test_every_case_has_its_own_name() -> None:
    assert len({wrong.name for wrong in CASES}) == len(CASES)


@pytest.mark.parametrize("wrong", [wrong for wrong in CASES if wrong.code], ids=lambda wrong: wrong.name)
def test_what_cannot_be_done_is_one_sentence(world: World, tmp_path: Path, wrong: Case) -> None:
    with surroundings(world, tmp_path, wrong.environ):
        arguments = wrong.make(world, tmp_path)
        before, data = tree(tmp_path), tree(world.manifest.parent)
        said = command(*arguments)
    assert said.code == wrong.code, said.err
    assert re.search(wrong.said, said.sentence), said.sentence
    assert said.out == "" or wrong.code == 5  # a run that is incomplete has been done and is shown
    assert tree(world.manifest.parent) == data
    after = tree(tmp_path)
    assert {name: after.get(name) for name in before} == before, "a file was lost or changed"


@pytest.mark.parametrize("wrong", [wrong for wrong in CASES if not wrong.code], ids=lambda wrong: wrong.name)
def test_one_bad_clip_costs_its_own_trials_only(world: World, tmp_path: Path, wrong: Case) -> None:
    said = meet(world, tmp_path, wrong)
    assert said.code == 0, said.err
    assert re.search(wrong.said, said.out), said.out
    assert "spfem-bench: " not in said.err
    assert is_whole(tmp_path / "out")


def test_a_refused_folder_is_not_touched_at_all(world: World, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with surroundings(world, tmp_path, {}):
        assert command(*run_args(world, tmp_path, *ONE, "--overwrite", "always")).code == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_a_pickle_is_refused_without_being_run(world: World, tmp_path: Path) -> None:
    (wrong,) = (wrong for wrong in CASES if wrong.name == "pickled-checkpoint")
    assert meet(world, tmp_path, wrong).code == 6
    assert not (tmp_path / "ran").exists()


def test_a_name_with_a_path_in_it_writes_nothing_outside(world: World, tmp_path: Path) -> None:
    place = tmp_path / "deep" / "deeper"
    place.mkdir(parents=True)
    for name in ("../../x", "..", "/x", "a/b", "a\\b", "a\nb", " ", "real"):
        with surroundings(world, place, {}):
            said = command(*run_args(world, place, "--adapter", f"{name}=copy-source"))
        assert (said.code, "cannot be called" in said.sentence) == (2, True), name
    assert not [path for path in tmp_path.rglob("*") if path != place and not path.is_dir()]


def test_a_wrong_input_mended_gives_the_numbers_of_one_that_was_right(world: World, tmp_path: Path) -> None:
    """The failed trial is kept nowhere: on the mended folder the command is as if it had never failed."""
    manifests = []
    for broken in (True, False):
        place = tmp_path / str(broken)
        place.mkdir()
        folder = world.outputs(place)
        whole = world.first(folder).read_bytes()
        with surroundings(world, place, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
            arguments = ("--adapter", f"precomputed:{folder}", "--overwrite", "always")
            if broken:
                world.first(folder).write_bytes(whole[:600])
                assert command(*run_args(world, place, *arguments)).code == 0
                world.first(folder).write_bytes(whole)
            assert command(*run_args(world, place, *arguments)).code == 0
        manifests.append((place / "out" / "MANIFEST.sha256").read_text())
    assert manifests[0] == manifests[1]


def test_a_real_process_ends_with_code_and_sentence_alone(world: World, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "spfem_bench",
            *map(str, run_args(world, tmp_path, "--adapter", "copy-sorce")),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "SPFEM_BENCH_CACHE_DIR": str(tmp_path / "cache")},
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("spfem-bench: There is no adapter named 'copy-sorce'.")

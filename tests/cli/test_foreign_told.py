"""What is stored and told of a foreign program: never under an old identity, and whole in the bundle."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.clips import open_clip
from spfem_bench.stages.render import leaderboard_of
from spfem_bench.store.bundle import write_manifest
from spfem_bench.tables import render
from tests.support.bad_input import Said, World, command, run_args, surroundings
from tests.support.foreign_manifests import clone, commit
from tests.support.programs import make_manifest
from tests.support.worlds import TINY

SHORTER = """
import json, shutil, sys
from pathlib import Path

from helper import START

for trial in json.load(open(sys.argv[1]))["trials"]:
    output = Path(trial["output"])
    (output / "frames").mkdir()
    pictures = sorted(Path(trial["source"]["frames"]).iterdir())[START : START - 2 or None]
    for at, picture in enumerate(pictures):
        shutil.copyfile(picture, output / "frames" / ("%06d.png" % at))
    told = {"format": "spfem-result@1", "trial": trial["trial"], "file": "frames"}
    (output / "result.tmp").write_text(json.dumps(told))
    (output / "result.tmp").rename(output / "result.json")
"""
"""Leaves two frames out, at the start (``START = 2``) or at the end, and lets its manifest say which."""

PINNED = {"repository": "https://example.org/x", "commit": "0" * 40}
FREE = {"code": "MIT", "class": "permissive"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture
def place(world: World, tmp_path: Path) -> Iterator[Path]:
    """A folder with a cache of its own."""
    with surroundings(world, tmp_path, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
        yield tmp_path


def shorter(place: Path, start: int, dropped: dict[str, int]) -> Path:
    manifest = make_manifest(place / "program", output={"as": "frames", "dropped": dropped})
    (manifest.parent / "bridge.py").write_text(SHORTER)
    (manifest.parent / "helper.py").write_text(f"START = {start}\n")
    return manifest


def generated(world: World, place: Path, manifest: Path, out: str) -> list[int]:
    """The frame map of the first of the stored outputs."""
    data = ("--dataset", f"folder:{world.manifest}", "--protocol", "open/cross-id@1", "--limit", 2)
    said = command("generate", f"command:{manifest}", *data, "-o", place / out)
    assert said.code == 0, said
    stored = open_clip(sorted((place / out).glob("*.mkv"))[0]).stored
    assert stored is not None
    return [int(frame) for frame in stored.source_frames]


def test_a_corrected_manifest_makes_its_outputs_anew(world: World, place: Path) -> None:
    wrong = generated(world, place, shorter(place, 2, {"tail": 2}), "wrong")
    right = generated(world, place, shorter(place, 2, {"head": 2}), "right")
    assert (wrong[0], right[0]) == (0, 2)
    assert len(wrong) == len(right)


def test_a_corrected_module_makes_its_outputs_anew(world: World, place: Path) -> None:
    def brightness(out: str, start: int) -> bytes:
        generated(world, place, shorter(place, start, {"head": 2}), out)
        clip = open_clip(sorted((place / out).glob("*.mkv"))[0])
        return next(iter(clip.frames(0, 1))).tobytes()

    assert brightness("first", 2) != brightness("second", 0)


def test_pinned_assets_are_held_to_their_digest(world: World, place: Path) -> None:
    asset = {"name": "net", "path": "net.bin", "url": "https://example.org/n", "bytes": 3, "licence": "MIT"}
    manifest = make_manifest(place / "program", assets=[{**asset, "sha256": "0" * 64}])
    (manifest.parent / "net.bin").write_bytes(b"abc")
    said = command(*run_args(world, place, "--adapter", f"command:{manifest}", "--limit", 1))
    assert said.code == 2
    assert "net.bin has other bytes than those pinned" in said.err
    assert "baseline check" in said.err


@pytest.fixture(scope="module")
def told(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Said]]:
    """A run of a program that is not as pinned, with an option of its own; and what it said."""
    place = tmp_path_factory.mktemp("told")
    wanted = {"python-path": sys.executable, "python": "3.5", "packages": {"numpy": "0.1"}}
    manifest = make_manifest(place / "program", upstream=PINNED, licence=FREE, environment=wanted)
    clone(manifest.parent)
    with surroundings(world, place, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
        adapter = f"command:{manifest},megabytes=5"
        yield place, command(*run_args(world, place, "--adapter", adapter, "--limit", 2))


def document_of(bundle: Path) -> dict[str, Any]:
    (system,) = json.loads((bundle / "spec.json").read_text())["systems"]
    return dict(system["document"])


def test_the_table_says_what_is_not_as_pinned_or_not_the_default(told: tuple[Path, Said]) -> None:
    place, said = told
    assert said.code == 0
    head = document_of(place / "out")["checkout"]["commit"]
    words = " ".join(said.out.split())
    for note in (
        f"program: not the pinned commit ({head[:12]}, not 000000000000)",
        "program: not the pinned environment (Python 3.",
        "program: option megabytes=5, not the default 300",
        "program: inputs prepared by first-frame-png@1, frames-png@1",
    ):
        assert note in words
        for form in ("markdown", "latex"):
            assert note.replace("_", r"\_") in " ".join(render(leaderboard_of(place / "out"), form).split())
    (system,) = json.loads(render(leaderboard_of(place / "out"), "json"))["systems"]
    assert len(system["notes"]) == 4


def test_the_bundle_says_what_the_program_was_and_not_where(told: tuple[Path, Said]) -> None:
    place, _ = told
    document = document_of(place / "out")
    assert (document["mode"], document["options"]["megabytes"]) == ("label", 5)
    assert document["steps"] == ["first-frame-png@1", "frames-png@1"]
    assert document["interpreter"]["python"].startswith("3.")
    assert document["upstream"]["commit"] == "0" * 40
    assert str(place) not in (place / "out" / "spec.json").read_text()
    assert sys.executable not in (place / "out" / "spec.json").read_text()


def test_a_bundle_verifies_only_with_the_document_of_its_identity(
    told: tuple[Path, Said], tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(told[0] / "out", tmp_path / "bundle"))
    assert command("verify", bundle, "--suite", TINY).code == 0
    spec = json.loads((bundle / "spec.json").read_text())
    spec["systems"][0]["document"]["options"]["megabytes"] = 300
    (bundle / "spec.json").unlink()
    (bundle / "spec.json").write_text(json.dumps(spec, sort_keys=True, indent=1) + "\n")
    assert command("verify", bundle, "--suite", TINY).code == 6
    write_manifest(bundle)
    said = command("verify", bundle, "--suite", TINY)
    assert said.code == 6
    assert "describes program as another than its identity command@1,program," in " ".join(said.out.split())


def test_another_commit_is_another_run(world: World, told: tuple[Path, Said]) -> None:
    place, _ = told
    adapter = f"command:{place / 'program' / 'manifest.yaml'},megabytes=5"
    with surroundings(world, place, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
        assert command(*run_args(world, place, "--adapter", adapter, "--limit", 2)).code == 0
        (place / "program" / "model.py").write_text("print('later')\n")
        commit(place / "program")
        said = command(*run_args(world, place, "--adapter", adapter, "--limit", 2))
    assert said.code == 2
    assert "holds a run of another specification" in said.err

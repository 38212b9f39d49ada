"""Foreign programs that go wrong: reason told, exit code, other trials unharmed, nothing left running.

``SPFEM_BENCH_FAULT_STDOUT_MB`` sets how much the talkative one prints (10240 for the full 10 GB).
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.clips import open_clip
from tests.support.bad_input import World, command, run_args, surroundings
from tests.support.faults import outputs_in, process, small_disk
from tests.support.programs import make_manifest, running_below

TRIALS = 3
MEGABYTES = int(os.environ.get("SPFEM_BENCH_FAULT_STDOUT_MB", "300"))
WITH_PACKAGES = ["{python}", "{bridge}", "{job}"]
CLONE = {
    "upstream": {"repository": "https://example.org/x", "commit": None, "note": "none published"},
    "licence": {"code": "MIT", "class": "permissive"},
}


@dataclass(frozen=True)
class Fault:
    """One way to go wrong.

    Args:
        title: for the table.
        name: of the function in `tests.support.foreign_program`.
        reason: a regular expression for what is told of the trial; None where the output is good.
        manifest: keys of the manifest that differ.
    """

    title: str
    name: str
    reason: str | None
    manifest: dict[str, Any] = field(default_factory=dict)


FAULTS = [
    Fault(
        "hang",
        "hang",
        r"no result after 11 s, killed \(last words: waiting for the server\)",
        manifest={"timeout": {"start": 9.5, "trial": 0.5}},
    ),
    Fault("crash", "crash", r"no result, exit status 1 \(last words: ValueError: no face in inputs/"),
    Fault("segfault", "segfault", r"no result, killed by SIGSEGV"),
    Fault("kills its keeper", "kill-parent", r"no result, killed by SIGKILL, perhaps for want of memory"),
    Fault("says it failed", "refuse", r"the face is too small"),
    Fault("garbage for a video", "garbage", r"video\.mp4 is not a readable media file"),
    Fault("garbage for a result", "malformed", r"result\.json is not JSON"),
    Fault("result with an unknown key", "unknown-key", r"unknown key 'framemap'. Did you mean 'frame-map'\?"),
    Fault("result of another trial", "other-trial", r"its result\.json is about the trial 'another'"),
    Fault("too few frames", "too-few", r"5 frames came where \d+ are due, and no frame map says which"),
    Fault("too few frames, mapped", "half", r"the output stands for 5 of \d+ source frames; 50% is"),
    Fault("frame map beyond the source", "beyond", r"its frame map points outside the \d+ frames"),
    Fault("NaN frames", "nan", r"frames hold NaN"),
    Fault("pickled frames", "pickled", r"frames\.npy is not an array of numbers"),
    Fault("frames of changing size", "changing-size", r"000003\.png is \(16, 16\) pixels, the first frame"),
    Fault("another size", "other-size", r"the output is 20x16, \d+x\d+ is due"),
    Fault(
        "another rate",
        "other-fps",
        r"the output has 50 frames per second, 25 are due",
        manifest={"command": WITH_PACKAGES, "output": {"as": "video"}},
    ),
    Fault("no file though exit status 0", "no-file", r"no result though exit status 0 \(last words: done\)"),
    Fault("a file that is not there", "missing-file", r"its result names 'video\.mp4', which is not there"),
    Fault("a path out of its folder", "escape", r"names '\.\./\.\./job\.json', which leaves its"),
    Fault("a link out of its folder", "link-out", r"names 'frames', which leaves its output folder"),
    Fault("frames that are links", "linked-pictures", r"which is no file of its own"),
    Fault("writes into a clone", "write-outside", r"outside its folder: checkout/junk\.txt", manifest=CLONE),
    Fault("writes into its inputs", "write-into-inputs", r"wrote outside its folder: inputs/0000/source/"),
    Fault("writes into all inputs", "write-into-all-inputs", r"outside its folder: inputs/0000/source/"),
    Fault("writes above its folder", "write-beside", r"wrote outside its folder: job/stray\.txt$"),
    Fault("words about another disk", "full-shm", r"exit status 1 \(last words: .*No space left on device"),
    Fault("leaves children", "children", None),
    Fault(f"prints {MEGABYTES} MB", "talk", None, manifest={"timeout": {"start": 60, "trial": 600}}),
    Fault("memory hog", "hog", r"exit status 1 \(last words: MemoryError\)", manifest={"memory": 0.25}),
    Fault(
        "memory hogs",
        "hogs",
        r"no result, killed because its processes held more than 0\.25 GiB",
        manifest={"memory": 0.25},
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def copies(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Trial -> digest of its source's frames, as they are stored when nothing was done to them."""
    place = tmp_path_factory.mktemp("copies")
    with surroundings(world, place, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
        assert command(*generate(world, "copy-source", place)).code == 0
    return {path.stem: content(place / "out", path.stem) for path in (place / "out").glob("*.mkv")}


def content(folder: Path, trial: str) -> str:
    """The digest of a stored clip's frames and times."""
    stored = open_clip(folder / f"{trial}.mkv").stored
    assert stored is not None
    return stored.digest.video


def manifest_of(fault: Fault, folder: Path, victim: str) -> Path:
    options = {"fault": fault.name, "victim": victim, "megabytes": MEGABYTES}
    return make_manifest(folder, **{"options": options, **fault.manifest})


def generate(world: World, adapter: str, place: Path, *more: object) -> tuple[object, ...]:
    dataset = ("--dataset", f"folder:{world.manifest}", "--protocol", "open/cross-id@1")
    return ("generate", adapter, *dataset, "--limit", TRIALS, "-o", place / "out", *more)


def log_sizes(kept: Path) -> list[int]:
    return [path.stat().st_size for path in kept.rglob("std*.txt")]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title.replace(" ", "-"))
def test_a_fault_is_told_costs_its_trial_and_leaves_nothing(
    world: World, copies: dict[str, str], tmp_path: Path, fault: Fault
) -> None:
    victim = sorted(copies)[1]
    adapter = f"command:{manifest_of(fault, tmp_path / 'program', victim)}"
    with surroundings(world, tmp_path, {"SPFEM_BENCH_CACHE_DIR": "cache", "SPFEM_BENCH_KEEP_JOBS": "kept"}):
        said = command(*generate(world, adapter, tmp_path, "--json"))
    told = json.loads(said.out)
    missing = told["missing"]
    assert said.code == (0 if fault.reason is None else 5), said.err
    harmed = [] if fault.reason is None else [victim]
    assert sorted(missing) == harmed
    for reason in missing.values():
        assert re.search(fault.reason or "", reason), reason
        assert "\n" not in reason
        assert str(tmp_path) not in reason
    assert told["made"] == TRIALS - len(harmed)
    for trial in set(copies) - set(harmed):
        assert content(tmp_path / "out", trial) == copies[trial]
    assert not running_below(tmp_path)
    assert not list((tmp_path / "cache" / "jobs").iterdir())
    assert max(log_sizes(tmp_path / "kept")) < 600 << 10


def test_a_run_counts_a_fault_in_its_coverage(world: World, copies: dict[str, str], tmp_path: Path) -> None:
    fault = next(one for one in FAULTS if one.name == "crash")
    adapter = f"command:{manifest_of(fault, tmp_path / 'program', min(copies))}"
    with surroundings(world, tmp_path, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
        said = command(*run_args(world, tmp_path, "--adapter", adapter, "--limit", TRIALS))
    assert said.code == 0, said.out + said.err
    assert f"({TRIALS - 1}/{TRIALS})" in said.out
    assert "no result, exit status 1 (last words: ValueError: no face in inputs/" in said.out
    assert not running_below(tmp_path)


def test_ctrl_c_ends_the_program_with_the_run(world: World, tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path / "program", "hang", timeout={"start": 3600, "trial": 3600})
    with surroundings(world, tmp_path, {"SPFEM_BENCH_CACHE_DIR": "cache"}):
        running = process(*generate(world, f"command:{manifest}", tmp_path))
        running.until(lambda: any("bridge.py" in words for words in running_below(tmp_path)))
        running.interrupt(group=True)
        said = running.finish()
    assert said.code == 130, said.err
    assert not running_below(tmp_path)
    assert not list((tmp_path / "cache" / "jobs").iterdir())


def test_a_full_disk_stops_the_run_and_freeing_it_goes_on(
    world: World, copies: dict[str, str], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as permitted:
        if not permitted:
            pytest.skip("mounting a file system is not permitted here")
        with surroundings(world, tmp_path, {"SPFEM_BENCH_CACHE_DIR": "disk/cache"}):
            filling = make_manifest(tmp_path / "program", "fill-disk", sorted(copies)[1])
            said = command(*generate(world, f"command:{filling}", tmp_path))
            assert said.code == 5, said.err
            assert outputs_in(tmp_path / "disk" / "cache") == 1
            assert "program could not go on, because the disk of " in said.sentence
            assert "free some space and run the same command again" in said.sentence
            assert not list((tmp_path / "disk" / "cache" / "jobs").iterdir())
            sound = make_manifest(tmp_path / "program")
            assert command(*generate(world, f"command:{sound}", tmp_path)).code == 0
    assert not running_below(tmp_path)

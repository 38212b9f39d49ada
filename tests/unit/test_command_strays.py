"""Where a program must not write, whose fault it is when somebody did, and what it may hold."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.adapters.command.job import read_job
from spfem_bench.adapters.command.locks import beside_others, exclusively
from tests.support.programs import UNPINNED, made, make_adapter, requests, running_below

pytestmark = pytest.mark.usefixtures("cache")


CLONE: dict[str, Any] = {
    "upstream": {"repository": "https://example.org/x", "commit": None, "note": "none published"},
    "licence": {"code": "MIT", "class": "permissive"},
}


@pytest.mark.parametrize(
    ("fault", "place", "batch"),
    [
        ("write-outside", "checkout/junk.txt", 1),
        ("write-outside", "checkout/junk.txt", 2),
        ("write-into-inputs", "inputs/0000/source/frames/000000.png", 4),
        ("write-into-all-inputs", "inputs/0000/source/frames/000000.png", 4),
        ("write-beside", "job/stray.txt", 2),
    ],
)
def test_writing_elsewhere_fails_the_trial_that_does_it(
    tmp_path: Path, fault: str, place: str, batch: int
) -> None:
    adapter = make_adapter(tmp_path / "m", fault, "b", batch=batch, **CLONE)
    found = made(adapter, requests(tmp_path, *"abcd"))
    assert found.pop("b") == f"program: wrote outside its folder: {place}"
    assert found == dict.fromkeys("acd", "same")


def test_trials_of_a_suspected_process_are_tried_again_alone(tmp_path: Path, kept: Path) -> None:
    made(make_adapter(tmp_path / "m", "write-beside", "b", batch=3), requests(tmp_path, *"abcd"))
    tried = [[one.trial for one in read_job(file).trials] for file in kept.glob("program-*/job/*/job.json")]
    assert sorted(tried) == [["a"], ["a", "b", "c"], ["b"], ["c"], ["d"]]


def test_results_of_an_earlier_process_are_suspected_too(tmp_path: Path) -> None:
    found = made(make_adapter(tmp_path / "m", "write-into-results"), requests(tmp_path, *"abc"))
    assert found == dict.fromkeys("abc", "same")


def test_what_is_written_once_fails_nobody(tmp_path: Path) -> None:
    """Made by a process that is not believed; those that are believed found it there."""
    found = made(make_adapter(tmp_path / "m", "write-once", **CLONE), requests(tmp_path, *"ab"))
    assert found == dict.fromkeys("ab", "same")
    assert (tmp_path / "m" / "cache.txt").is_file()


def test_a_program_that_changes_itself_makes_nothing_more(tmp_path: Path) -> None:
    """Its outputs would be stored as those of what it was."""
    adapter = make_adapter(tmp_path / "m", "change-itself", "b", batch=2)
    asked = requests(tmp_path, *"abc")
    assert adapter.identity
    reason = "program: its program was changed while it ran (checkout/bridge.py)"
    assert made(adapter, asked) == dict.fromkeys("abc", reason)
    assert made(make_adapter(tmp_path / "m", "none", batch=2), asked) == dict.fromkeys("abc", "same")


def test_a_clone_is_watched_in_its_depth_but_where_the_manifest_lets_it_write(tmp_path: Path) -> None:
    common = {**CLONE, "concurrency": "one-at-a-time"}
    request = requests(tmp_path, "a")
    watched = make_adapter(tmp_path / "m", "write-outside", **common)
    assert "checkout/junk.txt" in made(watched, request)["a"]
    spared = make_adapter(tmp_path / "n", "write-outside", writable=["junk.txt"], **common)
    assert made(spared, request)["a"] == "same"


@pytest.mark.parametrize(
    ("name", "guarded"), [("run.log", False), ("out/row.json", False), ("helper.py", True), ("net.bin", True)]
)
def test_beside_a_program_of_ones_own_only_what_makes_it_is_watched(
    tmp_path: Path, name: str, guarded: bool
) -> None:
    adapter = make_adapter(tmp_path / "m", assets=[{"name": "net", "path": "net.bin", **UNPINNED}])
    (tmp_path / "m" / "out").mkdir()
    for file in ("net.bin", name):
        (tmp_path / "m" / file).write_text("")
    assert adapter.identity
    with growing(tmp_path / "m" / name):
        found = made(adapter, requests(tmp_path, "a"))
    changed = f"program: its program was changed while it ran (checkout/{name})"
    assert found == {"a": changed if guarded else "same"}


@contextmanager
def growing(file: Path) -> Iterator[None]:
    """Somebody writes to a file all the time."""
    enough = threading.Event()

    def write() -> None:
        while not enough.wait(0.01):
            with file.open("a") as log:
                log.write("# line\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        enough.set()
        writer.join()


def test_another_jobs_write_costs_a_trial_nothing(tmp_path: Path, kept: Path) -> None:
    """Two workers with one clone, both free to run: whoever is suspected by mistake is tried alone."""
    adapter = make_adapter(tmp_path / "m", batch=1, **CLONE)
    asked, found = requests(tmp_path, "a"), {}
    worker = threading.Thread(target=lambda: found.update(made(adapter, asked)))
    with beside_others(tmp_path / "m"), growing(tmp_path / "m" / "junk.txt"):
        worker.start()
        wait_for(lambda: any(kept.glob("program-*/job/logs")))  # the suspected job is put away
        worker.join(1.0)
        assert not found
    worker.join(60)
    assert found == {"a": "same"}


def wait_for(ready: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < limit, "nothing came of it"
        time.sleep(0.02)


def test_one_at_a_time_waits_for_the_other_job(tmp_path: Path) -> None:
    """Which may be of another manifest with the same checkout."""
    (tmp_path / "m").mkdir()
    (tmp_path / "clone").mkdir()
    (tmp_path / "m" / "place.yaml").write_text(f"checkout: {tmp_path / 'clone'}\n")
    adapter = make_adapter(tmp_path / "m", concurrency="one-at-a-time")
    asked, found = requests(tmp_path, "a"), {}
    with exclusively(tmp_path / "clone"):
        other = threading.Thread(target=lambda: found.update(made(adapter, asked)))
        other.start()
        other.join(1.0)
        assert not found
        assert not running_below(tmp_path)
    other.join(60)
    assert found == {"a": "same"}


# Memory


@pytest.mark.skipif(sys.platform != "linux", reason="what processes hold is read from /proc")
def test_memory_is_capped_for_all_processes_together(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "m", "hogs", "a", memory=0.25)
    assert made(adapter, requests(tmp_path, "a", "b")) == {
        "a": "program: no result, killed because its processes held more than 0.25 GiB",
        "b": "same",
    }


@pytest.mark.parametrize(("device", "limited"), [("cpu", True), ("cuda:0", False)])
def test_address_space_is_no_measure_on_a_gpu(tmp_path: Path, kept: Path, device: str, limited: bool) -> None:
    adapter = make_adapter(tmp_path / "m", "spy", memory=2)
    made(adapter, [replace(one, device=device) for one in requests(tmp_path, "a")])
    (told,) = kept.glob("program-*/job/01/outputs/0000/address-space.txt")
    assert (told.read_text() == str(2 << 30)) == limited

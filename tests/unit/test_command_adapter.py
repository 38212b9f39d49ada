"""A program behind the harness's one door: batches, blame, restarts, and that its folder goes."""

from __future__ import annotations

import errno
import gc
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from spfem_baselines import Adapter, BatchAdapter, CannotGenerateError, Output
from spfem_bench.adapters.check import OutputError
from spfem_bench.adapters.command import batch as batches
from spfem_bench.adapters.command.job import read_job
from spfem_bench.clips import open_frames
from spfem_bench.errors import StorageError, UsageError
from spfem_bench.testing import check_adapter
from tests.support.faults import filled, small_disk
from tests.support.programs import UNPINNED, made, make_adapter, requests, said

pytestmark = pytest.mark.usefixtures("cache")


def jobs(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "jobs").iterdir())


def test_it_is_a_batch_adapter(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "m")
    assert isinstance(adapter, Adapter)
    assert isinstance(adapter, BatchAdapter)
    assert (adapter.name, adapter.batch, tuple(adapter.sees)) == ("program", 8, ())


def test_it_does_what_every_adapter_must(tmp_path: Path, cache: Path) -> None:
    assert check_adapter(make_adapter(tmp_path / "m")) is not None
    assert jobs(cache) == []


def test_a_batch_gives_what_one_by_one_gives(tmp_path: Path) -> None:
    asked = requests(tmp_path, "a", "b", "c")
    assert made(make_adapter(tmp_path / "m"), asked) == dict.fromkeys("abc", "same")
    one = make_adapter(tmp_path / "one", batch=1)
    assert made(one, asked) == dict.fromkeys("abc", "same")


def test_the_job_says_seed_label_and_options(tmp_path: Path, kept: Path) -> None:
    made(make_adapter(tmp_path / "m"), requests(tmp_path, "a", "b", emotion="sad"))
    (folder,) = kept.glob("program-*/job")
    job = read_job(folder / "01" / "job.json")
    assert [(one.trial, one.seed) for one in job.trials] == [("a", 7), ("b", 8)]
    assert job.trials[0].condition.label == "sad"
    assert job.options["fault"] == "none"
    assert (job.device, job.checkout) == ("cpu", tmp_path / "m")


@pytest.mark.parametrize(("batch", "processes"), [(1, 5), (2, 3), (5, 1), (8, 1)])
def test_a_process_takes_as_many_trials_as_the_manifest_says(
    tmp_path: Path, kept: Path, batch: int, processes: int
) -> None:
    made(make_adapter(tmp_path / "m", batch=batch), requests(tmp_path, *"abcde"))
    assert len(list(kept.glob("program-*/job/*/job.json"))) == processes


@pytest.mark.parametrize("victim", "abc")
def test_a_crash_costs_the_trial_at_hand_and_one_restart(tmp_path: Path, kept: Path, victim: str) -> None:
    asked = requests(tmp_path, *"abc")
    found = made(make_adapter(tmp_path / "m", "crash", victim), asked)
    assert "no result, exit status 1 (last words: ValueError: no face in inputs/" in found.pop(victim)
    assert set(found.values()) == {"same"}
    processes = sorted(kept.glob("program-*/job/*/job.json"))
    assert len(processes) == (1 if victim == "c" else 2)
    again = [] if victim == "c" else [one.trial for one in read_job(processes[1]).trials]
    assert again == list("abc"["abc".index(victim) + 1 :])[: len(again)]


def test_where_every_trial_crashes_each_is_tried_once(tmp_path: Path, kept: Path) -> None:
    found = made(make_adapter(tmp_path / "m", "crash"), requests(tmp_path, *"abc"))
    assert all("ValueError" in reason for reason in found.values())
    assert len(list(kept.glob("program-*/job/*/job.json"))) == 3


def test_a_result_that_is_wrong_costs_no_restart(tmp_path: Path, kept: Path) -> None:
    found = made(make_adapter(tmp_path / "m", "garbage", "b"), requests(tmp_path, *"abc"))
    assert "video.mp4" in found["b"]
    assert (found["a"], found["c"]) == ("same", "same")
    assert len(list(kept.glob("program-*/job/*/job.json"))) == 1


def test_reasons_are_the_same_each_time(tmp_path: Path) -> None:
    """Rows are hashed, so nothing of this machine or moment may stand in them."""
    adapter, asked = make_adapter(tmp_path / "m", "crash"), requests(tmp_path, "a")
    first = made(adapter, asked)["a"]
    assert made(adapter, asked)["a"] == first
    assert str(tmp_path) not in first


def test_a_program_that_cannot_be_started_fails_all_with_the_mend(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "m", environment={"python-path": "none/bin/python"})
    with adapter.generate_many(requests(tmp_path, "a", "b")) as outcomes:
        assert [type(one) for one in outcomes.values()] == [UsageError, UsageError]
    assert str(outcomes["a"]) == (
        "program could not be started: No such file or directory; see `spfem-bench baseline check "
        f"{tmp_path / 'm' / 'manifest.yaml'}`"
    )


def test_what_a_trial_lacks_is_said_before_any_work(tmp_path: Path, kept: Path) -> None:
    happy, sad = requests(tmp_path, "a", "b")
    adapter = make_adapter(tmp_path / "m", labels={"happy": "hap"})
    with adapter.generate_many([happy, replace(sad, emotion="sad")]) as outcomes:
        assert isinstance(outcomes["b"], CannotGenerateError)
        assert isinstance(outcomes["a"], Output)
    by_text = make_adapter(tmp_path / "text", mode=["text"])
    with pytest.raises(CannotGenerateError, match="needs a text"):
        by_text.generate(happy)
    assert len(list(kept.glob("program-*/job/*/job.json"))) == 1


def test_the_surroundings_of_a_job_lie_inside_it(tmp_path: Path, kept: Path) -> None:
    made(make_adapter(tmp_path / "m", "spy"), requests(tmp_path, "a"))
    (told,) = kept.glob("program-*/job/01/outputs/0000/environ.json")
    environ = json.loads(told.read_text())
    root = str(tmp_path / "cache" / "jobs")
    assert all(environ[name].startswith(root) for name in ("HOME", "TMPDIR", "PYTHONPATH"))


# The folder


def test_frames_of_one_output_keep_its_folder_until_they_were_read(tmp_path: Path, cache: Path) -> None:
    adapter, (request,) = make_adapter(tmp_path / "m"), requests(tmp_path, "a")
    output = adapter.generate(request)
    assert len(jobs(cache)) == 1
    assert said(output, request) == "same"
    assert jobs(cache) == []


def test_frames_that_nobody_wants_let_their_folder_go(tmp_path: Path, cache: Path) -> None:
    adapter, (request,) = make_adapter(tmp_path / "m"), requests(tmp_path, "a")
    output = adapter.generate(request)
    next(iter(output.frames))
    del output
    gc.collect()
    assert jobs(cache) == []


def test_a_failure_lets_its_folder_go(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(OutputError, match="the face is too small"):
        make_adapter(tmp_path / "m", "refuse").generate(requests(tmp_path, "a")[0])
    assert jobs(cache) == []


def test_a_folder_the_program_closed_goes_too(tmp_path: Path, cache: Path) -> None:
    assert made(make_adapter(tmp_path / "m", "lock-folders"), requests(tmp_path, "a"))["a"] == "same"
    assert jobs(cache) == []


def test_what_a_killed_harness_left_is_swept(tmp_path: Path, cache: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (cache / "jobs" / f".tmp-{ended.pid}-0-program" / "logs").mkdir(parents=True)
    made(make_adapter(tmp_path / "m"), requests(tmp_path, "a"))
    assert jobs(cache) == []


def test_prepared_inputs_are_read_only_and_kept_jobs_are_whole(tmp_path: Path, kept: Path) -> None:
    made(make_adapter(tmp_path / "m"), requests(tmp_path, "a"))
    (folder,) = kept.glob("program-*/job")
    pictures = sorted((folder / "inputs").rglob("*.png"))
    assert len(pictures) >= 12
    assert not any(picture.stat().st_mode & 0o222 for picture in pictures)
    assert (folder / "logs" / "01" / "stderr.txt").is_file()
    assert open_frames(folder / "01" / "outputs" / "0000" / "frames", requests(tmp_path, "a")[0].source.fps)


# A full disk


def test_a_disk_that_is_full_anyway_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path / "disk") as permitted:
        if not permitted:
            pytest.skip("mounting a file system is not permitted here")
        monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "disk"))
        (asked,) = requests(tmp_path, "a", frames=4)
        with pytest.raises(StorageError, match="is full: free some space"):
            make_adapter(tmp_path / "m", "fill-disk", "a").generate(asked)
        filled(tmp_path / "disk", 0)
        with pytest.raises(StorageError, match="disk is full"):
            make_adapter(tmp_path / "n").generate(asked)


@pytest.mark.parametrize(("batch", "processes"), [(4, 1), (1, 2)])
def test_what_was_finished_before_the_disk_was_full_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Path, batch: int, processes: int
) -> None:
    with small_disk(tmp_path / "disk") as permitted:
        if not permitted:
            pytest.skip("mounting a file system is not permitted here")
        monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "disk"))
        adapter, asked = (
            make_adapter(tmp_path / "m", "fill-disk", "b", batch=batch),
            requests(tmp_path, *"abcd", frames=4),
        )
        with adapter.generate_many(asked) as outcomes:
            assert said(outcomes["a"], asked[0]) == "same"
            assert [type(outcomes[trial]) for trial in "bcd"] == [StorageError] * 3
    assert len(list(kept.glob("program-*/job/*/job.json"))) == processes


def test_words_about_another_disk_cost_their_trial_alone(tmp_path: Path) -> None:
    """PyTorch says so of /dev/shm."""
    found = made(make_adapter(tmp_path / "m", "full-shm", "b"), requests(tmp_path, *"abc"))
    assert "exit status 1 (last words: RuntimeError: unable to write to file" in found.pop("b")
    assert found == dict.fromkeys("ac", "same")


def test_words_about_a_quota_are_believed_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(batches.tempfile, "TemporaryFile", refused)
    found = made(make_adapter(tmp_path / "m", "full-shm", "b"), requests(tmp_path, *"abc"))
    assert found["a"] == "same"
    assert found["b"] == found["c"]
    assert "program could not go on, because the disk of " in found["b"]


def test_a_program_that_filled_the_disk_itself_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "GREEDY", 1 << 18)
    with small_disk(tmp_path / "disk") as permitted:
        if not permitted:
            pytest.skip("mounting a file system is not permitted here")
        monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "disk"))
        found = made(make_adapter(tmp_path / "m", "fill-disk", "a"), requests(tmp_path, "a", "b", frames=4))
    assert found["a"].startswith("program: no result, the disk was full after it wrote ")
    assert found["b"] == "same"


# Identity


def identity(folder: Path, **changed: object) -> str:
    return make_adapter(folder, **changed).identity  # type: ignore[arg-type]


def test_the_identity_is_stable_and_moves_with_what_moves_an_output(tmp_path: Path) -> None:
    base = identity(tmp_path / "m")
    assert identity(tmp_path / "other-place") == base
    assert identity(tmp_path / "m", batch=2, timeout={"start": 1, "trial": 1}, about="words") == base
    others = [
        identity(tmp_path / "m", options={"fault": "none", "victim": "x", "megabytes": 300}),
        identity(tmp_path / "m", labels={"happy": "joy"}),
        identity(tmp_path / "m", input={"kind": "video", "as": "mp4"}),
        identity(tmp_path / "m", command=["{python}", "{bridge}", "{job}"]),
    ]
    assert len({base, *others}) == 5


def test_the_identity_moves_with_the_script_the_launcher_and_the_assets(tmp_path: Path) -> None:
    asset = {"name": "net", "path": "net.bin", **UNPINNED}
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "net.bin").write_bytes(b"one")
    (folder / "run.py").write_text("print(1)")
    command = ["{python}", "{checkout}/run.py", "{bridge}", "{job}"]
    found = [identity(folder, assets=[asset], command=command)]
    (folder / "run.py").write_text("print(2)")
    found.append(identity(folder, assets=[asset], command=command))
    (folder / "net.bin").write_bytes(b"two!")
    found.append(identity(folder, assets=[asset], command=command))
    (folder / "place.yaml").write_text(json.dumps({"launcher": ["env"], "python": sys.executable}))
    found.append(identity(folder, assets=[asset], command=command))
    assert len(set(found)) == 4


def test_an_identity_that_cannot_be_known_is_one_sentence(tmp_path: Path) -> None:
    asset = {"name": "net", "path": "net.bin", **UNPINNED}
    with pytest.raises(UsageError, match=r"net\.bin .*baseline check "):
        identity(tmp_path / "m", assets=[asset])
    with pytest.raises(UsageError, match="baseline check "):
        identity(tmp_path / "n", environment={"python-path": "none/bin/python"})

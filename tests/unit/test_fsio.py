from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spfem_bench import fsio
from spfem_bench.errors import StorageError


def test_a_failed_write_leaves_the_old_file_and_no_leftovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "file"
    fsio.write_atomically(target, "old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        fsio.write_atomically(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_other_os_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="odd"), fsio.storage_errors(tmp_path):
        raise OSError(errno.EIO, "odd")


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="in the way"):
        fsio.write_atomically(tmp_path / "file" / "below", "x")


def test_a_second_run_in_one_folder_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; from spfem_bench.fsio import folder_lock\n"
        "with folder_lock(pathlib.Path(sys.argv[1])):\n print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(StorageError, match=f"in use by another run .process {holder.pid}"),
            fsio.folder_lock(tmp_path),
        ):
            pass
        holder.kill()
        holder.wait()
    with fsio.folder_lock(tmp_path):
        pass


def test_leftovers_of_dead_processes_only_are_swept(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    (tmp_path / f".tmp-{dead.pid}-abc-x").mkdir()
    (tmp_path / f".tmp-{dead.pid}-abc-y").write_text("")
    (tmp_path / f".tmp-{os.getpid()}-abc-z").write_text("")
    fsio.sweep_dead(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f".tmp-{os.getpid()}-abc-z"]


def test_a_link_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"pixels")
    fsio.link_or_copy(tmp_path / "a", tmp_path / "deep" / "b")
    assert (tmp_path / "deep" / "b").read_bytes() == b"pixels"

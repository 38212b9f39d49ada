"""Small disks and processes to interrupt: for tests of storage faults and for the table of wrong inputs."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from spfem_bench.fsio import TEMPORARY
from tests.support.bad_input.world import Said

MS_RDONLY, MS_REMOUNT, MNT_DETACH = 1, 32, 2
PATIENCE = 60.0


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of 1 MiB at ``folder``; False where this user may not mount one."""
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    mount = getattr(libc, "mount", None)
    if mount is None or mount(b"none", os.fsencode(folder), b"tmpfs", 0, b"size=1m") != 0:
        yield False
        return
    try:
        yield True
    finally:
        libc.umount2(os.fsencode(folder), MNT_DETACH)


def make_read_only(disk: Path) -> None:
    """Take away the right to write to a `small_disk`."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.mount(b"none", os.fsencode(disk), b"tmpfs", MS_REMOUNT | MS_RDONLY, None)
    assert done == 0, os.strerror(ctypes.get_errno())


def filled(disk: Path, leave: int) -> Path:
    """Fill a disk up to ``leave`` bytes."""
    filler = disk / "filler"
    free = shutil.disk_usage(disk).free
    filler.write_bytes(bytes(max(0, free - leave)))
    return filler


class Running:
    """The command line in a process of its own."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait until something is so, while the process runs."""
        limit = time.monotonic() + PATIENCE
        while not ready():
            assert self._child.poll() is None, self._child.communicate()[1]
            assert time.monotonic() < limit, "nothing came of it"
            time.sleep(0.01)

    def interrupt(self, *, group: bool) -> None:
        """Ctrl-C: to this process alone, or as a terminal does to all of its group."""
        if group:
            os.killpg(self._child.pid, signal.SIGINT)
        else:
            self._child.send_signal(signal.SIGINT)

    def finish(self) -> Said:
        """What it said in the end."""
        out, err = self._child.communicate(timeout=PATIENCE)
        return Said(self._child.returncode, out, err)


LIMITED = (
    "import resource, runpy, sys; size = int(sys.argv.pop(1));"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size));"
    "runpy.run_module('spfem_bench', run_name='__main__')"
)


def process(*arguments: object, largest_file: int | None = None) -> Running:
    """Start ``spfem-bench`` as the leader of a group of its own, perhaps with a limit on files' bytes."""
    program = ["-m", "spfem_bench"] if largest_file is None else ["-c", LIMITED, str(largest_file)]
    child = subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
        # Python 3.11 leaves a cut-off .pyc behind where a file may not grow, and trips over it ever after
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return Running(child)


def outputs_in(cache: Path) -> int:
    """Finished outputs; those in the making lie in folders of temporary names."""
    records = cache.glob("features/outputs/*/*/clip.json")
    return sum(not record.parent.name.startswith(TEMPORARY) for record in records)

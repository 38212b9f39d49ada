"""A job's own folder, from making to removal.

::

    inputs/0000/      prepared inputs of the first trial, read-only files
    python/           what the program's Python may import: bridging.py, beside it a shipped bridge.py
    01/               working directory of the first process: job.json, outputs/0000, scratch, home, tmp
    logs/01/          stdout.txt and stderr.txt
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spfem_bench.adapters.command.manifest import wrappers_dir
from spfem_bench.fsio import storage_errors, sweep_dead, temporary_beside
from spfem_bench.paths import cache_dir, kept_jobs_dir

_READ_ONLY = 0o444
_OWN = ("home", "scratch", "tmp")
_BRIDGING = "bridging.py"


@dataclass(frozen=True)
class Attempt:
    """What one process gets.

    Args:
        folder: its working directory.
        logs: where its words are kept.
        outputs: a folder for each trial, in order.
    """

    folder: Path
    logs: Path
    outputs: tuple[Path, ...]

    @property
    def scratch(self) -> Path:
        """For whatever it likes."""
        return self.folder / "scratch"

    @property
    def home(self) -> Path:
        """Stands in for the user's."""
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        """For temporary files."""
        return self.folder / "tmp"


@dataclass(frozen=True)
class Room:
    """A job's folder.

    Args:
        root: absolute.
    """

    root: Path

    @property
    def python(self) -> Path:
        """What the program's Python may import."""
        return self.root / "python"

    def bridge(self, script: Path) -> Path:
        """A copy of a bridge beside ``bridging.py``: a script finds what lies in its own folder.

        Raises:
            StorageError: the disk is full or the folder cannot be written.
        """
        copy = self.python / script.name
        with storage_errors(copy):
            if not copy.is_file():
                shutil.copyfile(script, copy)
        return copy

    def inputs(self, index: int) -> Path:
        """A new folder for the prepared inputs of one trial.

        Raises:
            StorageError: the disk is full or the folder cannot be written.
        """
        folder = self.root / "inputs" / f"{index:04d}"
        with storage_errors(folder):
            folder.mkdir(parents=True)
        return folder

    def attempt(self, trials: int) -> Attempt:
        """New folders for the next process.

        Raises:
            StorageError: the disk is full or the folders cannot be written.
        """
        number = f"{len(list((self.root / 'logs').iterdir())) + 1:02d}"
        folder, logs = self.root / number, self.root / "logs" / number
        outputs = tuple(folder / "outputs" / f"{index:04d}" for index in range(trials))
        with storage_errors(folder):
            for one in (logs, *(folder / name for name in _OWN), *outputs):
                one.mkdir(parents=True)
        return Attempt(folder, logs, outputs)

    def relative(self, text: str) -> str:
        """A text without this folder, whose name is another one each time."""
        return text.replace(f"{self.root}{os.sep}", "")


def protect(folder: Path) -> None:
    """Make the files below a folder read-only; those that have another name elsewhere are left alone."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1:
            path.chmod(_READ_ONLY)


def tidy(attempt: Attempt, *more: Path) -> int:
    """Remove what an ended process needs no more, and ``more``; the bytes that were there."""
    folders = (attempt.scratch, attempt.home, attempt.temporary, *more)
    size = sum(_size(folder) for folder in folders)
    if kept_jobs_dir() is None:
        for folder in folders:
            _remove(folder)
    return size


@contextmanager
def job_room(name: str) -> Iterator[Room]:
    """A folder in the cache that goes when the job is over, or moves to where kept jobs are wanted.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    jobs = cache_dir().absolute() / "jobs"
    with storage_errors(jobs):
        jobs.mkdir(parents=True, exist_ok=True)
        sweep_dead(jobs)
        root = temporary_beside(jobs.resolve() / name)
        for folder in (root / "logs", root / "python"):
            folder.mkdir(parents=True)
        shared = wrappers_dir() / _BRIDGING
        if shared.is_file():
            shutil.copyfile(shared, root / "python" / _BRIDGING)
    try:
        yield Room(root)
    finally:
        _put_away(root, name)


def _put_away(root: Path, name: str) -> None:
    keep = kept_jobs_dir()
    if keep is not None:
        with storage_errors(keep):
            keep.mkdir(parents=True, exist_ok=True)
            shutil.move(root, Path(tempfile.mkdtemp(prefix=f"{name}-", dir=keep)) / "job")
    _remove(root)


def _remove(folder: Path) -> None:
    """Remove a folder, also where the program took away the right to."""
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o700)  # noqa: PTH101 - a text from os.walk
    shutil.rmtree(folder, ignore_errors=True)


def _size(folder: Path) -> int:
    """Bytes of the files below a folder."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118 - as above
    return total

"""Reading folders that real people have used: stray files become notes, never crashes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from spfem_bench.datasets.records import ClipRecord
from spfem_bench.errors import DatasetError

_SHOWN = 4


def printable(name: str) -> str:
    """A file name that can be written as UTF-8, undecodable bytes escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


class Notes:
    """What was left out and why, gathered into one sentence per reason."""

    def __init__(self) -> None:
        self._items: dict[str, list[str]] = {}
        self._plain: list[str] = []

    def leave_out(self, why: str, item: str) -> None:
        """Count an item under a reason such as ``not an actor's folder``."""
        self._items.setdefault(why, []).append(printable(item))

    def say(self, sentence: str) -> None:
        """Add a sentence as it stands."""
        self._plain.append(sentence)

    def sentences(self) -> tuple[str, ...]:
        """All notes, those said first, then one per reason in order of first appearance."""
        counted = (f"{len(items)} left out ({why}): {_some(items)}." for why, items in self._items.items())
        return (*self._plain, *counted)


def _some(items: list[str]) -> str:
    more = len(items) - _SHOWN
    shown = ", ".join(items[:_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


def checked_root(root: Path, what: str) -> Path:
    """An existing, listable folder.

    Raises:
        DatasetError: it is missing, a file, or may not be read.
    """
    folder = Path(root).expanduser()
    if not folder.exists():
        raise DatasetError(f"{folder} does not exist; give the folder that holds {what}")
    if not folder.is_dir():
        raise DatasetError(f"{folder} is a file; give the folder that holds {what}")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DatasetError(f"{folder} may not be read by this user; change its permissions")
    return folder


def entries(folder: Path, root: Path, notes: Notes) -> list[Path]:
    """What is in a folder, sorted by name; hidden, broken and unreadable entries become notes.

    Symbolic links are followed: large datasets are often linked into place.
    """
    try:
        found = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        notes.leave_out(f"cannot be listed, {error.strerror}", folder.relative_to(root).as_posix())
        return []
    return [path for path in found if _usable(path, root, notes)]


def _usable(path: Path, root: Path, notes: Notes) -> bool:
    name = path.relative_to(root).as_posix()
    if path.name.startswith("."):
        notes.leave_out("hidden", name)
    elif printable(path.name) != path.name:
        notes.leave_out("name is not UTF-8", name)
    elif not path.exists():
        notes.leave_out("broken link", name)
    else:
        return True
    return False


def folders(
    parent: Path, root: Path, notes: Notes, wanted: Callable[[str], bool], why: str
) -> Iterator[Path]:
    """The sub-folders whose name is wanted; others are noted with ``why``."""
    for path in entries(parent, root, notes):
        if path.is_dir() and wanted(path.name):
            yield path
        else:
            notes.leave_out(why, path.relative_to(root).as_posix())


def unique(records: Iterable[ClipRecord], notes: Notes) -> list[ClipRecord]:
    """Sorted by id; of two files that claim one id (``017.mp4``, ``017.MP4``) the first is kept."""
    kept: dict[str, ClipRecord] = {}
    for record in records:
        if record.id in kept:
            notes.leave_out("another file has the same id", record.path)
        else:
            kept[record.id] = record
    return [kept[key] for key in sorted(kept)]


def with_takes(records: Iterable[ClipRecord]) -> list[ClipRecord]:
    """Number the recordings of one speaker, emotion, intensity and sentence in the order given."""
    seen: dict[tuple[object, ...], int] = {}
    numbered = []
    for record in records:
        key = (record.speaker, record.emotion, record.intensity, record.sentence)
        seen[key] = seen.get(key, 0) + 1
        numbered.append(replace(record, take=seen[key]))
    return numbered

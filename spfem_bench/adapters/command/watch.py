"""What a program changed where it should not: files compared before and after by name, size and time.

This finds what was written into the upstream's checkout, into the prepared inputs and beside the working
directory. Other places are not looked at; the program's home and temporary folder are inside its job.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MOST = 200_000
"""Files looked at in one tree; a larger one is watched in part."""

_PASSED_OVER = frozenset({"__pycache__", ".git"})
"""What interpreters and ``git status`` refresh by themselves."""

Seen = tuple[int, int, int]
"""Kind of file, size, time of the last change in nanoseconds."""


@dataclass(frozen=True)
class Watched:
    """A tree that is to stay as it is.

    Args:
        root: its folder.
        title: how it is called in a sentence.
        spared: places in it that may change, relative.
        only: the files and folders in it that are looked at; None: all of it.
    """

    root: Path
    title: str
    spared: Collection[str] = ()
    only: Collection[Path] | None = None


Snapshot = Mapping[str, Seen]


def snapshot(trees: Collection[Watched]) -> Snapshot:
    """Every watched file by its name in a sentence."""
    seen: dict[str, Seen] = {}
    for tree in trees:
        spared = {str(Path(place)) for place in tree.spared}
        for count, (name, entry) in enumerate(_seen(tree, spared)):
            if count == MOST:
                break
            seen[f"{tree.title}/{name}"] = entry
    return seen


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """The names of what is new, gone or different, sorted."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _seen(tree: Watched, spared: Collection[str]) -> Iterator[tuple[str, Seen]]:
    if tree.only is None:
        yield from _entries(tree.root, "", spared)
        return
    for path in sorted(tree.only):
        name = path.relative_to(tree.root).as_posix()
        if name in spared:
            continue
        if path.is_dir():
            yield from _entries(path, f"{name}/", spared)
        else:
            yield from _file(path.resolve(), name)


def _entries(folder: Path, prefix: str, spared: Collection[str]) -> Iterator[tuple[str, Seen]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if entry.name in _PASSED_OVER or name in spared:
            continue
        if not entry.is_dir(follow_symlinks=False):
            yield from _file(entry, name)
        else:
            yield f"{name}/", (stat.S_IFDIR, 0, 0)  # its time changes with what is checked anyway
            yield from _entries(Path(entry.path), f"{name}/", spared)


def _file(entry: os.DirEntry[str] | Path, name: str) -> Iterator[tuple[str, Seen]]:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return
    if (status.st_dev, status.st_ino) not in _own_streams():
        yield name, (stat.S_IFMT(status.st_mode), status.st_size, status.st_mtime_ns)


def _own_streams() -> set[tuple[int, int]]:
    """Files that this process prints into: they grow while a program runs."""
    found = set()
    for descriptor in (1, 2):
        try:
            status = os.fstat(descriptor)
        except OSError:
            continue
        found.add((status.st_dev, status.st_ino))
    return found

"""Files written so that a kill at any instant leaves the old file or the new one, never half of one."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from spfem_bench.errors import StorageError

TEMPORARY = ".tmp-"
"""Prefix of unfinished files and folders; whoever holds the folder's lock may remove them."""

_MENDS = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EFBIG: "the file would be larger than is allowed there: choose another folder",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "this user may not write there: choose another folder",
    errno.EPERM: "this user may not write there: choose another folder",
    errno.ENOENT: "the folder cannot be made there: choose another folder",
    errno.ENOTDIR: "a file is in the way: choose another folder",
    errno.EEXIST: "a file is in the way: choose another folder",
    errno.EISDIR: "a folder of that name is in the way: choose another name",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write ``path`` into one sentence.

    Raises:
        StorageError: disk full, read-only, not allowed, a file in the way; other errors pass through.
    """
    try:
        yield
    except OSError as error:
        mend = _MENDS.get(error.errno or 0)
        if mend is None:
            raise
        raise StorageError(
            f"{path} could not be written because {mend} and run the same command again "
            "(what was finished is kept)"
        ) from error


def temporary_beside(path: Path) -> Path:
    """A fresh name in the same folder, so that the final rename stays on one file system."""
    return path.with_name(f"{TEMPORARY}{os.getpid()}-{uuid.uuid4().hex[:8]}-{path.name}")


def fsync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: bytes | str, *, durable: bool = True) -> None:
    """Write a whole file: temporary name, fsync, rename.

    Args:
        path: its folder is made when missing.
        content: text is written as UTF-8.
        durable: whether it must survive a power cut; without, a cut may leave an empty file (a kill never
            does), so only what is recognised as unreadable and made again may go without.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    with writing_atomically(path, durable=durable) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def writing_atomically(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """The same for a file that is written in pieces: it appears when the block ends, if nothing was raised.

    Args:
        path: its folder is made when missing.
        durable: as `write_atomically`.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(path)
        try:
            with temporary.open("wb") as stream:
                yield stream
                if durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        if durable:
            fsync_folder(path.parent)


def link_or_copy(source: Path, target: Path) -> None:
    """Give ``target`` the content of ``source``: a hard link where possible, else an atomic copy.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(target)
        try:
            try:
                os.link(source, temporary)
            except OSError:  # another file system, or one without hard links
                _copy(source, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb") as stream:
        os.fsync(stream.fileno())


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed run left unfinished below ``folder``; call it only under the folder's lock."""
    for path in sorted(folder.rglob(f"{TEMPORARY}*"), reverse=True):
        _remove(path)


def sweep_dead(folder: Path) -> None:
    """Remove what processes that are no more left unfinished directly in a shared folder."""
    for path in folder.glob(f"{TEMPORARY}*"):
        owner = path.name.removeprefix(TEMPORARY).split("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            _remove(path)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the kernel lets go when the process dies, however it dies.

    Raises:
        StorageError: another process holds it, or the folder cannot be written.
    """
    lock = folder / ".lock"
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        raise StorageError(
            f"{folder} is in use by another run (process {holder}): wait for it, or give another folder"
        ) from error
    with storage_errors(folder):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

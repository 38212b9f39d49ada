"""Who may use a checkout at the same time: jobs beside each other, or one alone.

What is locked is the checkout's own folder, by whatever path and from whatever cache a job comes to it.
Nothing is written there. The kernel lets go when the process dies.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from spfem_bench.digest import digest_of
from spfem_bench.fsio import storage_errors
from spfem_bench.paths import cache_dir


@contextmanager
def exclusively(checkout: Path) -> Iterator[None]:
    """Hold a checkout alone, after all who hold it now; those who come later wait.

    Raises:
        StorageError: a file for the purpose cannot be written in the cache.
    """
    with _held(checkout, fcntl.LOCK_EX):
        yield


@contextmanager
def beside_others(checkout: Path) -> Iterator[None]:
    """Hold a checkout together with others who do so, after whoever holds or awaits it alone.

    Raises:
        StorageError: a file for the purpose cannot be written in the cache.
    """
    with _held(checkout, fcntl.LOCK_SH):
        yield


@contextmanager
def _held(checkout: Path, how: int) -> Iterator[None]:
    """Waiting is done one behind the other at a gate, lest those who share never let one be alone."""
    with ExitStack() as stack:
        with _unlocked_after(_opened(_in_cache(checkout, "gate"))) as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            lock = stack.enter_context(_unlocked_after(_lockable(checkout)))
            fcntl.flock(lock, how)
        yield


def _lockable(checkout: Path) -> int:
    """The folder's own descriptor; a file's in the cache where it is not there or its disk has no such locks.

    Network file systems refuse to lock alone what is open for reading only, so that is tried.
    """
    try:
        folder = os.open(checkout, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return _opened(_in_cache(checkout, "lock"))
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return folder
    except OSError:
        os.close(folder)
        return _opened(_in_cache(checkout, "lock"))
    return folder


def _in_cache(checkout: Path, suffix: str) -> Path:
    return cache_dir() / "locks" / f"{digest_of(str(checkout.resolve()))[:32]}.{suffix}"


def _opened(file: Path) -> int:
    with storage_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


@contextmanager
def _unlocked_after(descriptor: int) -> Iterator[int]:
    """Let go of a lock even where a forked process has inherited it."""
    try:
        yield descriptor
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

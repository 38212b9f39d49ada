"""Fetching network files: resumed where it stopped, checked before it counts.

A download goes to ``FILE.part`` beside its final place and is renamed only when size and digests are right,
so a file under its own name is always whole. One process fetches a file at a time; others wait and find it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spfem_bench.errors import IntegrityError, MissingWeightsError
from spfem_bench.fsio import fsync_folder, storage_errors
from spfem_bench.paths import is_offline
from spfem_bench.weights.entries import Entry, entry
from spfem_bench.weights.store import (
    cached_path,
    git_blob_of,
    missing_sentence,
    sha256_of,
    standing,
    verify,
    where,
)
from spfem_bench.weights.transfer import (
    Opener,
    PassingError,
    Progress,
    UrlError,
    WrongBytesError,
    discard,
    http_opener,
    transfer,
)


@dataclass(frozen=True)
class Policy:
    """How patient a download is.

    Args:
        timeout: seconds without a byte after which a connection counts as stalled.
        attempts: failures of one URL in a row, without a byte gained between them, before the next URL.
        backoff: seconds before the second attempt; doubled at each further one, at most 30.
        sleep: waits; replaced in tests.
    """

    timeout: float = 30.0
    attempts: int = 4
    backoff: float = 1.0
    sleep: Callable[[float], None] = time.sleep


def fetch(
    name: str, *, progress: Progress | None = None, opener: Opener | None = None, policy: Policy | None = None
) -> Path:
    """The verified file of a name, downloaded if it is not on this machine.

    A file found in the folders of ``SPFEM_BENCH_WEIGHTS`` or in the cache is verified and returned; one in
    the cache with other bytes than pinned is replaced.

    Args:
        name: as in ``configs/weights.yaml``.
        progress: called with (bytes done, bytes in all or None) as the download goes.
        opener: opens a request; the default honours ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``.
        policy: time-outs and retries.

    Raises:
        UsageError: no such name.
        MissingWeightsError: offline, or no URL gave the file; says what each answered.
        IntegrityError: every answer had other bytes than pinned, or a file put by hand has.
        StorageError: the disk is full or the cache cannot be written; the part is kept.
    """
    item = entry(name)
    target = cached_path(item)
    here = _verified(item, target)
    if here is not None:
        return here
    if not item.urls:
        raise MissingWeightsError(missing_sentence(item))
    if is_offline():
        raise MissingWeightsError(f"{missing_sentence(item)} SPFEM_BENCH_OFFLINE forbids fetching it now.")
    with _sole_owner(target):
        here = _verified(item, target)  # another process may have fetched it while this one waited
        return here or _download(
            item, target, progress or _silent, opener or http_opener(), policy or Policy()
        )


def _silent(_done: int, _total: int | None) -> None:
    pass


def _verified(item: Entry, target: Path) -> Path | None:
    """What is here already and right; wrong bytes matter only where a person put them."""
    path = where(item)
    if path is None:
        return None
    if standing(item, path) == "random":
        return path
    try:
        verify(item, path)
    except IntegrityError:
        if path == target.absolute():
            return None
        raise
    return path


@contextlib.contextmanager
def _sole_owner(target: Path) -> Iterator[None]:
    """Wait for the right to write ``target``; the kernel ends a dead process's turn."""
    with storage_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target.with_name(f"{target.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _download(item: Entry, target: Path, progress: Progress, opener: Opener, policy: Policy) -> Path:
    part = target.with_name(f"{target.name}.part")
    failures: list[tuple[str, UrlError]] = []
    for url in item.urls:
        try:
            attempt = partial(transfer, url, item, part, progress, opener, policy.timeout)
            _until_whole(attempt, item, part, policy)
        except UrlError as error:
            failures.append((url, error))
        else:
            return _keep(item, part, target)
    raise _failed(item, failures)


def _until_whole(attempt: Callable[[], None], item: Entry, part: Path, policy: Policy) -> None:
    """Repeat a transfer into ``part`` until it is whole and right.

    Raises:
        UrlError: the URL does not have the file, or kept failing.
    """
    failed = 0
    while True:
        before = _size(part)
        resumed = before > 0
        try:
            attempt()
            _check_part(item, part)
            return
        except WrongBytesError:
            discard(part)
            if not resumed:  # a resumed file may mix two publications: once more, from the start
                raise
        except PassingError as error:
            failed = 1 if _size(part) > before else failed + 1
            if failed >= policy.attempts:
                raise UrlError(f"{error} ({failed} times in a row)") from error
            policy.sleep(min(policy.backoff * 2 ** (failed - 1), 30.0))


def _check_part(item: Entry, part: Path) -> None:
    if item.sha256 is not None and sha256_of(part) != item.sha256:
        raise WrongBytesError("its bytes have another sha256 than pinned")
    if item.git_blob is not None and git_blob_of(part) != item.git_blob:
        raise WrongBytesError("its bytes are another git blob than pinned")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _keep(item: Entry, part: Path, target: Path) -> Path:
    with storage_errors(target):
        part.replace(target)
        fsync_folder(target.parent)
    discard(part)
    verify(item, target)
    return target.absolute()


def _failed(item: Entry, failures: list[tuple[str, UrlError]]) -> MissingWeightsError | IntegrityError:
    said = "; ".join(f"{url}: {error}" for url, error in failures)
    if all(isinstance(error, WrongBytesError) for _, error in failures):
        return IntegrityError(f"{item.file} was not fetched because another file is published now: {said}.")
    return MissingWeightsError(
        f"{item.file} ({item.size}) could not be fetched: {said}; run the same command again to go on where "
        "it stopped, or put the file in the folder named by SPFEM_BENCH_WEIGHTS."
    )

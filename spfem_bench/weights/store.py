"""Network files on this machine: found, and their digest checked before anyone reads them.

A file is looked for, by name, in the folders of ``SPFEM_BENCH_WEIGHTS`` and then in the cache, where each
lies in a folder named by its digest: two releases that pin different bytes share one cache in peace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from spfem_bench.errors import IntegrityError, MissingWeightsError, StorageError
from spfem_bench.fsio import write_atomically
from spfem_bench.paths import extra_weights_dirs, weights_cache
from spfem_bench.weights.entries import Entry, entry
from spfem_bench.weights.random import MARKER, is_random

Standing = Literal["pinned", "unpinned", "random"]
"""``pinned``: the published bytes; ``unpinned``: as they came; ``random``: no network at all, for trials."""

_CHUNK = 1 << 20
_Kind = Literal["sha256", "git-blob"]
_LENGTHS: Mapping[_Kind, int] = {"sha256": 64, "git-blob": 40}


def locate(name: str) -> Path:
    """The verified file of a name, or seeded random weights in its place (`spfem_bench.weights.random`).

    Its digest is computed once: the result is remembered for this very file (path, inode, size, times).

    Raises:
        UsageError: no such name.
        MissingWeightsError: not on this machine; names the command that gets it.
        IntegrityError: a file of that name is here with other bytes.
    """
    item = entry(name)
    path = where(item)
    if path is None:
        raise MissingWeightsError(missing_sentence(item))
    if standing(item, path) != "random":
        verify(item, path)
    return path


def standing(item: Entry, path: Path) -> Standing:
    """What may be said of the numbers that rest on a file.

    Raises:
        MissingWeightsError: the file cannot be read.
    """
    if (path.parent / MARKER).is_file() and is_random(path, _readable_digest(path)):
        return "random"
    return "pinned" if item.pinned else "unpinned"


def where(item: Entry) -> Path | None:
    """The file of an entry, unverified, or None where it is not on this machine."""
    places = [*(folder / item.file for folder in extra_weights_dirs()), cached_path(item)]
    return next((path.absolute() for path in places if path.is_file()), None)


def cached_path(item: Entry) -> Path:
    """Where a fetched file is kept."""
    digest_or_name = (item.sha256 or item.git_blob or "")[:16] or f"unpinned-{item.name}"
    return weights_cache() / digest_or_name / item.file


def verify(item: Entry, path: Path, *, fresh: bool = False) -> str:
    """Check a file against its pinned size, sha256 and git blob.

    Args:
        item: what it must be.
        path: the file.
        fresh: read it again even if this very file was verified before.

    Returns:
        Its sha256 (of an unpinned file too).

    Raises:
        IntegrityError: other bytes than pinned.
        MissingWeightsError: the file cannot be read.
    """
    try:
        size = path.stat().st_size
        if item.bytes is not None and size != item.bytes:
            raise IntegrityError(_other_bytes(item, path, f"{size} bytes instead of {item.bytes}"))
    except OSError as error:
        raise _unreadable(path, error) from error
    found = _readable_digest(path, fresh=fresh)
    if item.sha256 is not None and found != item.sha256:
        raise IntegrityError(_other_bytes(item, path, f"sha256 {found[:12]} instead of {item.sha256[:12]}"))
    _verify_git_blob(item, path, fresh=fresh)
    return found


def verified(item: Entry, path: Path) -> bool | None:
    """Whether a file's remembered digests are the pinned ones; None where one was never computed."""
    pins: dict[_Kind, str | None] = {"sha256": item.sha256}
    if item.git_blob is not None:
        pins["git-blob"] = item.git_blob
    known = {kind: _recorded(path, kind) for kind in pins}
    if None in known.values():
        return None
    return all(pin in {None, known[kind]} for kind, pin in pins.items())


def _verify_git_blob(item: Entry, path: Path, *, fresh: bool) -> None:
    if item.git_blob is None:
        return
    try:
        known = None if fresh else _recorded(path, "git-blob")
        found = known or _record(path, git_blob_of(path), "git-blob")
    except OSError as error:
        raise _unreadable(path, error) from error
    if found != item.git_blob:
        raise IntegrityError(
            _other_bytes(item, path, f"git blob {found[:12]} instead of {item.git_blob[:12]}")
        )


def _readable_digest(path: Path, *, fresh: bool = False) -> str:
    try:
        return digest(path, fresh=fresh)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> MissingWeightsError:
    return MissingWeightsError(f"{path} cannot be read ({error.strerror}); mend it.")


def digest(path: Path, *, fresh: bool = False) -> str:
    """Hexadecimal sha256 of a file, remembered until the file changes.

    Raises:
        OSError: the file cannot be read.
    """
    known = None if fresh else recorded_digest(path)
    return known or _record(path, sha256_of(path), "sha256")


def recorded_digest(path: Path) -> str | None:
    """The sha256 remembered for this very file, or None if it was never computed; reads no file content."""
    return _recorded(path, "sha256")


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    return _digested(path, hashlib.sha256())


def git_blob_of(path: Path) -> str:
    """Hexadecimal sha1 by which git knows a file's bytes, as ``git hash-object`` prints it.

    It tells a file from another that somebody took for it; against one made to collide it is no guard.
    """
    return _digested(path, hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False))


def _digested(path: Path, total: hashlib._Hash) -> str:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def missing_sentence(item: Entry) -> str:
    """What is missing and how to get it."""
    there = f"{item.file} ({item.size}, {item.licence}) is not on this machine"
    if not item.urls:
        return (
            f"{there} and has no direct link: {item.by_hand}; "
            "put it in the folder named by SPFEM_BENCH_WEIGHTS."
        )
    return (
        f"{there}: run `spfem-bench weights fetch {item.name}`, "
        "or put the file in the folder named by SPFEM_BENCH_WEIGHTS."
    )


def _record(path: Path, found: str, kind: _Kind) -> str:
    # A cache that cannot be written costs time, nothing else.
    with suppress(OSError, StorageError):
        write_atomically(_record_path(path, kind), f"{found}\n")
    return found


def _recorded(path: Path, kind: _Kind) -> str | None:
    try:
        text = _record_path(path, kind).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) == _LENGTHS[kind] else None


def _record_path(path: Path, kind: _Kind) -> Path:
    """One small file for each file ever verified; ctime is in the key because programs cannot set it."""
    facts = path.stat()
    real = path.resolve()
    key = f"{real}|{facts.st_dev}|{facts.st_ino}|{facts.st_size}|{facts.st_mtime_ns}|{facts.st_ctime_ns}"
    suffix = "" if kind == "sha256" else f".{kind}"
    return weights_cache() / "verified" / f"{hashlib.sha256(key.encode()).hexdigest()}{suffix}"


def _other_bytes(item: Entry, path: Path, difference: str) -> str:
    return (
        f"{path} is not the pinned {item.file}: it has {difference}; "
        f"remove it and run `spfem-bench weights fetch {item.name}`."
    )

"""Which commit a folder of code is at, and what was changed since."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT = 60.0
_LARGEST_READ = 64 << 20
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false")


@dataclass(frozen=True)
class Repository:
    """The state of a git work tree.

    Args:
        commit: full hash of HEAD.
        dirty: None when clean; else a sha256 over every change to tracked files and every untracked file
            that git does not ignore. Untracked files over 64 MiB (checkpoints, videos) count by name and
            size only.
    """

    commit: str
    dirty: str | None


def repository(path: Path, *, only: Sequence[str] = (), must_track: str | None = None) -> Repository | None:
    """The state of the git work tree that a folder belongs to; the current directory plays no part.

    Args:
        path: a folder, for example that of a model's code.
        only: files and folders, relative to the work tree's top, whose changes count; empty for all.
        must_track: a file, relative to ``path``, that the work tree must track, with ``path`` as its top;
            otherwise the repository is somebody else's and the answer is None.

    Returns:
        None where there is no work tree, no commit yet, or no git.
    """
    top = _git(path, "rev-parse", "--show-toplevel")
    commit = _git(path, "rev-parse", "--verify", "HEAD")
    if top is None or commit is None:
        return None
    root = Path(os.fsdecode(top.rstrip(b"\n")))
    if must_track is not None and not _is_ours(path, root, must_track):
        return None
    return Repository(commit.decode("ascii").strip(), _dirty(root, only))


def _is_ours(path: Path, root: Path, tracked: str) -> bool:
    return root.resolve() == path.resolve() and _git(root, "ls-files", "--error-unmatch", tracked) is not None


def _dirty(root: Path, only: Sequence[str]) -> str | None:
    changes = (
        _git(root, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--", *only)
        or b""
    )
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *only) or b""
    untracked = sorted(name for name in listed.split(b"\0") if name)
    if not changes and not untracked:
        return None
    return _digest([changes, *(part for name in untracked for part in (name, _content(root, name)))])


def _digest(parts: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()


def _content(root: Path, name: bytes) -> bytes:
    """What stands for an untracked file: its bytes, or its size where it is large, gone or unreadable."""
    path = root / os.fsdecode(name)
    try:
        if path.is_symlink():
            return os.fsencode(path.readlink())
        size = path.stat().st_size
        return path.read_bytes() if path.is_file() and size <= _LARGEST_READ else f"{size} bytes".encode()
    except OSError:
        return b"unreadable"


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints, or None where it fails; never prompts, never takes a lock."""
    try:
        done = subprocess.run(
            ["git", *_SAFE, "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            env=_environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _environment() -> dict[str, str]:
    """Ours without GIT_DIR and its kin, which a git hook sets and which would name another repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}

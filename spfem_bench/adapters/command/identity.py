"""All that can move a program's output besides the trial, as one digest.

To what the manifest pins come the things of this machine that it cannot pin: the interpreter's version, the
launcher, the checkout's commit and what was changed in it since, the files the command names, and the content
of assets whose digest nobody published.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.parts import Asset
from spfem_bench.adapters.command.places import Place
from spfem_bench.adapters.command.probing import SECONDS, ProbeError, ask_interpreter, read_head
from spfem_bench.digest import digest_bytes, digest_file, digest_of
from spfem_bench.errors import UsageError
from spfem_bench.paths import features_cache
from spfem_bench.store.objects import ObjectStore


def identity_of(manifest: Manifest, place: Place) -> str:
    """Hexadecimal sha256.

    Raises:
        UsageError: the interpreter cannot be started, or an asset is not there.
    """
    is_clone = manifest.upstream.repository is not None
    return digest_of(
        {
            "manifest": manifest.digest,
            "launcher": place.launcher,
            "python": _python(manifest, place),
            "checkout": _checkout(place.checkout) if is_clone else [],
            "command": [_digest(file) for file in _named_files(manifest, place)],
            "assets": [
                _content(manifest, place, one) for one in manifest.needed_assets if one.sha256 is None
            ],
        }
    )


def _python(manifest: Manifest, place: Place) -> list[object]:
    """The versions the interpreter says it and the named packages have; empty where the command has none.

    Raises:
        UsageError: it cannot be started.
    """
    if not any("{python}" in word for word in manifest.command):
        return []
    try:
        found = ask_interpreter([*place.launcher, place.python], sorted(manifest.environment.packages))
    except ProbeError as error:
        raise UsageError(
            f"{manifest.name}: {error}; see `spfem-bench baseline check {manifest.reference}`"
        ) from error
    return [found.python, dict(found.packages)]


def _checkout(folder: Path) -> list[str]:
    """The commit, and a digest of what differs from it; empty without git."""
    try:
        head = read_head(folder)
    except ProbeError:
        return []
    return [head.commit, digest_bytes(_changes(folder))] if head.changed else [head.commit]


def _changes(folder: Path) -> bytes:
    """What differs from the commit.

    Raises:
        UsageError: git cannot say it.
    """
    safe = ("-c", "core.fsmonitor=false", "diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD")
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *safe], capture_output=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"git cannot say what was changed in {folder}: mend the clone") from error
    return done.stdout


def _named_files(manifest: Manifest, place: Place) -> Iterator[Path]:
    """Scripts that the command names, besides the bridge, which the manifest's digest has."""
    words = place.argv(manifest, Path("job.json"))[len(place.launcher) :]
    for word, filled in zip(manifest.command, words, strict=True):
        file = Path(filled)
        if word not in {"{python}", "{bridge}", "{job}"} and file.is_absolute() and file.is_file():
            yield file


def _content(manifest: Manifest, place: Place, asset: Asset) -> list[list[str]]:
    """(relative path, digest) of every file of an asset whose digest is not pinned.

    Raises:
        UsageError: it is not there.
    """
    root = place.asset(asset.path)
    files = sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else [root]
    try:
        return [[file.relative_to(root).as_posix(), _digest(file)] for file in files]
    except OSError as error:
        raise UsageError(
            f"{manifest.name} needs {root} ({error.strerror}); "
            f"`spfem-bench baseline check {manifest.reference}` says where it is had"
        ) from error


def _digest(file: Path) -> str:
    """A file's digest, remembered by path, size and time: assets are gigabytes."""
    store = ObjectStore(features_cache())
    status = file.stat()
    seen = [str(file.resolve()), status.st_size, status.st_mtime_ns, status.st_ino]
    key = digest_of(["file", *seen])
    known = store.get_json("files", key)
    if known is not None:
        return str(known)
    found = digest_file(file)
    store.put_json("files", key, found)
    return found

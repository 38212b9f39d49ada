"""Files whose bytes can move an output: a program's own code, its assets, and their digests.

What counts as code of a program of one's own is a rule, because nobody can see what a script imports: files
named ``*.py`` and the like (`SUFFIXES`) at any depth below the manifest's folder, ``*.json`` beside the
manifest, none over `LARGEST` bytes. Whatever else it reads has to be listed as an asset.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.places import PLACE, Place
from spfem_bench.digest import digest_file, digest_of
from spfem_bench.errors import UsageError
from spfem_bench.paths import cache_dir, kept_jobs_dir
from spfem_bench.weights import digest

SUFFIXES = frozenset(
    {".py", ".pyx", ".sh", ".js", ".lua", ".jl", ".m", ".r", ".yaml", ".yml", ".toml", ".ini", ".cfg"}
)
"""Of code and settings, at any depth."""

LARGEST = 1 << 20
"""Bytes of a file that still counts as code."""

MOST = 2000
"""Code files; a folder with more holds more than a program."""

_BESIDE = ".json"
"""Beside the manifest only: deeper lie the records of data sets and runs."""
_SKIPPED = {"__pycache__", "node_modules"}
_ENVIRONMENT = {"pyvenv.cfg", "conda-meta"}


def code_files(manifest: Manifest, place: Place) -> list[Path]:
    """The code of a program of one's own, sorted; of a shipped wrapper none, as its bridge is known.

    The checkout's code is among them where it is no clone, of which git tells what was changed.

    Raises:
        UsageError: there are more than `MOST`.
    """
    spared = spared_paths(manifest, place)
    return sorted({file for folder in code_folders(manifest, place) for file in code_below(folder, spared)})


def code_folders(manifest: Manifest, place: Place) -> list[Path]:
    """Where a program of one's own has its code; a clone's is known by its commit."""
    if manifest.is_shipped:
        return []
    is_clone = manifest.upstream.repository is not None
    return [manifest.folder] if is_clone else list(dict.fromkeys([manifest.folder, place.checkout]))


def spared_paths(manifest: Manifest, place: Place) -> set[Path]:
    """What lies beside a program's code and is none: manifest and note, what it writes, caches."""
    own = [manifest.file, manifest.folder / PLACE, place.note, cache_dir(), kept_jobs_dir()]
    written = [place.checkout / path for path in manifest.writable]
    return {path.resolve() for path in (*own, *written) if path is not None}


def code_below(folder: Path, spared: Iterable[Path] = ()) -> list[Path]:
    """Files below a folder that count as code; links to folders, hidden folders and environments do not.

    Args:
        folder: need not be there.
        spared: resolved files and folders that do not count.

    Raises:
        UsageError: there are more than `MOST`.
    """
    left_out, found = set(spared), list[Path]()
    for path, folders, names in os.walk(folder.resolve()):
        here = Path(path)
        folders[:] = sorted(name for name in folders if _is_searched(here / name, left_out))
        found += [here / name for name in names if _is_code(here / name, is_top=here == folder.resolve())]
        if len(found) > MOST:
            raise UsageError(
                f"more than {MOST} code files lie below {folder}, so nobody can tell which of them make the "
                "program: put it and its manifest into a folder of their own"
            )
    return sorted(set(found) - left_out)


def _is_searched(folder: Path, left_out: set[Path]) -> bool:
    if folder.name in _SKIPPED or folder.name.startswith(".") or folder in left_out:
        return False
    return not any((folder / name).exists() for name in _ENVIRONMENT)


def _is_code(file: Path, *, is_top: bool) -> bool:
    suffix = file.suffix.lower()
    if file.name.startswith(".") or not (suffix in SUFFIXES or (is_top and suffix == _BESIDE)):
        return False
    return file.is_file() and file.stat().st_size <= LARGEST


def named_files(manifest: Manifest, place: Place) -> Iterator[Path]:
    """Scripts that the command names, besides the bridge."""
    words = place.words(manifest, Path("job.json"))
    for word, filled in zip(manifest.command, words, strict=True):
        file = Path(filled)
        if word not in {"{python}", "{bridge}", "{job}"} and file.is_absolute() and file.is_file():
            yield file


def digest_code(folder: Path, spared: Iterable[Path] = ()) -> str:
    """One digest of the code below a folder, by paths relative to it and bytes.

    Raises:
        UsageError: there are more than `MOST` files, or one of them cannot be read.
    """
    root = folder.resolve()
    try:
        return digest_of([[os.path.relpath(one, root), digest_file(one)] for one in code_below(root, spared)])
    except OSError as error:
        raise UsageError(
            f"{error.filename} cannot be read ({error.strerror}), and it is part of the program: mend it"
        ) from error


def content_of(asset: Path) -> str:
    """The digest of an asset: of a file's bytes, or of all names and bytes of a folder.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    if not asset.is_dir():
        return digest(asset)
    files = sorted(path for path in asset.rglob("*") if path.is_file())
    return digest_of([[file.relative_to(asset).as_posix(), digest(file)] for file in files])

"""A run bundle: one folder with all of a run, whole once its manifest is there.

spec.json           what was asked: dataset digest, protocol, suite, adapters, seed, device
environment.json    what it ran on, as far as it can move a number
trials.jsonl        the plan: one line per trial and per real clip
rows.parquet        one line per system, metric and trial
features/           feature matrices of set metrics
scores.json         the reduced numbers with their definitions
outputs/            what the models made (lossless), with sidecars
MANIFEST.sha256     digest of every file above; written last
circumstances.json  time, host, durations: varies, so outside the manifest
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spfem_bench.digest import digest_file
from spfem_bench.errors import IntegrityError, UsageError
from spfem_bench.fsio import TEMPORARY, remove_leftovers, write_atomically

MANIFEST = "MANIFEST.sha256"
CIRCUMSTANCES = "circumstances.json"
_SPEC = "spec.json"
_OUTSIDE = {MANIFEST, CIRCUMSTANCES, ".lock"}
_LAYOUT = {
    MANIFEST,
    CIRCUMSTANCES,
    _SPEC,
    "environment.json",
    "trials.jsonl",
    "rows.parquet",
    "features",
    "scores.json",
    "outputs",
}


def write_json(path: Path, value: object) -> None:
    """Write sorted, indented JSON with a trailing newline; NaN is refused."""
    write_atomically(path, json.dumps(value, sort_keys=True, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read one of a bundle's JSON files.

    Raises:
        UsageError: the file is missing, so this is no bundle or an unfinished one.
        IntegrityError: the file is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            f"{path.parent} has no {path.name}: give a finished bundle, or run its command again to finish it"
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): give a finished bundle") from error
    except (ValueError, RecursionError) as error:
        raise IntegrityError(
            f"{path} is not JSON: the bundle was damaged, restore it or run again"
        ) from error


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object per line."""
    text = "".join(json.dumps(line, sort_keys=True, allow_nan=False) + "\n" for line in lines)
    write_atomically(path, text)


def bundle_files(folder: Path) -> list[Path]:
    """The files a manifest covers, sorted by relative path."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(TEMPORARY))
    return sorted(path for path in files if path.relative_to(folder).as_posix() not in _OUTSIDE)


def write_manifest(folder: Path) -> str:
    """Write the manifest, which makes the bundle whole.

    Returns:
        The manifest's text.
    """
    lines = []
    for path in bundle_files(folder):
        name = path.relative_to(folder).as_posix()
        lines.append(f"{digest_file(path)}  {name}\n")
    text = "".join(lines)
    write_atomically(folder / MANIFEST, text)
    return text


def claim(folder: Path, spec: Mapping[str, Any], *, overwrite: str) -> None:
    """Make a folder this run's own, under its lock, before anything is written.

    A finished bundle of this very run stays whole until `reopen`.

    Args:
        folder: where the bundle shall be.
        spec: the frozen run specification.
        overwrite: ``never``, ``missing``, ``always`` or ``unfinished``, as a run's `Options` say.

    Raises:
        UsageError: the folder holds something else, another run, or a finished one under ``never``.
        IntegrityError: its specification is damaged, so nobody can say whose run it is.
    """
    refuse_foreign(folder)
    if overwrite == "never" and is_whole(folder):
        raise UsageError(f"{folder} holds a finished run: give another folder, or --overwrite missing")
    replaceable = overwrite == "always" or (overwrite == "unfinished" and not is_whole(folder))
    held = (folder / _SPEC).exists() and not replaceable
    if held and _held_spec(folder) != spec:
        raise UsageError(
            f"{folder} holds a run of another specification: give another folder, or --overwrite always"
        )
    remove_leftovers(folder)
    if not held:
        reopen(folder)
        write_json(folder / _SPEC, spec)


def refuse_foreign(folder: Path) -> None:
    """Accept a folder that is not there, empty, or a bundle; touch nothing.

    Raises:
        UsageError: it holds something that no run wrote, or files named like a bundle's but no ``spec.json``,
            which every run writes first.
    """
    present = {path.name for path in folder.iterdir()} - {".lock"} if folder.is_dir() else set()
    known = _LAYOUT if _SPEC in present else set()
    foreign = sorted(name for name in present - known if not name.startswith(TEMPORARY))
    if foreign:
        raise UsageError(
            f"{folder} holds {foreign[0]}, which is no part of a run bundle: give an empty folder"
        )


def _held_spec(folder: Path) -> Any:
    try:
        return read_json(folder / _SPEC)
    except IntegrityError as error:
        raise IntegrityError(
            f"{folder / _SPEC} is damaged: restore it, give another folder, or --overwrite always"
        ) from error


def reopen(folder: Path) -> None:
    """Take back that a bundle is whole, before any of its files is changed."""
    (folder / MANIFEST).unlink(missing_ok=True)


def prune(folder: Path, keep: Iterable[str]) -> None:
    """Remove files of an earlier run that this one does not have, so that the manifest tells all."""
    kept = set(keep)
    for path in bundle_files(folder):
        if path.relative_to(folder).as_posix() not in kept:
            path.unlink()


def is_whole(folder: Path) -> bool:
    """Whether the folder is a finished bundle."""
    return (folder / MANIFEST).exists()

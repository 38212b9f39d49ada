"""The manifest against the folder: nothing changed, removed, added, or leading out of it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from spfem_bench.digest import digest_file
from spfem_bench.fsio import TEMPORARY
from spfem_bench.store.bundle import CIRCUMSTANCES, MANIFEST
from spfem_bench.verifying.contents import DOCUMENTS, ROWS, Contents, safe_name
from spfem_bench.verifying.model import Check, Problem

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_UNHASHED = {MANIFEST, CIRCUMSTANCES, ".lock"}
_OUTPUT_SUFFIXES = (".mkv", ".json")
_WHAT = "files have the digest of the manifest"


def safe_path(text: str) -> bool:
    """Whether a relative POSIX path stays inside the folder it is taken from, spelt in the one plain way."""
    return all(safe_name(part) for part in text.split("/"))


def survey(folder: Path) -> tuple[set[str], list[Problem]]:
    """Regular files below a folder, as relative POSIX paths, and everything that has no business there.

    Symbolic links, pipes and devices are reported and never followed or opened.
    """
    files: set[str] = set()
    problems: list[Problem] = []
    for place, folders, names in os.walk(folder, followlinks=False):
        for name in sorted([*folders, *names]):
            path = Path(place, name)
            relative, mode = path.relative_to(folder).as_posix(), path.lstat().st_mode
            if stat.S_ISREG(mode):
                files.add(relative)
            elif not stat.S_ISDIR(mode):
                kind = "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
                problems.append(Problem(relative, f"is {kind}, which a bundle never holds; it was not read"))
    return files, problems


def check_files(folder: Path, files: set[str], foreign: list[Problem], contents: Contents) -> Check:
    """Every line of the manifest, and every file without one.

    Args:
        folder: the bundle.
        files: from `survey`.
        foreign: from `survey`.
        contents: what the bundle should hold follows from its specification, plan and scores.
    """
    if MANIFEST not in files:
        missing = Problem(MANIFEST, "is missing: the run never finished, or somebody removed it")
        return Check("files", _WHAT, 0, len(files), [*foreign, missing])
    entries, malformed = _manifest((folder / MANIFEST).read_bytes())
    belongs = _layout(contents)
    found = [
        *malformed,
        *foreign,
        *_absent(entries, files, foreign),
        *(problem for name in sorted(entries) if (problem := _wrong(folder, name, entries, files, belongs))),
        *_unlisted(entries, files),
    ]
    bad = {problem.subject for problem in found} & set(entries)
    return Check("files", _WHAT, len(entries) - len(bad), len(entries), found)


def _manifest(content: bytes) -> tuple[dict[str, str], list[Problem]]:
    entries: dict[str, str] = {}
    problems = []
    for number, line in enumerate(content.decode("utf8", errors="replace").splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            problems.append(Problem(f"{MANIFEST}, line {number}", "is not a digest and a path"))
        elif not safe_path(match[2]):
            problems.append(
                Problem(f"{MANIFEST}, line {number}", f"names {match[2]!r}, a path that escapes the bundle")
            )
        elif match[2] in entries:
            problems.append(Problem(f"{MANIFEST}, line {number}", f"names {match[2]} a second time"))
        else:
            entries[match[2]] = match[1]
    return entries, problems


def _absent(entries: Mapping[str, str], files: set[str], foreign: list[Problem]) -> Iterator[Problem]:
    """What every bundle has and this one lacks."""
    odd = {problem.subject for problem in foreign}
    for name in sorted({*DOCUMENTS, ROWS} - set(entries) - odd):
        here = "is not in the manifest" if name in files else "is missing, and the manifest does not list it"
        yield Problem(name, f"{here}; every bundle holds it")


def _wrong(
    folder: Path, name: str, entries: Mapping[str, str], files: set[str], belongs: Callable[[str], bool]
) -> Problem | None:
    """What is wrong with one entry; a foreign one is not read."""
    if not belongs(name):
        return Problem(name, "is a foreign entry of the manifest: this run has no such file")
    if name not in files:
        return Problem(name, "is listed in the manifest, but was removed")
    digest = digest_file(folder / name)
    if digest != entries[name]:
        return Problem(
            name, f"was changed after the run: its digest is {digest[:12]}, recorded {entries[name][:12]}"
        )
    return None


def _unlisted(entries: Mapping[str, str], files: set[str]) -> Iterator[Problem]:
    known = {*entries, *_UNHASHED, *DOCUMENTS, ROWS}
    for name in sorted(files - known):
        if not name.rpartition("/")[2].startswith(TEMPORARY):
            yield Problem(name, "is not listed in the manifest: it was added after the run")


def _layout(contents: Contents) -> Callable[[str], bool]:
    """Whether a path belongs to this run; where a document cannot be read, what it would name is let pass."""
    fixed = {*DOCUMENTS, ROWS}
    metrics, systems, trials = contents.matrices, contents.systems, contents.trial_ids

    def belongs(name: str) -> bool:
        """Whether a path is one that this run writes."""
        parts = name.split("/")
        if len(parts) == 2 and parts[0] == "features":
            stem = parts[1].removesuffix(".safetensors")
            return stem != parts[1] and (metrics is None or stem in metrics)
        if len(parts) == 3 and parts[0] == "outputs":
            stem, dot, suffix = parts[2].rpartition(".")
            known = (systems is None or parts[1] in systems) and (trials is None or stem in trials)
            return f"{dot}{suffix}" in _OUTPUT_SUFFIXES and known
        return name in fixed

    return belongs

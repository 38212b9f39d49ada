"""Outputs against their records: decoded to the last frame and sample, and answering for the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from spfem_bench.clips import content_digest, open_clip
from spfem_bench.clips.stored import read_meta
from spfem_bench.errors import ClipError, IntegrityError
from spfem_bench.progress import Progress
from spfem_bench.verifying.contents import Contents
from spfem_bench.verifying.model import Check, Problem
from spfem_bench.verifying.rows import Line

_LEFT_OUT = "was written without its outputs, so nothing shows what the rows were read from"


def check_clips(
    folder: Path, files: set[str], contents: Contents, lines: Sequence[Line], progress: Progress
) -> Check:
    """Every output that should be there: its pixels and samples against the digests taken when it was made.

    Args:
        folder: the bundle.
        files: its regular files.
        contents: its documents.
        lines: its rows.
        progress: told of every clip.
    """
    kept = kept_systems(contents, files)
    clips = [clip for system in kept for clip in _clips(system, contents) if f"{clip}.mkv" in files]
    problems: list[Problem] = []
    progress.start("decode", len(clips))
    for clip in clips:
        problems += _content(folder, clip, files)
        progress.advance("decode", clip)
    progress.finish("decode")
    bad = len(problems)
    problems += [found for system in kept for found in _unanswered(system, contents, files, lines)]
    problems += [found for system in kept for found in _stretched(folder, system, contents, files, lines)]
    problems += [Problem(system, _LEFT_OUT, "unverifiable") for system in contents.unplaced]
    return Check(
        "clips", "outputs decode to the content recorded of them", len(clips) - bad, len(clips), problems
    )


def kept_systems(contents: Contents, files: set[str]) -> list[str]:
    """Systems whose outputs a bundle holds: every model, and the bounds that were kept."""
    with_outputs = {name.split("/")[1] for name in files if name.startswith("outputs/")}
    spec = contents.spec or {"systems": []}
    models = {s["name"] for s in spec["systems"] if s["role"] == "model"} - set(contents.unplaced)
    return [s["name"] for s in spec["systems"] if s["name"] in models | with_outputs]


def _clips(system: str, contents: Contents) -> list[str]:
    return [f"outputs/{system}/{trial['id']}" for trial in contents.trials]


def _content(folder: Path, clip: str, files: set[str]) -> Iterator[Problem]:
    name = f"{clip}.mkv"
    if f"{clip}.json" not in files:
        yield Problem(name, "has no record beside it, so nobody can tell what it should show")
        return
    try:
        opened = open_clip(folder / name)
        if opened.stored is None:
            yield Problem(f"{clip}.json", "is no record of a stored clip")
        elif content_digest(opened) != opened.stored.digest:
            yield Problem(name, "does not show or say what was recorded of it: damaged, or another clip")
    except (ClipError, IntegrityError) as error:
        why = str(error).replace(f"{folder / name} ", "").replace(f"{folder}/", "")
        yield Problem(name, f"cannot be read as it was stored: {why}")


def _unanswered(system: str, contents: Contents, files: set[str], lines: Sequence[Line]) -> Iterator[Problem]:
    """Readings of outputs that are not there."""
    read = {line["trial"] for line in lines if line["system"] == system and line["state"] == "scored"}
    for trial in contents.trials:
        clip = f"outputs/{system}/{trial['id']}.mkv"
        if trial["id"] in read and clip not in files:
            yield Problem(clip, "is missing, though rows hold readings of it")


def _stretched(
    folder: Path, system: str, contents: Contents, files: set[str], lines: Sequence[Line]
) -> Iterator[Problem]:
    """Readings, by metrics that compare whole frames, of outputs that are crops by their own records."""
    columns = (contents.scores or {"columns": []})["columns"]
    whole = {column["name"] for column in columns if column.get("whole_frames")}
    own = [line for line in lines if line["system"] == system and line["metric"] in whole]
    read = {line["trial"] for line in own if line["state"] == "scored"}
    for trial in contents.trials:
        clip = f"outputs/{system}/{trial['id']}"
        if trial["id"] in read and f"{clip}.json" in files and _space(folder / f"{clip}.mkv") != "frame":
            yield Problem(f"{clip}.json", "says that it is a crop, though whole frames were compared with it")


def _space(clip: Path) -> str:
    """What a clip shows by its record; a damaged record is told elsewhere."""
    try:
        meta = read_meta(clip)
    except IntegrityError:
        return "frame"
    return "frame" if meta is None else meta.space


def missing_outputs(
    contents: Contents, files: set[str], lines: Sequence[Line]
) -> Mapping[str, Mapping[str, int]]:
    """System -> reason -> number of trials without an output, for systems whose outputs are kept."""
    reasons = {(line["system"], line["trial"]): line["reason"] for line in lines if line["reason"]}
    counts: dict[str, dict[str, int]] = {}
    for system in kept_systems(contents, files):
        own = counts.setdefault(system, {})
        for trial in contents.trials:
            if f"outputs/{system}/{trial['id']}.mkv" not in files:
                reason = str(reasons.get((system, trial["id"]), ""))
                own[reason] = own.get(reason, 0) + 1
    return counts

"""RAVDESS as Zenodo record 1188976 unpacks: ``Actor_NN/MM-VC-EE-II-SS-RR-AA.mp4``.

The seven codes are modality, vocal channel, emotion, intensity, statement, repetition, actor. Only modality
01 (picture and sound) is indexed: 02 is its silent duplicate, 03 has no picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from spfem_bench.datasets.cards import card
from spfem_bench.datasets.records import ClipRecord, Dataset
from spfem_bench.datasets.rendered import as_rendered, belongs_to_rendering, finished_marker
from spfem_bench.datasets.scan import Notes, checked_root, entries, unique
from spfem_bench.errors import DatasetError

EMOTION_CODES = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fear",
    "07": "disgusted",
    "08": "surprised",
}
"""RAVDESS code -> label. ``calm`` has no counterpart among the field's labels and stays outside them."""

_NAME = re.compile(r"(0[123])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)\.(mp4|wav)", re.IGNORECASE)
_ACTOR = re.compile(r"Actor_(\d\d)")


@dataclass(frozen=True)
class _Name:
    """The seven codes of a file name, as written."""

    modality: str
    channel: str
    emotion: str
    intensity: str
    statement: str
    repetition: str
    actor: str


def read(root: Path, *, song: bool = False) -> Dataset:
    """Index a RAVDESS folder by its names.

    Intensity 01 (normal) is 1, 02 (strong) is 2. The statement is the sentence key, because both statements
    are spoken in every emotion; the repetition is the take. ``calm`` has emotion None and ``extra["label"]``.

    Args:
        root: the folder that holds ``Actor_01`` to ``Actor_24``.
        song: also index the sung channel (02), which is left out by default.

    Raises:
        DatasetError: the folder is missing, or holds no clip of this layout; it was rendered, and not to the
            end.
    """
    base = checked_root(root, "RAVDESS's Actor_NN folders")
    marker = finished_marker(base)
    notes = Notes()
    records = unique(_records(base, song, notes), notes)
    if not records:
        raise DatasetError(_why_empty(base, notes))
    for sentence in () if marker else gaps(records):
        notes.say(sentence)
    found = Dataset("ravdess", base, records, licence=card("ravdess").licence, notes=notes.sentences())
    return as_rendered(found, marker)


def gaps(records: list[ClipRecord]) -> list[str]:
    """One sentence per actor whose 60 speech trials are not all there."""
    found = []
    for actor in sorted({record.speaker for record in records}):
        here = {record.id for record in records if record.speaker == actor}
        trials = speech_trials(actor)
        missing = [trial for trial in trials if f"{actor}/{trial}" not in here]
        if missing:
            some = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
            present = len(trials) - len(missing)
            found.append(f"{actor} has {present} of {len(trials)} speech trials; missing are {some}.")
    return found


def speech_trials(actor: str) -> list[str]:
    """The 60 names (without extension) of an actor's spoken clips with picture and sound."""
    codes = product(EMOTION_CODES, ("01", "02"), ("01", "02"), ("01", "02"))
    number = actor.removeprefix("Actor_")
    return [
        f"01-01-{emotion}-{level}-{statement}-{repetition}-{number}"
        for emotion, level, statement, repetition in codes
        if (emotion, level) != ("01", "02")
    ]


def _records(base: Path, song: bool, notes: Notes) -> Iterator[ClipRecord]:
    for folder in entries(base, base, notes):
        if folder.is_dir() and _ACTOR.fullmatch(folder.name):
            for path in entries(folder, base, notes):
                yield from _record(path, base, song, notes)
        elif folder.suffix.lower() == ".zip":
            notes.say(f"{folder.name} is not unpacked: run `unzip {folder} -d {base}` to index it.")
        elif not belongs_to_rendering(folder, base):
            notes.leave_out("not an Actor_NN folder", folder.name)


def _record(path: Path, base: Path, song: bool, notes: Notes) -> Iterator[ClipRecord]:
    match = _NAME.fullmatch(path.name)
    relative = path.relative_to(base).as_posix()
    if match is None or not path.is_file():
        notes.leave_out("name is not MM-VC-EE-II-SS-RR-AA.mp4 with known codes", relative)
        return
    name = _Name(*match.groups()[:7])
    why = _left_out(name, path, song)
    if why:
        notes.leave_out(why, relative)
        return
    label = EMOTION_CODES[name.emotion]
    yield ClipRecord(
        id=f"{path.parent.name}/{path.stem}",
        path=relative,
        speaker=path.parent.name,
        emotion=None if label == "calm" else label,
        intensity=int(name.intensity),
        sentence=card("ravdess").sentences[name.statement],
        take=int(name.repetition),
        extra={
            "label": label,
            "modality": name.modality,
            "channel": name.channel,
            "statement": name.statement,
        },
    )


def _left_out(name: _Name, path: Path, song: bool) -> str | None:
    if path.parent.name != f"Actor_{name.actor}":
        return "the actor in the name is not the folder's"
    if name.modality == "03" or path.suffix.lower() == ".wav":
        return "sound only, modality 03"
    if name.modality == "02":
        return "picture only, modality 02, the silent duplicate of 01"
    if name.channel == "02" and not song:
        return "sung, channel 02"
    if (name.emotion, name.intensity) == ("01", "02"):
        return "neutral has no strong intensity"
    return None


def _why_empty(base: Path, notes: Notes) -> str:
    said = notes.sentences()
    reason = f" ({said[0].rstrip('.')})" if said else ""
    pattern = card("ravdess").layout[0]
    return f"{base} holds no spoken RAVDESS clip at {pattern}{reason}; give the folder of the actors"

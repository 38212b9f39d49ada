"""MEAD as it is distributed: ``<ID>/video/<view>/<emotion>/level_<n>/<NNN>.mp4``, audio beside it.

Clip numbers are not sentence numbers: speakers follow at least three numbering schemes, and disgust's common
sentences stand first for some and last for others. So `ClipRecord.sentence` is set only where a transcript
says it, or where the clip belongs to the pairs that published training code uses (`documented_sentence`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spfem_bench.datasets.cards import card
from spfem_bench.datasets.records import EMOTIONS, ClipRecord, Dataset
from spfem_bench.datasets.rendered import as_rendered, belongs_to_rendering, finished_marker
from spfem_bench.datasets.scan import Notes, checked_root, entries, folders, unique
from spfem_bench.datasets.transcripts import Transcripts, read_transcripts
from spfem_bench.errors import DatasetError

VIEWS = ("front", "left_30", "left_60", "right_30", "right_60", "top", "down")

_ACTOR = re.compile(r"[MW]\d{3}")
_LEVEL = re.compile(r"level_([123])")
_CLIP = re.compile(r"(\d{3})\.mp4", re.IGNORECASE)
_AUDIO = re.compile(r"(\d{3})\.(m4a|wav)", re.IGNORECASE)


@dataclass(frozen=True)
class _Group:
    """The clips of one actor, emotion and level: number -> path, for each view, and for the audio."""

    actor: str
    emotion: str
    level: int
    views: Mapping[str, Mapping[str, Path]]
    audio: Mapping[str, Path]


def read(root: Path) -> Dataset:
    """Index a MEAD folder by its names.

    Every view is indexed, contempt too; protocols choose. ``extra`` holds ``view``, ``number`` (the file's
    three digits), ``rank`` (the number's place among this actor's numbers of that emotion and level, over all
    views in the tree, from 1) and, with a sentence, ``sentence-from``.

    Raises:
        DatasetError: the folder is missing, or holds no such clip (``video.tar`` not extracted, ...); it was
            rendered, and not to the end.
    """
    base = checked_root(root, "MEAD's actor folders (M003, W015, ...)")
    marker = finished_marker(base)
    notes = Notes()
    transcripts = read_transcripts(base)
    records = unique(_records(base, transcripts, notes), notes)
    if not records:
        raise DatasetError(_why_empty(base, notes))
    notes.say(_about_sentences(records))
    found = Dataset("mead", base, records, licence=card("mead").licence, notes=notes.sentences())
    return as_rendered(found, marker)


def documented_sentence(actor: str, emotion: str, level: int, number: int) -> str | None:
    """The shared sentence of a clip as the published pair list has it, or None.

    The list pairs, for 36 actors, neutral 001-003 with level_3 clips 001-003 of six emotions, and with
    028-030 where the actor's disgust is numbered so. It says nothing of the words, other levels or contempt,
    nor whether two actors share an order: the key is therefore the actor's own, e.g. ``M005-common-1``.
    """
    shared = card("mead").shared
    last = actor in shared["disgusted-last"]
    listed = last or actor in shared["disgusted-first"]
    if not listed or emotion == "contempt" or level != (1 if emotion == "neutral" else 3):
        return None
    place = number - 27 if last and emotion == "disgusted" else number
    return f"{actor}-common-{place}" if 1 <= place <= shared["clips"] else None


def _records(base: Path, transcripts: Transcripts, notes: Notes) -> Iterator[ClipRecord]:
    for actor in entries(base, base, notes):
        if actor.is_dir() and _ACTOR.fullmatch(actor.name):
            for group in _groups(actor, base, notes):
                yield from _clips(group, base, transcripts)
        elif not transcripts.is_file(actor) and not belongs_to_rendering(actor, base):
            notes.leave_out("not an actor's folder", actor.name)


def _groups(actor: Path, base: Path, notes: Notes) -> Iterator[_Group]:
    if not (actor / "video").is_dir():
        _note_no_video(actor, notes)
        return
    videos = _video_files(actor, base, notes)
    for emotion, level in sorted({key[1:] for key in videos}):
        audio = _files(actor / "audio" / emotion / f"level_{level}", _AUDIO, base, Notes())
        views = {view: files for (view, e, n), files in sorted(videos.items()) if (e, n) == (emotion, level)}
        yield _Group(actor.name, emotion, level, views, audio)


def _video_files(actor: Path, base: Path, notes: Notes) -> dict[tuple[str, str, int], dict[str, Path]]:
    found = {}
    for view in folders(actor / "video", base, notes, VIEWS.__contains__, "not a view"):
        for emotion in folders(view, base, notes, EMOTIONS.__contains__, "not an emotion of MEAD"):
            for level in folders(
                emotion, base, notes, lambda name: bool(_LEVEL.fullmatch(name)), "not a level"
            ):
                if emotion.name == "neutral" and level.name != "level_1":
                    notes.leave_out("neutral has level_1 only", level.relative_to(base).as_posix())
                    continue
                files = _files(level, _CLIP, base, notes)
                found[view.name, emotion.name, int(level.name[-1])] = files
    return found


def _files(folder: Path, pattern: re.Pattern[str], base: Path, notes: Notes) -> dict[str, Path]:
    """Number -> file. An m4a comes before a wav of the same number: it is what MEAD distributes."""
    found: dict[str, Path] = {}
    if not folder.is_dir():
        return found
    for path in entries(folder, base, notes):
        match = pattern.fullmatch(path.name)
        if match is None or not path.is_file():
            notes.leave_out("name is not NNN.mp4", path.relative_to(base).as_posix())
        elif match[1] in found:
            notes.leave_out("another file has the same number", path.relative_to(base).as_posix())
        else:
            found[match[1]] = path
    return found


def _clips(group: _Group, base: Path, transcripts: Transcripts) -> Iterator[ClipRecord]:
    numbers = sorted({number for files in group.views.values() for number in files})
    for view, files in group.views.items():
        for number, path in files.items():
            spoken, origin = _sentence(group, int(number), transcripts)
            extra = {"view": view, "number": number, "rank": str(numbers.index(number) + 1)}
            audio = group.audio.get(number)
            yield ClipRecord(
                id=f"{group.actor}/{view}/{group.emotion}/level_{group.level}/{number}",
                path=path.relative_to(base).as_posix(),
                speaker=group.actor,
                emotion=group.emotion,
                intensity=group.level,
                sentence=spoken,
                audio=None if audio is None else audio.relative_to(base).as_posix(),
                extra={**extra, **({"sentence-from": origin} if spoken else {})},
            )


def _sentence(group: _Group, number: int, transcripts: Transcripts) -> tuple[str | None, str]:
    written = transcripts.find(group.actor, group.emotion, group.level, number)
    if written:
        return written, "transcript"
    return documented_sentence(group.actor, group.emotion, group.level, number), "published-pairs"


def _note_no_video(actor: Path, notes: Notes) -> None:
    tar = actor / "video.tar"
    if tar.is_file():
        notes.say(f"{actor.name} is left out: extract its clips with `tar -xf {tar} -C {actor}`.")
    else:
        notes.leave_out("no folder video in it", actor.name)


def _why_empty(base: Path, notes: Notes) -> str:
    said = notes.sentences()
    reason = f" ({said[0].rstrip('.')})" if said else ""
    pattern = card("mead").layout[0]
    return f"{base} holds no MEAD clip at {pattern}{reason}; give the folder that holds the actors"


def _about_sentences(records: list[ClipRecord]) -> str:
    known = sum(record.sentence is not None for record in records)
    return (
        f"The words are known for {known} of {len(records)} clips: clip numbers are not sentence numbers. "
        "A transcripts.csv in the folder (speaker,emotion,level,number,text) would tell more."
    )

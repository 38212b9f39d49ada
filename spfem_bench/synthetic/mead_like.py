"""Rendered clips under MEAD's names, so that MEAD's reader and protocols run on them unchanged.

    M003/video/front/happy/level_3/007.mp4      30 fps, without sound
    M003/audio/happy/level_3/007.m4a            48 kHz
    transcripts.csv                             the words of every clip

As in MEAD, no two takes have the same timing, neutral has level_1 only, clip numbers are no sentence numbers:
actors whose disgust ends with the common sentences, and actors whose numbers have gaps, are among them. The
letter of an actor's name says nothing of the rendered person.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path

from spfem_bench.datasets.cards import card
from spfem_bench.datasets.mead_numbers import SCHEME_A, SCHEME_B, mead_numbers
from spfem_bench.datasets.records import ClipRecord
from spfem_bench.datasets.transcripts import COLUMNS
from spfem_bench.datasets.transcripts import FILE as TRANSCRIPTS
from spfem_bench.fsio import write_atomically
from spfem_bench.synthetic.clip import ClipSpec, Take, render_chunks, voice
from spfem_bench.synthetic.lossy import write_m4a, write_mp4
from spfem_bench.synthetic.recipe import Recipe, Row, Rows, require_room
from spfem_bench.synthetic.speech.sentences import COMMON, mead_sentences, sentence_of

FPS = Fraction(30)

FIRST = ("M003", "M009", "M012", "M030", "W015", "W029")
"""The actors of ``spfem/cross-id@1`` and ``spfem/intra-id@1``: the first people of a tree."""

GAPPY = frozenset(
    "M037 M039 M040 W023 W024 W025 W026 W028 W029 W033 W035 W036 W037 W038 W040".split()  # noqa: SIM905
)
"""Actors whose clip numbers have gaps, with disgust's common sentences first."""

MOST_SENTENCES = 40
"""Clips of neutral; every other emotion has 30."""


def actors() -> tuple[str, ...]:
    """MEAD's 48 released actors, those the protocols test on first: person i of a population is actor i."""
    return (*FIRST, *(name for name in card("mead").speakers if name not in FIRST))


def numbered(actor: str, emotion: str) -> tuple[tuple[int, int], ...]:
    """(clip number, sentence) of every clip of an actor and emotion, the common sentences first.

    Args:
        actor: a released actor of MEAD.
        emotion: one of the seven.
    """
    numbers = mead_numbers(SCHEME_B if actor in GAPPY else SCHEME_A, emotion)
    if emotion == "disgusted" and _disgusted_last(actor):
        numbers = [*numbers[-len(COMMON) :], *numbers[: -len(COMMON)]]
    return tuple(zip(numbers, mead_sentences(emotion), strict=True))


def rows(recipe: Recipe) -> list[Row]:
    """Every clip of a recipe with its record, sorted by id.

    The first ``recipe.sentences`` of each emotion are rendered, the three common ones before others, under
    the numbers they have in a complete tree.

    Raises:
        UsageError: what cannot be rendered, or more people, sentences or levels than MEAD has.
    """
    names = actors()
    require_room(recipe, "mead", speakers=len(names), sentences=MOST_SENTENCES)
    found = [
        _row(recipe, person, emotion, level, clip)
        for person, emotion in product(range(recipe.speakers), dict.fromkeys(recipe.emotions))
        for clip in numbered(names[person], emotion)[: recipe.sentences]
        for level in recipe.levels(emotion)
    ]
    return sorted(found, key=lambda row: row[0].id)


def store(root: Path, row: Row) -> None:
    """Render one clip, picture and sound in a file each; files that are there are kept.

    Raises:
        UsageError: the frames have an odd side.
        StorageError: it cannot be written.
    """
    record, spec = row
    video, audio = root / record.path, root / str(record.audio)
    for path in (video, audio):
        path.parent.mkdir(parents=True, exist_ok=True)
    if not audio.is_file():
        write_m4a(audio, voice(spec))
    if not video.is_file():
        write_mp4(video, render_chunks(spec), spec.fps)


def describe(root: Path, rendered: Rows) -> None:
    """Write ``transcripts.csv``.

    Raises:
        StorageError: it cannot be written.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(_transcripts(rendered))
    write_atomically(root / TRANSCRIPTS, text.getvalue())


def _disgusted_last(actor: str) -> bool:
    """As the published pair list has it; where that is silent (the six tested actors), by the numbering."""
    shared = card("mead").shared
    return actor not in shared["disgusted-first"] and actor not in GAPPY


def _row(recipe: Recipe, person: int, emotion: str, level: int, clip: tuple[int, int]) -> Row:
    number, sentence = clip
    actor, place = actors()[person], f"{emotion}/level_{level}/{number:03d}"
    record = ClipRecord(
        id=f"{actor}/front/{place}",
        path=f"{actor}/video/front/{place}.mp4",
        speaker=actor,
        emotion=emotion,
        intensity=level,
        audio=f"{actor}/audio/{place}.m4a",
    )
    spec = ClipSpec(
        person,
        sentence,
        emotion,
        level,
        recipe.size,
        FPS,
        recipe.seed,
        take=Take(emotion, level, 1),
        seconds=recipe.seconds,
    )
    return record, spec


def _transcripts(rendered: Rows) -> Iterator[tuple[str, ...]]:
    for record, spec in rendered:
        number = str(int(Path(record.path).stem))
        yield record.speaker, spec.emotion, str(spec.intensity), number, sentence_of(spec.sentence).text

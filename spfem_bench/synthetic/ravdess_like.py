"""Rendered clips under RAVDESS's names, so that RAVDESS's reader and protocols run on them unchanged.

    Actor_01/01-01-03-02-02-01-01.mp4           30000/1001 fps, AAC at 48 kHz

Both statements, each said twice in every emotion and intensity at its own pace. RAVDESS's statements are
replaced by two of the same pattern; their codes, and so the reader's sentence keys, are RAVDESS's. Normal and
strong intensity are rendered at the levels 2 and 3. ``calm`` and the sung channel are not rendered.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from pathlib import Path

from spfem_bench.datasets.cards import card
from spfem_bench.datasets.ravdess import EMOTION_CODES
from spfem_bench.datasets.records import ClipRecord
from spfem_bench.synthetic.clip import ClipSpec, Take, render_chunks, voice
from spfem_bench.synthetic.lossy import write_mp4
from spfem_bench.synthetic.recipe import Recipe, Row, Rows, require_room
from spfem_bench.synthetic.speech.sentences import RAVDESS

FPS = Fraction(30000, 1001)
REPETITIONS = (1, 2)
LEVELS = {1: 2, 2: 3}
"""RAVDESS's normal and strong intensity -> the level rendered."""

_STATEMENTS = {1: (2,), 2: (1, 2)}
_CODES = {label: code for code, label in EMOTION_CODES.items()}


def rows(recipe: Recipe) -> list[Row]:
    """Every clip of a recipe with its record, sorted by id.

    ``recipe.sentences`` is 2 for both statements, or 1 for the second alone, which the protocols test on;
    ``recipe.intensities`` are RAVDESS's, 1 normal and 2 strong.

    Raises:
        UsageError: what cannot be rendered, or more people, statements or intensities than RAVDESS has.
    """
    people = len(card("ravdess").speakers)
    require_room(recipe, "ravdess", speakers=people, sentences=2, intensities=max(LEVELS))
    found = [
        _row(recipe, person, emotion, intensity, said)
        for person, emotion in product(range(recipe.speakers), dict.fromkeys(recipe.emotions))
        for intensity in recipe.levels(emotion)
        for said in product(_STATEMENTS.get(recipe.sentences, ()), REPETITIONS)
    ]
    return sorted(found, key=lambda row: row[0].id)


def store(root: Path, row: Row) -> None:
    """Render one clip; a file that is there is kept.

    Raises:
        UsageError: the frames have an odd side.
        StorageError: it cannot be written.
    """
    record, spec = row
    path = root / record.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        write_mp4(path, render_chunks(spec), spec.fps, voice(spec))


def describe(root: Path, rendered: Rows) -> None:
    """Nothing: the names say all that RAVDESS says."""


def _row(recipe: Recipe, person: int, emotion: str, intensity: int, said: tuple[int, int]) -> Row:
    statement, repetition = said
    actor = person + 1
    level = 1 if emotion == "neutral" else LEVELS[intensity]
    spec = ClipSpec(
        person,
        RAVDESS[statement - 1],
        emotion,
        level,
        recipe.size,
        FPS,
        recipe.seed,
        take=Take(emotion, level, repetition),
        seconds=recipe.seconds,
    )
    code = _CODES.get(emotion, "")
    name = f"01-01-{code}-{intensity:02d}-{statement:02d}-{repetition:02d}-{actor:02d}"
    folder = f"Actor_{actor:02d}"
    record = ClipRecord(
        id=f"{folder}/{name}",
        path=f"{folder}/{name}.mp4",
        speaker=folder,
        emotion=emotion,
        intensity=intensity,
        take=repetition,
    )
    return record, spec

"""The rendered dataset on disk: a folder of lossless clips in which every clip has its true pairs.

    ROOT/manifest.json                          parameters, and every clip with its content digests
    ROOT/<speaker>/<emotion>/level_<n>/<sentence>.mkv   FFV1 and 16-bit PCM, its record beside it
    ROOT/<speaker>/<emotion>/level_<n>/<sentence>.npz   the truth of every frame, where asked for

The manifest is written last: a folder without one is unfinished, and writing again makes what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spfem_bench.clips.stored import StoredMeta, read_meta
from spfem_bench.clips.write import write_lossless
from spfem_bench.datasets.records import ClipRecord, Dataset
from spfem_bench.errors import DatasetError, IntegrityError
from spfem_bench.fsio import folder_lock, write_atomically
from spfem_bench.progress import Progress, SilentProgress
from spfem_bench.synthetic.building import made, recipe_in, remove_parts, require_own, require_same
from spfem_bench.synthetic.clip import ClipSpec, render_chunks, voice
from spfem_bench.synthetic.lossy import pcm_source
from spfem_bench.synthetic.recipe import RENDERER, Recipe, Row, Rows, require_room
from spfem_bench.synthetic.speech.sentences import SENTENCES, sentence_of
from spfem_bench.synthetic.truths import write_curves

__all__ = ["MANIFEST", "RENDERER", "Recipe", "digests", "read", "rows", "write"]

MANIFEST = "manifest.json"
RECIPE = "recipe.json"
MOST_SPEAKERS = 999
_LABELS = ("id", "path", "speaker", "emotion", "intensity", "sentence")


def rows(recipe: Recipe) -> list[Row]:
    """Every clip of a recipe with its record, sorted by id.

    Clips that differ in emotion and level alone are true pairs: they share the neutral take's timing.

    Raises:
        UsageError: an emotion, level, size or length that cannot be rendered, or more than there is room for.
    """
    require_room(recipe, "synthetic", speakers=MOST_SPEAKERS, sentences=SENTENCES)
    found = [
        _row(recipe, speaker, sentence, emotion, level)
        for speaker in range(recipe.speakers)
        for sentence in range(recipe.sentences)
        for emotion in dict.fromkeys(recipe.emotions)
        for level in recipe.levels(emotion)
    ]
    return sorted(found, key=lambda row: row[0].id)


def _row(recipe: Recipe, speaker: int, sentence: int, emotion: str, level: int) -> Row:
    spec = ClipSpec(speaker, sentence, emotion, level, recipe.size, seed=recipe.seed, seconds=recipe.seconds)
    key = f"S{speaker + 1:03d}/{emotion}/level_{level}/{sentence + 1:03d}"
    record = ClipRecord(
        id=key,
        path=f"{key}.mkv",
        speaker=f"S{speaker + 1:03d}",
        emotion=emotion,
        intensity=level,
        sentence=f"sentence-{sentence + 1:03d}",
        extra={"text": sentence_of(sentence).text},
    )
    return record, spec


def write(
    root: Path,
    *,
    progress: Progress | None = None,
    recipe: Recipe | None = None,
    truths: bool = False,
    workers: int = 1,
    **parameters: Any,
) -> Dataset:
    """Render a dataset, or what is missing of it.

    Args:
        root: folder to make or to complete.
        progress: told of every clip.
        recipe: what to render; `Recipe()` when left out.
        truths: also write each clip's truth beside it, see `spfem_bench.synthetic.truths.write_curves`.
        workers: processes.
        parameters: fields of `Recipe` to change, e.g. ``speakers=2, seconds=1.0``.

    Raises:
        DatasetError: the folder holds a dataset of other parameters or other files, or there is nothing to
            render.
        StorageError: the folder cannot be written or is in use; what was finished is kept.
        UsageError: an emotion or a size that cannot be rendered.
        TypeError: a parameter that `Recipe` does not have.
    """
    recipe = replace(recipe or Recipe(), **parameters)
    wanted = rows(recipe)
    if not wanted:
        raise DatasetError(f"nothing to render into {root}: give at least one speaker, sentence and emotion")
    require_own(root, RECIPE)
    with folder_lock(root):
        require_same(root, recipe_in(root / RECIPE), _said(recipe))
        remove_parts(root)
        write_atomically(root / RECIPE, json.dumps(_said(recipe), sort_keys=True) + "\n")
        entries = list(_entries(_Work(root, truths), wanted, progress or SilentProgress(), workers))
        content = {"schema_version": 1, "recipe": _said(recipe), "clips": entries}
        write_atomically(root / MANIFEST, json.dumps(content, sort_keys=True, indent=1) + "\n")
    return read(root)


def read(root: Path) -> Dataset:
    """Index a rendered dataset without decoding a frame.

    Raises:
        DatasetError: no finished dataset is there, or a clip of it is missing.
        IntegrityError: the manifest is not one of ours.
    """
    path = root / MANIFEST
    if not path.is_file():
        raise DatasetError(
            f"{root} holds no finished rendered dataset: run `spfem-bench demo` or `spfem-bench data render`"
        )
    try:
        content = json.loads(path.read_text())
        records = [_record(entry) for entry in content["clips"]]
        recipe = content["recipe"]
        made_by = f"rendered by version {recipe['renderer']} from seed {recipe['seed']}"
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path} is not a rendered dataset's manifest ({error}): remove the folder"
        ) from error
    for record in records:
        if not (root / record.path).is_file():
            raise DatasetError(
                f"{root / record.path} is missing: run the command that rendered the folder again"
            )
    note = f"{made_by}; every emotion is a true pair"
    return Dataset("synthetic", root, records, kind="rendered", licence="Apache-2.0", notes=(note,))


def digests(root: Path) -> dict[str, tuple[str, str]]:
    """Clip id -> content digests of video and audio, as the manifest has them."""
    clips = json.loads((root / MANIFEST).read_text())["clips"]
    return {entry["id"]: (entry["video"], entry["audio"]) for entry in clips}


def _said(recipe: Recipe) -> dict[str, Any]:
    return {**recipe.as_json(), "layout": "synthetic"}


def _entries(work: _Work, wanted: Rows, progress: Progress, workers: int) -> Iterator[dict[str, Any]]:
    for (record, _), meta in made(work, wanted, progress, workers):
        labels = {name: getattr(record, name) for name in _LABELS}
        digest = {"video": meta.digest.video, "audio": meta.digest.audio}
        yield {**labels, **digest, "text": record.extra["text"], "frames": meta.frame_count}


@dataclass(frozen=True)
class _Work:
    """Makes one clip; sent to the workers."""

    root: Path
    truths: bool

    def __call__(self, row: Row) -> StoredMeta:
        record, spec = row
        path = self.root / record.path
        meta = _stored(path, spec)
        if self.truths:
            write_curves(path.with_suffix(".npz"), spec)
        return meta


def _stored(path: Path, spec: ClipSpec) -> StoredMeta:
    """The clip's record; the clip is rendered where it has none."""
    known = read_meta(path) if path.is_file() else None
    if known is not None:
        return known
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_lossless(path, render_chunks(spec), fps=spec.fps, audio=pcm_source(voice(spec)))


def _record(entry: Mapping[str, Any]) -> ClipRecord:
    return ClipRecord(
        id=str(entry["id"]),
        path=str(entry["path"]),
        speaker=str(entry["speaker"]),
        emotion=str(entry["emotion"]),
        intensity=int(entry["intensity"]),
        sentence=str(entry["sentence"]),
        extra={"text": str(entry["text"])},
    )

"""The rendered dataset on disk: a folder of lossless clips in which every clip has its true pairs.

    ROOT/manifest.json                          parameters, and every clip with its content digests
    ROOT/<speaker>/<emotion>/level_<n>/<sentence>.mkv   FFV1 and 16-bit PCM, its record beside it

The manifest is written last: a folder without one is unfinished, and writing again makes what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_bench.clips.sound import PcmSource
from spfem_bench.clips.stored import StoredMeta, read_meta
from spfem_bench.clips.write import write_lossless
from spfem_bench.datasets.records import SPFEM_EMOTIONS, ClipRecord, Dataset
from spfem_bench.errors import DatasetError, IntegrityError
from spfem_bench.fsio import folder_lock, remove_leftovers, write_atomically
from spfem_bench.progress import Progress, SilentProgress
from spfem_bench.synthetic.clip import ClipSpec, render_chunks, voice
from spfem_bench.synthetic.voice import RATE

MANIFEST = "manifest.json"
Rows = Sequence[tuple[ClipRecord, ClipSpec]]
RENDERER = 1
"""Version of the renderer: raised whenever the same parameters would give other frames or sound."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parameters of a rendered dataset.

    Args:
        speakers: number of people.
        sentences: sentences of each person.
        emotions: of each sentence; the same words in another emotion are frame-aligned true pairs.
        intensity: of every emotion but neutral, 1 to 3.
        seconds: length of each clip, at 25 frames/s.
        seed: of the population.
        size: height and width in pixels.
    """

    speakers: int = 6
    sentences: int = 2
    emotions: tuple[str, ...] = SPFEM_EMOTIONS
    intensity: int = 3
    seconds: float = 2.0
    seed: int = 0
    size: int = 128

    def specs(self) -> Iterator[tuple[ClipRecord, ClipSpec]]:
        """Every clip, sorted by id."""
        rows = [
            self._clip(p, s, e)
            for p in range(self.speakers)
            for s in range(self.sentences)
            for e in self.emotions
        ]
        yield from sorted(rows, key=lambda row: row[0].id)

    def as_json(self) -> dict[str, Any]:
        """What the manifest says of the parameters."""
        names = ("speakers", "sentences", "intensity", "seconds", "seed", "size")
        known: dict[str, Any] = {name: getattr(self, name) for name in names}
        return {**known, "emotions": [*self.emotions], "renderer": RENDERER}

    def _clip(self, speaker: int, sentence: int, emotion: str) -> tuple[ClipRecord, ClipSpec]:
        level = 1 if emotion == "neutral" else self.intensity
        spec = ClipSpec(speaker, sentence, emotion, level, self.seconds, self.size, seed=self.seed)
        key = f"S{speaker + 1:03d}/{emotion}/level_{level}/{sentence + 1:03d}"
        record = ClipRecord(
            id=key,
            path=f"{key}.mkv",
            speaker=f"S{speaker + 1:03d}",
            emotion=emotion,
            intensity=level,
            sentence=f"sentence-{sentence + 1:03d}",
        )
        return record, spec


def write(
    root: Path,
    *,
    progress: Progress | None = None,
    recipe: Recipe | None = None,
    **parameters: Any,
) -> Dataset:
    """Render a dataset, or what is missing of it.

    Args:
        root: folder to make or to complete.
        progress: told of every clip.
        recipe: what to render; `Recipe()` when left out.
        parameters: fields of `Recipe` to change, e.g. ``speakers=2, seconds=1.0``.

    Raises:
        DatasetError: the folder holds a dataset of other parameters, or there is nothing to render.
        StorageError: the folder cannot be written or is in use; what was finished is kept.
        UsageError: an emotion or a size that cannot be rendered.
        TypeError: a parameter that `Recipe` does not have.
    """
    recipe = replace(recipe or Recipe(), **parameters)
    rows = list(recipe.specs())
    if not rows:
        raise DatasetError(f"nothing to render into {root}: give at least one speaker, sentence and emotion")
    with folder_lock(root):
        _require_same(root, recipe)
        remove_leftovers(root)
        write_atomically(root / "recipe.json", json.dumps(recipe.as_json(), sort_keys=True) + "\n")
        entries = list(_entries(root, rows, progress or SilentProgress()))
        content = {"schema_version": 1, "recipe": recipe.as_json(), "clips": entries}
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
        raise DatasetError(f"{root} holds no finished rendered dataset: run `spfem-bench demo` to make one")
    try:
        content = json.loads(path.read_text())
        records = [_record(entry) for entry in content["clips"]]
        recipe = content["recipe"]
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path} is not a rendered dataset's manifest ({error}): remove the folder"
        ) from error
    for record in records:
        if not (root / record.path).is_file():
            raise DatasetError(f"{root / record.path} is missing: run `spfem-bench demo` to render it again")
    note = (
        f"rendered by version {recipe['renderer']} from seed {recipe['seed']}; every emotion is a true pair"
    )
    return Dataset("synthetic", root, records, kind="rendered", licence="Apache-2.0", notes=(note,))


def digests(root: Path) -> dict[str, tuple[str, str]]:
    """Clip id -> content digests of video and audio, as the manifest has them."""
    clips = json.loads((root / MANIFEST).read_text())["clips"]
    return {entry["id"]: (entry["video"], entry["audio"]) for entry in clips}


def _require_same(root: Path, recipe: Recipe) -> None:
    path = root / "recipe.json"
    if path.is_file() and json.loads(path.read_text()) != recipe.as_json():
        raise DatasetError(
            f"{root} holds a rendered dataset of other parameters: give another folder or remove it"
        )


def _entries(root: Path, rows: Rows, progress: Progress) -> Iterator[dict[str, Any]]:
    progress.start("render", len(rows))
    for record, spec in rows:
        yield _entry(record, _stored(root / record.path, spec))
        progress.advance("render", record.id)
    progress.finish("render")


def _stored(path: Path, spec: ClipSpec) -> StoredMeta:
    """The clip's record; the clip is rendered where it has none."""
    known = read_meta(path) if path.is_file() else None
    if known is not None:
        return known
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = PcmSource.from_array(_int16(voice(spec)), RATE)
    return write_lossless(path, render_chunks(spec), fps=spec.fps, audio=sound)


def _int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.rint(samples * 32767).astype(np.int16)[:, None]


def _entry(record: ClipRecord, meta: StoredMeta) -> dict[str, Any]:
    labels = {
        name: getattr(record, name) for name in ("id", "path", "speaker", "emotion", "intensity", "sentence")
    }
    return {**labels, "frames": meta.frame_count, "video": meta.digest.video, "audio": meta.digest.audio}


def _record(entry: Mapping[str, Any]) -> ClipRecord:
    return ClipRecord(
        id=str(entry["id"]),
        path=str(entry["path"]),
        speaker=str(entry["speaker"]),
        emotion=str(entry["emotion"]),
        intensity=int(entry["intensity"]),
        sentence=str(entry["sentence"]),
    )

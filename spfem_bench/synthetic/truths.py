"""The truth behind rendered clips, on disk: curves of every frame, and when each sound is said."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_bench.errors import DatasetError
from spfem_bench.fsio import write_atomically
from spfem_bench.synthetic.clip import ClipSpec, Scene, truth
from spfem_bench.synthetic.recipe import Row, Rows
from spfem_bench.synthetic.speech.sentences import sentence_of
from spfem_bench.synthetic.speech.timeline import Segment, Timeline

CLIPS = "clips.jsonl"

Curves = Mapping[str, NDArray[Any]]


def write_curves(path: Path, spec: ClipSpec) -> None:
    """Write a clip's truth as a compressed ``.npz``; one that is there is kept.

    Its arrays, T frames, S sounds: ``landmarks`` (T, 68, 2) px in the order of iBUG 300-W, ``units`` (T, 16)
    in the order of `spfem_bench.synthetic.face.units.UNITS`, ``phonemes`` (T,) ARPAbet, ``mouth_opening`` and
    ``mouth_width`` (T,) in distances between the eyes, ``blink`` (T,) 0 to 1, ``gaze`` (T, 2) -1 to 1,
    ``angles`` (T, 3) yaw, pitch and roll in degrees, ``times`` (T,) seconds; ``sounds`` (S,) ARPAbet,
    ``spans`` (S, 2) start and end in seconds, ``words`` (S,) index of the word, -1 in silence.

    Raises:
        StorageError: it cannot be written.
    """
    if path.is_file():
        return
    stream = io.BytesIO()
    arrays: dict[str, Any] = curves_of(spec)
    np.savez_compressed(stream, **arrays)
    write_atomically(path, stream.getvalue())


def curves_of(spec: ClipSpec) -> dict[str, NDArray[Any]]:
    """The arrays of `write_curves`."""
    known = truth(spec)
    names = ("landmarks", "units", "phonemes", "mouth_opening", "mouth_width", "blink", "gaze", "angles")
    segments = known.timeline.segments
    return {
        **{name: _single(np.asarray(getattr(known, name))) for name in names},
        "times": spec.times,
        "sounds": np.array([segment.phoneme for segment in segments]),
        "spans": np.array([(segment.start, segment.end) for segment in segments]),
        "words": np.array([segment.word for segment in segments], np.int16),
    }


def read_curves(path: Path) -> Curves:
    """The arrays that `write_curves` wrote.

    Raises:
        DatasetError: it is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise DatasetError(f"{path} holds no truth that can be read ({error}): render it again") from error


def write_timing(path: Path, rows: Rows) -> None:
    """Write what is said when, a clip a line: its path, words, person, take, rate and sounds.

    Raises:
        StorageError: it cannot be written.
    """
    lines = (json.dumps(_line(row), sort_keys=True) for row in rows)
    write_atomically(path, "".join(f"{line}\n" for line in lines))


def read_timing(path: Path) -> dict[str, Timeline]:
    """Path of each clip -> when its sounds are said.

    Raises:
        DatasetError: it is missing or damaged.
    """
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return {line["path"]: _timeline(line["sounds"], line["sentence_seconds"]) for line in lines}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path} holds no timing that can be read ({error}): render it again") from error


def _line(row: Row) -> dict[str, Any]:
    record, spec = row
    said = Scene(spec).timeline
    return {
        "path": record.path,
        "person": spec.speaker,
        "population": spec.seed,
        "emotion": spec.emotion,
        "level": spec.intensity,
        "take": spec.take.number,
        "text": sentence_of(spec.sentence).text,
        "fps": str(spec.fps),
        "frames": spec.frame_count,
        "sentence_seconds": said.seconds,
        "sounds": [[s.phoneme, s.start, s.end, s.stress, s.word] for s in said.segments],
    }


def _timeline(sounds: Iterable[tuple[str, float, float, float, int]], seconds: float) -> Timeline:
    return Timeline(tuple(Segment(*sound) for sound in sounds), seconds)


def _single(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.float32) if array.dtype == np.float64 else array

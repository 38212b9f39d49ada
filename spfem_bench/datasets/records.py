"""What an index knows of a clip without decoding it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EMOTIONS = ("neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")
"""The field's labels in MEAD's spelling; every reader maps its own names to these."""

SPFEM_EMOTIONS = ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")
"""The seven of the papers: contempt is dropped."""


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """One clip of a dataset.

    Args:
        id: unique and stable in its dataset, e.g. ``M003/front/happy/level_3/017``.
        path: relative to the dataset's root, POSIX separators.
        speaker: whose face it is.
        emotion: one of `EMOTIONS`, or None where unknown.
        intensity: 1 to 3, None where the dataset has none.
        sentence: a key shared by exactly the clips that say the same words, None where unknown.
            Never MEAD's clip number.
        take: which recording of the same speaker, emotion, intensity and sentence.
        audio: path of a separate audio file relative to the root, None where the video carries it.
        extra: what only this dataset knows (view, modality, channel, calm, ...).
    """

    id: str
    path: str
    speaker: str
    emotion: str | None
    intensity: int | None = None
    sentence: str | None = None
    take: int = 1
    audio: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """An indexed folder of clips.

    Args:
        name: ``mead``, ``ravdess``, ``folder``, ``synthetic``, or a plug-in's.
        root: the folder that `ClipRecord.path` is relative to.
        records: sorted by id, ids unique.
        kind: ``real`` or ``rendered``; suites refuse the kind they are not valid on.
        licence: of the clips, as shown by ``data show``.
        notes: what the reader saw and left out, in sentences (gaps, skipped modalities, unreadable names).
    """

    name: str
    root: Path
    records: Sequence[ClipRecord]
    kind: str = "real"
    licence: str = "unknown"
    notes: Sequence[str] = ()

    def file(self, record: ClipRecord) -> Path:
        """Absolute path of a record's video."""
        return self.root / record.path

    def audio_file(self, record: ClipRecord) -> Path | None:
        """Absolute path of a record's separate audio file, None where the video carries the audio."""
        return None if record.audio is None else self.root / record.audio

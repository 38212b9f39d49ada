"""A dataset whose files are called SPEAKER_EMOTION_SENTENCE.mp4, such as anna_happy_03.mp4."""

from collections.abc import Iterator
from pathlib import Path

from spfem_bench.datasets.records import EMOTIONS, ClipRecord, Dataset


def my_dataset(root: Path) -> Dataset:
    """Index the folder by file names alone; nothing is decoded.

    Args:
        root: the folder of clips.
    """
    names = sorted(path.name for path in root.glob("*.mp4"))
    records = sorted(_records(names), key=lambda record: record.id)
    skipped = sorted(set(names) - {record.path for record in records})
    notes = [f"left out, not named SPEAKER_EMOTION_SENTENCE.mp4: {', '.join(skipped)}"] if skipped else []
    return Dataset("my-dataset", root, records, kind="real", licence="unknown", notes=notes)


def _records(names: list[str]) -> Iterator[ClipRecord]:
    for name in names:
        parts = name.removesuffix(".mp4").split("_")
        if len(parts) == 3 and parts[1] in EMOTIONS:
            speaker, emotion, sentence = parts
            yield ClipRecord("/".join(parts), name, speaker, emotion, sentence=sentence)

"""`check_dataset`: what every dataset reader must do, tried on one folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from spfem_bench.datasets.records import EMOTIONS, ClipRecord, Dataset

Reader = Callable[[Path], Dataset]


def check_dataset(read: Reader, root: Path) -> Dataset:
    """Try a reader on a folder.

    Checked: reading twice gives the same records; ids are unique and sorted; every path is relative to the
    root, uses ``/`` and names a file inside it; emotions are the field's labels or None.

    Args:
        read: the reader.
        root: a folder it can read, with at least one clip.

    Returns:
        The dataset, for further assertions.

    Raises:
        AssertionError: one sentence that says what is wrong.
    """
    dataset, again = read(root), read(root)
    ids = [record.id for record in dataset.records]
    _need(dataset, bool(ids), f"finds no clip in {root}")
    _need(dataset, list(dataset.records) == list(again.records), "reads other records the second time")
    _need(dataset, len(set(ids)) == len(ids), "has ids that stand twice")
    _need(dataset, ids == sorted(ids), "does not sort its records by id")
    for record in dataset.records:
        _check(dataset, record)
    return dataset


def _need(dataset: Dataset, holds: bool, fault: str) -> None:
    if not holds:
        raise AssertionError(f"{dataset.name} {fault}")


def _check(dataset: Dataset, record: ClipRecord) -> None:
    known = record.emotion is None or record.emotion in EMOTIONS
    _need(
        dataset, known, f"gives {record.id} the emotion {record.emotion!r}; there are {', '.join(EMOTIONS)}"
    )
    _need(dataset, bool(record.speaker), f"gives {record.id} no speaker")
    for path in filter(None, (record.path, record.audio)):
        parts = PurePosixPath(path)
        inside = not parts.is_absolute() and ".." not in parts.parts and "\\" not in path
        _need(dataset, inside, f"has a path of {record.id} that leaves its root: {path}")
        _need(
            dataset, (dataset.root / path).is_file(), f"names a file of {record.id} that is not there: {path}"
        )

"""One digest for what an index says: ids, labels and relative paths."""

from __future__ import annotations

from collections.abc import Iterable

from spfem_bench.datasets.records import ClipRecord, Dataset


def dataset_digest(dataset: Dataset) -> str:
    """Hexadecimal sha256 over the records' ids, paths and labels; root, notes and ``extra`` do not count."""
    return records_digest(dataset.records)


def records_digest(records: Iterable[ClipRecord]) -> str:
    """Hexadecimal sha256 over records, whatever order they come in."""
    from spfem_bench.digest import digest_of

    return digest_of(sorted(_said(record) for record in records))


def _said(record: ClipRecord) -> list[str]:
    labels = (record.emotion, record.intensity, record.sentence, record.take, record.audio)
    return [
        record.id,
        record.path,
        record.speaker,
        *("" if value is None else str(value) for value in labels),
    ]

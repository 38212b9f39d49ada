"""The index file: what a dataset held when it was indexed, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spfem_bench.datasets.digest import dataset_digest, records_digest
from spfem_bench.datasets.manifest import Line, read_lines
from spfem_bench.datasets.records import ClipRecord, Dataset
from spfem_bench.errors import DatasetError, IntegrityError

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Index:
    """An index read back.

    Args:
        header: dataset name, kind, licence, digest, count.
        records: sorted by id.
        sizes: clip id -> (bytes of the video, bytes of the separate audio or None).
    """

    header: Mapping[str, Any]
    records: tuple[ClipRecord, ...]
    sizes: Mapping[str, tuple[int | None, int | None]]


@dataclass(frozen=True)
class Difference:
    """How a tree departs from its index, as clip ids.

    Args:
        missing: indexed, not in the tree.
        added: in the tree, not indexed.
        relabelled: both, with other labels or paths.
        resized: both, with another number of bytes.
    """

    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    relabelled: tuple[str, ...] = ()
    resized: tuple[str, ...] = ()


def write_index(dataset: Dataset, path: Path) -> str:
    """Write a dataset's index in one piece and return its digest.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    from spfem_bench.fsio import write_atomically

    digest = dataset_digest(dataset)
    header = {
        "schema_version": SCHEMA_VERSION,
        "dataset": dataset.name,
        "kind": dataset.kind,
        "licence": dataset.licence,
        "clips": len(dataset.records),
        "digest": digest,
    }
    lines = [header, *(_entry(dataset, record) for record in dataset.records)]
    write_atomically(path, "".join(_json(line) + "\n" for line in lines))
    return digest


def read_index(path: Path) -> Index:
    """Read an index file.

    Raises:
        DatasetError: it is missing, of another schema version, or a line is malformed.
        IntegrityError: its records do not have the digest its header states.
    """
    head, *rest = read_lines(path)
    if head.values.get("schema_version") != SCHEMA_VERSION:
        raise DatasetError(
            f"{path} is not an index of version {SCHEMA_VERSION}; write it again with `data index`"
        )
    records = tuple(_record(line) for line in rest)
    if records_digest(records) != head.values.get("digest"):
        raise IntegrityError(f"{path} was changed after it was written (its digest differs); write it again")
    sizes = {
        record.id: (line.values["bytes"], line.values["audio_bytes"])
        for record, line in zip(records, rest, strict=True)
    }
    return Index(head.values, records, sizes)


def compare(dataset: Dataset, index: Index) -> Difference:
    """What of a tree departs from its index."""
    here = {record.id: record for record in dataset.records}
    there = {record.id: record for record in index.records}
    both = sorted(here.keys() & there.keys())
    return Difference(
        missing=tuple(sorted(there.keys() - here.keys())),
        added=tuple(sorted(here.keys() - there.keys())),
        relabelled=tuple(key for key in both if records_digest([here[key]]) != records_digest([there[key]])),
        resized=tuple(key for key in both if index.sizes[key] != sizes(dataset, here[key])),
    )


def sizes(dataset: Dataset, record: ClipRecord) -> tuple[int | None, int | None]:
    """Bytes of a clip's video and of its separate audio, None for a file that is not there."""
    audio = dataset.audio_file(record)
    return _bytes(dataset.file(record)), None if audio is None else _bytes(audio)


def _bytes(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _entry(dataset: Dataset, record: ClipRecord) -> dict[str, Any]:
    video, audio = sizes(dataset, record)
    return {**asdict(record), "extra": dict(record.extra), "bytes": video, "audio_bytes": audio}


def _record(line: Line) -> ClipRecord:
    names = ClipRecord.__dataclass_fields__
    absent = [name for name in (*names, "bytes", "audio_bytes") if name not in line.values]
    if absent:
        raise DatasetError(f"{line.where} lacks '{absent[0]}'; write the index again with `data index`")
    return ClipRecord(**{name: line.values[name] for name in names})


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)

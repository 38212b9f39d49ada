"""The pinned list of network files, ``configs/weights.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from spfem_bench.config import check_schema, load_yaml, near_miss
from spfem_bench.errors import ConfigError, UsageError
from spfem_bench.resources import shipped

LicenceClass = Literal["permissive", "research-only", "non-commercial", "unstated"]
"""What a licence allows, in one word; ``unstated`` where the file's publisher says nothing."""

WeightFormat = Literal[
    "safetensors", "onnx", "torch-state-dict", "torchscript-archive", "tflite-task", "keras-hdf5", "raw"
]
"""How a file is read. Every form is data: none runs code when loaded as this project loads it."""


@dataclass(frozen=True)
class Source:
    """Where a file's bytes were published: repository, revision (commit or version) and path in it."""

    repository: str
    revision: str
    path: str


@dataclass(frozen=True)
class Entry:
    """One network file.

    Args:
        name: the name users and suites give.
        file: the file's name, by which it is found in the folders of ``SPFEM_BENCH_WEIGHTS``.
        urls: tried in turn; none where no direct link exists, then ``by_hand`` says how to get the file.
        bytes: size of the file, None where its source does not tell.
        sha256: hexadecimal digest; None where none is known.
        format: how it is read.
        licence: the licence of the repository it comes from, by its SPDX name where it has one.
        licence_class: what that allows.
        purpose: what it is used for.
        source: where it was published.
        note: what else binds its use; may be empty.
        by_hand: where a person finds the file and what to do with it; empty where `urls` has it.
        git_blob: hexadecimal sha1 of the file as a git blob (``git hash-object FILE``); None where none is
            known.

    A file with neither digest is marked ``unpinned`` in the list: its bytes are taken as they come, and its
    numbers say so in their signature.
    """

    name: str
    file: str
    urls: tuple[str, ...]
    bytes: int | None
    sha256: str | None
    format: WeightFormat
    licence: str
    licence_class: LicenceClass
    purpose: str
    source: Source
    note: str = ""
    by_hand: str = ""
    git_blob: str | None = None

    @property
    def pinned(self) -> bool:
        """Whether a digest says which bytes it must be."""
        return self.sha256 is not None or self.git_blob is not None

    @property
    def size(self) -> str:
        """The size as people read it: ``3.8 MB``."""
        return "size unknown" if self.bytes is None else human_bytes(self.bytes)


_TEXT = {"type": "string", "minLength": 1}
_ENTRY: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["file", "urls", "format", "licence", "licence-class", "purpose", "source"],
    "properties": {
        "file": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]*$"},
        "urls": {
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "string", "pattern": r"^https?://[^\s]+$"},
        },
        "bytes": {"type": "integer", "minimum": 1},
        "sha256": {"type": "string", "pattern": r"^[0-9a-f]{64}$"},
        "git-blob": {"type": "string", "pattern": r"^[0-9a-f]{40}$"},
        "unpinned": {"const": True},
        "format": {"enum": list(get_args(WeightFormat))},
        "licence": _TEXT,
        "licence-class": {"enum": list(get_args(LicenceClass))},
        "purpose": _TEXT,
        "note": _TEXT,
        "by-hand": _TEXT,
        "source": {
            "type": "object",
            "additionalProperties": False,
            "required": ["repository", "revision", "path"],
            "properties": {"repository": _TEXT, "revision": _TEXT, "path": _TEXT},
        },
    },
}

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "weights"],
    "properties": {
        "version": {"const": 1},
        "weights": {
            "type": "object",
            "propertyNames": {"pattern": r"^[a-z0-9][a-z0-9.-]*$"},
            "additionalProperties": _ENTRY,
        },
    },
}
"""JSON Schema of ``configs/weights.yaml``."""


@cache
def registry() -> Mapping[str, Entry]:
    """Every network file known, by name, in the order of the list."""
    return read_registry(shipped("configs/weights.yaml"))


def entry(name: str) -> Entry:
    """The entry of a name.

    Raises:
        UsageError: no such name; lists those there are.
    """
    known = registry()
    if name not in known:
        there = ", ".join(known)
        raise UsageError(f"There are no weights named '{name}'.{near_miss(name, known)} There are: {there}.")
    return known[name]


def read_registry(path: Path) -> Mapping[str, Entry]:
    """Read and check a list of network files.

    Raises:
        ConfigError: malformed, an entry neither pinned nor marked ``unpinned``, one without a way to get it,
            or two of one file name.
    """
    data = load_yaml(path)
    check_schema(data, SCHEMA, str(path))
    entries = {name: _entry(name, fields, path) for name, fields in data["weights"].items()}
    _check_files_differ(entries, path)
    return MappingProxyType(entries)


def _entry(name: str, fields: Mapping[str, Any], path: Path) -> Entry:
    if bool({"sha256", "git-blob"} & fields.keys()) == fields.get("unpinned", False):
        raise ConfigError(
            f"{path}: '{name}' needs 'sha256' (and 'bytes') or 'git-blob', or 'unpinned: true' instead."
        )
    if not fields["urls"] and "by-hand" not in fields:
        raise ConfigError(f"{path}: '{name}' has no 'urls', so 'by-hand' must say how to get the file.")
    return Entry(
        name=name,
        file=fields["file"],
        urls=tuple(fields["urls"]),
        bytes=fields.get("bytes"),
        sha256=fields.get("sha256"),
        format=fields["format"],
        licence=fields["licence"],
        licence_class=fields["licence-class"],
        purpose=fields["purpose"],
        source=Source(**fields["source"]),
        note=fields.get("note", ""),
        by_hand=fields.get("by-hand", ""),
        git_blob=fields.get("git-blob"),
    )


def _check_files_differ(entries: Mapping[str, Entry], path: Path) -> None:
    owners: dict[str, str] = {}
    for name, item in entries.items():
        other = owners.setdefault(item.file, name)
        if other != name:
            raise ConfigError(f"{path}: '{other}' and '{name}' have one file name, {item.file}; rename one.")


def human_bytes(count: int) -> str:
    """A size in decimal units: ``322.9 kB``, ``3.8 MB``."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.95 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} B" if units[0] == "B" else f"{value:.1f} {units[0]}"

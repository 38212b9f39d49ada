"""The cache: finished results under the digest of everything that could change them.

    <root>/<kind>/<first two digits>/<key>[.suffix]

An object appears whole or not at all, and is read-only afterwards; JSON and arrays carry a checksum, and one
that does not fit (a power cut, a bad disk) counts as missing. Removing the folder loses time, never results:
bundles keep their own copies (or hard links).
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_bench.fsio import fsync_folder, storage_errors, sweep_dead, temporary_beside, write_atomically

_READ_ONLY = 0o444
_CHECKSUM = "crc32"
EMPTY = "__empty__"


class ObjectStore:
    """Content-addressed results on disk; safe for several processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, key: str, suffix: str = "") -> Path:
        """Where an object of this kind and key is, or would be."""
        return self.root / kind / key[:2] / f"{key}{suffix}"

    def has(self, kind: str, key: str, suffix: str = "") -> bool:
        """Whether the object is there."""
        return self.path(kind, key, suffix).exists()

    def put_json(self, kind: str, key: str, value: object) -> None:
        """Store a JSON value (finite numbers only).

        Raises:
            StorageError: the disk is full or the cache cannot be written.
        """
        text = json.dumps({"crc32": _json_checksum(value), "value": value}, sort_keys=True, allow_nan=False)
        write_atomically(self.path(kind, key, ".json"), text, durable=False)

    def get_json(self, kind: str, key: str) -> Any | None:
        """A stored JSON value, None where there is none or it is damaged."""
        try:
            plain = json.loads(self.path(kind, key, ".json").read_bytes())
            return plain["value"] if plain["crc32"] == _json_checksum(plain["value"]) else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def put_arrays(self, kind: str, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Store named arrays as safetensors.

        Raises:
            StorageError: the disk is full or the cache cannot be written.
        """
        from safetensors.numpy import save

        plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        path = self.path(kind, key, ".safetensors")
        checksum = {_CHECKSUM: str(_array_checksum(plain))}
        content = save(plain or {EMPTY: np.zeros(0, np.uint8)}, metadata=checksum)
        write_atomically(path, content, durable=False)
        path.chmod(_READ_ONLY)

    def get_arrays(self, kind: str, key: str) -> dict[str, NDArray[Any]] | None:
        """Stored arrays, None where there are none or they are damaged."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            content = self.path(kind, key, ".safetensors").read_bytes()
            arrays: dict[str, NDArray[Any]] = load(content)
            arrays.pop(EMPTY, None)
            return arrays if _written_checksum(content) == _array_checksum(arrays) else None
        except (OSError, ValueError, LookupError, TypeError, SafetensorError):
            return None

    def adopt_folder(self, temporary: Path, kind: str, key: str, *, replace: bool = False) -> Path:
        """Move a finished folder of files into the store.

        Args:
            temporary: from `fresh_folder`, filled.
            kind: of the object.
            key: of the object.
            replace: take the place of a twin that is already there; else the twin wins.

        Raises:
            StorageError: the disk is full or the cache cannot be written.
        """
        target = self.path(kind, key)
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            for file in temporary.iterdir():
                file.chmod(_READ_ONLY)
            fsync_folder(temporary)
            if replace:
                _put_aside(target)
            try:
                temporary.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
            fsync_folder(target.parent)
        return target

    def fresh_folder(self, kind: str, key: str) -> Path:
        """An empty folder on the store's file system, to be filled and adopted.

        Raises:
            StorageError: the disk is full or the cache cannot be written.
        """
        target = self.path(kind, key)
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            sweep_dead(target.parent)
            temporary = temporary_beside(target)
            temporary.mkdir()
        return temporary


class FreshStore(ObjectStore):
    """A store that sees only what it wrote itself: everything is made again, once, and then kept."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._written: set[tuple[str, str]] = set()

    def has(self, kind: str, key: str, suffix: str = "") -> bool:
        """Whether this store wrote the object."""
        return (kind, key) in self._written and super().has(kind, key, suffix)

    def put_json(self, kind: str, key: str, value: object) -> None:
        """As `ObjectStore.put_json`."""
        super().put_json(kind, key, value)
        self._written.add((kind, key))

    def get_json(self, kind: str, key: str) -> Any | None:
        """A JSON value this store wrote, else None."""
        return super().get_json(kind, key) if (kind, key) in self._written else None

    def put_arrays(self, kind: str, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """As `ObjectStore.put_arrays`."""
        super().put_arrays(kind, key, arrays)
        self._written.add((kind, key))

    def get_arrays(self, kind: str, key: str) -> dict[str, NDArray[Any]] | None:
        """Arrays this store wrote, else None."""
        return super().get_arrays(kind, key) if (kind, key) in self._written else None

    def adopt_folder(self, temporary: Path, kind: str, key: str, *, replace: bool = False) -> Path:
        """As `ObjectStore.adopt_folder`, taking the place of whatever an earlier run left."""
        placed = super().adopt_folder(temporary, kind, key, replace=replace or not self.has(kind, key))
        self._written.add((kind, key))
        return placed


def _json_checksum(value: object) -> int:
    return zlib.crc32(json.dumps(value, sort_keys=True, allow_nan=False).encode())


def _array_checksum(arrays: Mapping[str, NDArray[Any]]) -> int:
    total = 0
    for name, array in sorted(arrays.items()):
        total = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), total)
        total = zlib.crc32(array.tobytes(), total)
    return total


def _written_checksum(content: bytes) -> int:
    """The checksum in a safetensors header: eight bytes of its length, then JSON."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return int(header["__metadata__"][_CHECKSUM])


def _put_aside(target: Path) -> None:
    if target.is_dir():
        old = temporary_beside(target)
        target.rename(old)
        shutil.rmtree(old, ignore_errors=True)

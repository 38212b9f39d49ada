"""The cache: finished results under the digest of everything that could change them.

    <root>/<kind>/<first two digits>/<key>[.suffix]

An object appears whole or not at all, and is read-only afterwards. Removing the folder loses time, never
results: bundles keep their own copies (or hard links).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_bench.fsio import fsync_folder, storage_errors, sweep_dead, temporary_beside, write_atomically

_READ_ONLY = 0o444
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
        """Store a JSON value (finite numbers only)."""
        text = json.dumps(value, sort_keys=True, allow_nan=False)
        write_atomically(self.path(kind, key, ".json"), text, durable=False)

    def get_json(self, kind: str, key: str) -> Any | None:
        """A stored JSON value, None where there is none or it cannot be read (a power cut, a bad disk)."""
        try:
            return json.loads(self.path(kind, key, ".json").read_text(encoding="utf8"))
        except (FileNotFoundError, ValueError):
            return None

    def put_arrays(self, kind: str, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Store named arrays as safetensors.

        Raises:
            StorageError: the disk is full or the cache cannot be written.
        """
        from safetensors.numpy import save

        plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        path = self.path(kind, key, ".safetensors")
        write_atomically(path, save(plain or {EMPTY: np.zeros(0, np.uint8)}), durable=False)
        path.chmod(_READ_ONLY)

    def get_arrays(self, kind: str, key: str) -> dict[str, NDArray[Any]] | None:
        """Stored arrays, None where there are none or they cannot be read (a power cut, a bad disk)."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            arrays: dict[str, NDArray[Any]] = load(self.path(kind, key, ".safetensors").read_bytes())
        except (FileNotFoundError, SafetensorError):
            return None
        arrays.pop(EMPTY, None)
        return arrays

    def adopt_folder(self, temporary: Path, kind: str, key: str) -> Path:
        """Move a finished folder of files into the store; a twin that is already there wins.

        Raises:
            StorageError: the disk is full or the cache cannot be written.
        """
        target = self.path(kind, key)
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            for file in temporary.iterdir():
                file.chmod(_READ_ONLY)
            fsync_folder(temporary)
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

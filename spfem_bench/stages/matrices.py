"""Feature matrices on disk: in the cache until the bundle is written, then one file for each metric."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_bench.errors import StorageError
from spfem_bench.fsio import writing_atomically
from spfem_bench.store.objects import ObjectStore

KIND = "row-matrices"
"""Of the objects in the cache."""
_ARRAY = "matrix"


@dataclass(frozen=True)
class Stored:
    """A row's matrix in the cache.

    Args:
        cache: the store's root.
        key: of the row.
        shape: (n, D).
    """

    cache: Path
    key: str
    shape: tuple[int, ...]

    def load(self) -> NDArray[np.float32]:
        """The matrix.

        Raises:
            StorageError: it was removed or damaged since the row was measured.
        """
        # a plain store: a fresh one does not see what another process of the same run wrote
        matrix = stored(ObjectStore(self.cache), self.key)
        if matrix is None or matrix.shape != self.shape:
            raise StorageError(
                f"the cache {self.cache} has lost the feature matrix {self.key[:12]}, which this run left "
                "there: run the same command again (only what is missing is measured)"
            )
        return matrix


def store(objects: ObjectStore, key: str, matrix: NDArray[np.float32]) -> Stored:
    """Keep a row's matrix.

    Raises:
        StorageError: the disk is full or the cache cannot be written.
    """
    objects.put_arrays(KIND, key, {_ARRAY: matrix.astype(np.float32)})
    return Stored(objects.root, key, matrix.shape)


def stored(objects: ObjectStore, key: str) -> NDArray[np.float32] | None:
    """A kept matrix, None where there is none or it is damaged."""
    found = objects.get_arrays(KIND, key)
    return None if found is None else found.get(_ARRAY)


def write_matrices(
    path: Path, shapes: Mapping[str, tuple[int, ...]], matrices: Iterable[NDArray[np.float32]]
) -> None:
    """Write a safetensors file of float32 tensors, one after another, so that one is in memory at a time.

    The bytes are those that safetensors itself writes for all of them at once.

    Args:
        path: of the file.
        shapes: name -> shape, sorted by name.
        matrices: in the order of ``shapes``.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    with writing_atomically(path) as stream:
        stream.write(_header(shapes))
        for shape, matrix in zip(shapes.values(), matrices, strict=True):
            stream.write(np.ascontiguousarray(matrix, "<f4").reshape(shape).data)


def _header(shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    """Eight bytes of its length, then JSON, filled up with blanks so that the tensors are aligned."""
    entries, at = {}, 0
    for name, shape in shapes.items():
        end = at + 4 * int(np.prod(shape, dtype=np.int64))
        entries[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text

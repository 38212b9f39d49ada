"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn, TypeVar

from spfem_bench.errors import StorageError

_T = TypeVar("_T")


class Sink:
    """A binary file open for writing whose failures become `StorageError`, and are remembered.

    They are remembered because a library that writes through callbacks may swallow or rename them.
    """

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self._path = path
        self.error: StorageError | None = None

    def write(self, data: bytes) -> int:
        """Append or overwrite at the current place."""
        return self._try(lambda: self._file.write(data))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, as files do."""
        return self._try(lambda: self._file.seek(offset, whence))

    def tell(self) -> int:
        """Current place."""
        return self._file.tell()

    def sync(self) -> None:
        """Push everything to the disk."""
        self._try(self._file.flush)
        self._try(lambda: os.fsync(self._file.fileno()))

    def _try(self, action: Callable[[], _T]) -> _T:
        try:
            return action()
        except OSError as error:
            self.error = self.error or _storage_error(self._path, error)
            raise self.error from error


@contextmanager
def whole_file(path: Path) -> Iterator[Sink]:
    """Write under a temporary name in the same folder, sync, rename; on any error nothing is left behind.

    Raises:
        StorageError: the folder is missing or read-only, or the disk is full.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        file = part.open("wb")
    except OSError as error:
        _refuse(path, error)
    try:
        sink = Sink(file, path)
        yield sink
        if sink.error is not None:
            raise sink.error
        sink.sync()
        file.close()
        _rename(part, path)
    finally:
        # After a failed write, closing tries to write the rest again; the first error is the one to show.
        _close_quietly(file)
        part.unlink(missing_ok=True)


def _rename(part: Path, path: Path) -> None:
    try:
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        _refuse(path, error)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _close_quietly(file: IO[bytes]) -> None:
    try:
        file.close()
    except OSError:
        return


def _refuse(path: Path, error: OSError) -> NoReturn:
    raise _storage_error(path, error) from error


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path} cannot be written: {error.strerror}; make room or choose another folder, then run again"
    )

"""Lines of a JSONL or CSV file as mappings that know where they came from."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spfem_bench.errors import DatasetError

MAX_BYTES = 256 << 20
"""About a million clips; a larger file is not a manifest."""


@dataclass(frozen=True)
class Line:
    """One entry.

    Args:
        file: the manifest.
        number: its line, from 1.
        values: key -> value; text only where the manifest is CSV.
    """

    file: Path
    number: int
    values: Mapping[str, Any]

    @property
    def where(self) -> str:
        """``FILE, line N``, for messages."""
        return f"{self.file}, line {self.number}"


def read_lines(path: Path) -> list[Line]:
    """All entries in order; blank lines are skipped.

    Raises:
        DatasetError: the file cannot be read, is not UTF-8, or a line is neither a JSON object nor CSV; or
            there is no entry at all.
    """
    text = _text(path)
    lines = list(_csv(path, text) if path.suffix.lower() == ".csv" else _jsonl(path, text))
    if not lines:
        raise DatasetError(f"{path} lists no clip; write one clip a line")
    return lines


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DatasetError(f"{path} is larger than {MAX_BYTES >> 20} MiB, so it is not a manifest")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _jsonl(path: Path, text: str) -> Iterator[Line]:
    for number, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        try:
            values = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise DatasetError(
                f"{path}, line {number} is not JSON ({error}); write one object a line"
            ) from error
        if not isinstance(values, dict):
            raise DatasetError(f"{path}, line {number} is not a JSON object; write one object a line")
        yield Line(path, number, values)


def _csv(path: Path, text: str) -> Iterator[Line]:
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    try:
        for row in rows:
            if "" in row:
                raise DatasetError(
                    f"{path}, line {rows.line_num} has more cells than the first line has names"
                )
            yield Line(path, rows.line_num, row)
    except csv.Error as error:
        raise DatasetError(f"{path}, line {rows.line_num} is not CSV: {error}") from error

"""An optional ``transcripts.csv`` beside MEAD's actors: who says which words in which clip."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spfem_bench.datasets.labels import canonical_emotion
from spfem_bench.errors import DatasetError

FILE = "transcripts.csv"
COLUMNS = ("speaker", "emotion", "level", "number", "text")

_Key = tuple[str, str, int, int]


@dataclass(frozen=True)
class Transcripts:
    """Sentence keys by (speaker, emotion, level, number)."""

    path: Path
    keys: Mapping[_Key, str] = field(default_factory=dict)

    def find(self, speaker: str, emotion: str, level: int, number: int) -> str | None:
        """The sentence key of a clip, None where it was not transcribed."""
        return self.keys.get((speaker, emotion, level, number))

    def is_file(self, path: Path) -> bool:
        """Whether a path is the transcript file itself."""
        return path == self.path


def sentence_key(text: str) -> str:
    """A key equal for equal words: case, punctuation and spacing do not count.

    Up to eight words stay readable; ten hexadecimal digits of the sha256 of all words follow.
    """
    words = re.findall(r"[\w']+", text.casefold())
    digest = hashlib.sha256(" ".join(words).encode()).hexdigest()[:10]
    return "-".join([*words[:8], digest])


def read_transcripts(root: Path) -> Transcripts:
    """The transcripts of a folder, empty without the file.

    Raises:
        DatasetError: a column is missing, or a line cannot be read; names the line.
    """
    path = root / FILE
    if not path.is_file():
        return Transcripts(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return Transcripts(path, _keys(csv.DictReader(stream), path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} cannot be read as UTF-8 CSV ({error}); mend or remove it") from error


def _keys(rows: csv.DictReader[str], path: Path) -> dict[_Key, str]:
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise DatasetError(f"{path} has no column '{missing[0]}'; its first line must be {','.join(COLUMNS)}")
    keys = {}
    for row in rows:
        try:
            key = (
                row["speaker"],
                canonical_emotion(row["emotion"]),
                _level(row["level"]),
                int(row["number"]),
            )
            keys[key] = sentence_key(row["text"])
        except (ValueError, TypeError, AttributeError) as error:
            raise DatasetError(f"{path}, line {rows.line_num}: {error}") from error
    return keys


def _level(text: str) -> int:
    return int(text.removeprefix("level_"))

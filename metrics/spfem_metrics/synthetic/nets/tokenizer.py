"""Whole words to numbers: the tokenizer of the judge ``clip``, a closed list of at most 508 words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import WeightsError

CONTEXT = 40
"""Tokens of a text with its start and end; what goes beyond is cut off."""
ENTRIES = 512
"""Rows of the network's table: four marks and as many words as there are, the others unused."""
PAD, START, END, UNKNOWN = range(4)

_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Tokenizer:
    """A word's number is its place in the list, after the four marks.

    Args:
        words: lower case, each once.
    """

    words: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Read a list with one word on each line.

        Raises:
            WeightsError: no such file, too many words, or one of them twice.
        """
        if not path.is_file():
            raise WeightsError(
                f"{path}: no such list of words; `spfem-bench train metrics --only clip` makes it"
            )
        words = tuple(path.read_text(encoding="utf-8").split())
        if len(words) > ENTRIES - 4 or len(set(words)) < len(words):
            raise WeightsError(f"{path}: {len(words)} words; at most {ENTRIES - 4}, each once")
        return cls(words)

    def encode(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(N, 40): start, the words' numbers (3 if unknown), end, zeros. Case and marks are ignored."""
        rows = np.full((len(texts), CONTEXT), PAD, np.int64)
        for row, text in zip(rows, texts, strict=True):
            found = [self._places.get(word, UNKNOWN) for word in split(text)][: CONTEXT - 2]
            row[: len(found) + 2] = [START, *found, END]
        return rows

    def unknown(self, text: str) -> list[str]:
        """The words of a text that are not in the list, in order."""
        return [word for word in split(text) if word not in self._places]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words, start=UNKNOWN + 1)}


def split(text: str) -> list[str]:
    """A text's words in lower case; whatever is neither a letter nor a digit parts them."""
    return _WORD.findall(text.lower())

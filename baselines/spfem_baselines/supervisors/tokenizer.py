"""Whole words to numbers for the supervisor ``clip``, over the list that ships with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import torch

CONTEXT = 36
"""Tokens of a text with its start and end; what goes beyond is cut off."""
ENTRIES = 512
PAD, START, END, UNKNOWN = range(4)


class Tokenizer:
    """A word's number is its place in the list, after four marks.

    Args:
        words: lower case, each once, at most 508.

    Raises:
        ValueError: more words, or one of them twice.
    """

    def __init__(self, words: Sequence[str]) -> None:
        if len(words) > ENTRIES - 4 or len(set(words)) < len(words):
            raise ValueError(f"{len(words)} words; at most {ENTRIES - 4}, each once")
        self._places = {word: place for place, word in enumerate(words, start=UNKNOWN + 1)}

    @classmethod
    def load(cls, path: Path | None = None) -> Tokenizer:
        """The list that ships with the network, or another with one word on each line.

        Raises:
            FileNotFoundError: there is none; ``spfem-bench train metrics`` makes it.
        """
        shipped = Path(str(files("spfem_baselines.supervisors"))) / "weights" / "words.txt"
        return cls((path or shipped).read_text(encoding="utf-8").split())

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """(N, 36) int64: start, the words' numbers (3 for an unknown word), end, zeros."""
        rows = torch.full((len(texts), CONTEXT), PAD, dtype=torch.int64)
        for row, text in zip(rows, texts, strict=True):
            found = [self._places.get(word, UNKNOWN) for word in _split(text)][: CONTEXT - 2]
            row[: len(found) + 2] = torch.tensor([START, *found, END])
        return rows

    def unknown(self, text: str) -> list[str]:
        """The words of a text that are not in the list, in order."""
        return [word for word in _split(text) if word not in self._places]


def _split(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())

"""What the rendered people say: original everyday sentences in the structure of MEAD and of RAVDESS.

MEAD (Wang et al. 2020) has 3 sentences said in every emotion, and for each emotion 7 that suit it and 20 that
suit any, of which 10 are read in every emotion: 30 clips, and 40 for neutral. RAVDESS (Livingstone and Russo
2018) has two statements of one pattern, said in every emotion. The texts here are this project's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from spfem_bench.errors import UsageError
from spfem_bench.synthetic.speech.lexicon import pronounce
from spfem_bench.synthetic.speech.texts import COMMON_TEXTS, GENERIC, RELATED, SHARED, STATEMENTS


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the bank.

    Args:
        index: place in the bank, 0 to `SENTENCES` - 1.
        text: as written.
        words: in lower case, without punctuation.
        phonemes: of each word, ARPAbet with a stress digit on each vowel, as in CMUdict.
        breaks: indices of words followed by a comma or the like.
        question: whether the text ends in a question mark.
    """

    index: int
    text: str
    words: tuple[str, ...]
    phonemes: tuple[tuple[str, ...], ...]
    breaks: frozenset[int]
    question: bool


_FIRST = (*COMMON_TEXTS, *SHARED)


def _bank() -> tuple[tuple[str, ...], Mapping[str, tuple[int, ...]]]:
    """All texts in order, and for each emotion the indices of MEAD's clips 001, 002, ..."""
    texts = list(_FIRST)
    plan: dict[str, tuple[int, ...]] = {}
    for emotion, generic in GENERIC.items():
        own = (*generic, *RELATED[emotion])
        plan[emotion] = (*range(len(_FIRST)), *range(len(texts), len(texts) + len(own)))
        texts.extend(own)
    return (*texts, *STATEMENTS), plan


_TEXTS, _PLAN = _bank()

SENTENCES: int = len(_TEXTS)
"""Size of the bank."""

COMMON: tuple[int, ...] = tuple(range(len(COMMON_TEXTS)))
"""The sentences said in every emotion: the only ones with which published pairs are made."""

RAVDESS: tuple[int, int] = (SENTENCES - 2, SENTENCES - 1)
"""The two statements, in the order of their codes 01 and 02."""


def mead_sentences(emotion: str) -> tuple[int, ...]:
    """Sentence of each clip number of MEAD: the first entry is clip 001.

    Three common ones come first, then generic ones, then those that suit the emotion; 30 in all, 40 for
    neutral.

    Args:
        emotion: one of the seven of `spfem_bench.datasets.records.SPFEM_EMOTIONS`.

    Raises:
        UsageError: the emotion is none of them.
    """
    if emotion not in _PLAN:
        raise UsageError(f"no sentences for the emotion {emotion!r}; it is one of {', '.join(_PLAN)}")
    return _PLAN[emotion]


@cache
def sentence_of(index: int) -> Sentence:
    """The sentence of this index.

    Raises:
        UsageError: the bank has no such index.
    """
    if not 0 <= index < SENTENCES:
        raise UsageError(f"there is no sentence {index}; the bank has 0 to {SENTENCES - 1}")
    text = _TEXTS[index]
    tokens = text.split()
    words = tuple(re.sub(r"[^a-z']", "", token.lower()) for token in tokens)
    breaks = frozenset(k for k, token in enumerate(tokens[:-1]) if token[-1] in ",?!")
    return Sentence(
        index, text, words, tuple(pronounce(word) for word in words), breaks, question=text.endswith("?")
    )

"""How each word of the sentence bank is pronounced: ARPAbet, one line a word, as CMUdict writes it.

The entries are this project's own, in American English: vowels carry 1 for primary stress, 2 for secondary,
0 for none. Words of grammar carry the stress of their citation form, which `timeline` takes away.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from spfem_bench.errors import UsageError

_WEAK = """
a am and are at be been but by can did do for from has have he her him his i if in into is it me my
of on our she should so some than that the their them there they to us was we were will with would you your
"""
UNSTRESSED: frozenset[str] = frozenset(_WEAK.split())
"""Words of grammar: said without stress inside a sentence."""


@cache
def lexicon() -> Mapping[str, tuple[str, ...]]:
    """Every word of the bank with its phonemes."""
    lines = files(__package__).joinpath("lexicon.txt").read_text("utf-8").splitlines()
    return {word: tuple(phonemes) for word, *phonemes in map(str.split, lines)}


def pronounce(word: str) -> tuple[str, ...]:
    """The phonemes of one word, in lower case.

    Raises:
        UsageError: the lexicon lacks the word.
    """
    try:
        return lexicon()[word]
    except KeyError:
        raise UsageError(f"the word {word!r} is not in the lexicon; add its line to lexicon.txt") from None

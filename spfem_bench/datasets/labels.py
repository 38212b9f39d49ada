"""Other spellings of the field's eight emotions, mapped by an explicit table and never by guess."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spfem_bench.datasets.records import EMOTIONS

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in EMOTIONS},
        **dict.fromkeys(("neu",), "neutral"),
        **dict.fromkeys(("ang", "anger"), "angry"),
        **dict.fromkeys(("con", "contemptuous"), "contempt"),
        **dict.fromkeys(("dis", "disgust"), "disgusted"),
        **dict.fromkeys(("fea", "fearful", "afraid"), "fear"),
        **dict.fromkeys(("hap", "happiness", "joy"), "happy"),
        **dict.fromkeys(("sadness",), "sad"),
        **dict.fromkeys(("sur", "surprise"), "surprised"),
    }
)
"""Spelling -> label of `EMOTIONS`: EAT's three letters, RAVDESS's names, AffectNet's nouns."""


def canonical_emotion(name: str) -> str:
    """The label of `EMOTIONS` that a spelling in `ALIASES` stands for; case and outer blanks do not count.

    Raises:
        ValueError: no such emotion; the message names the likeliest one and lists all.
    """
    label = ALIASES.get(name.strip().lower())
    if label is None:
        from spfem_bench.config import near_miss

        hint = near_miss(name.strip(), ALIASES)
        raise ValueError(f"'{name}' is not an emotion known here.{hint} Known are {', '.join(EMOTIONS)}")
    return label

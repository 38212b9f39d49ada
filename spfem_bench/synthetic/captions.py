"""Captions of a clip: what a text-guided method is told, and what a text-image network is trained on.

Every caption is made from closed tables, so that a tokenizer of whole words can know them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from spfem_bench.errors import UsageError
from spfem_bench.synthetic import wording
from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.face.units import UNITS
from spfem_bench.synthetic.people.identity import Identity

_SHOWS, _PLAIN, _STRONG = 0.2, 0.45, 0.75
_MOST = 3


@dataclass(frozen=True, slots=True)
class PersonWords:
    """A person in words; an empty string is left unsaid.

    Args:
        hair: e.g. ``"short dark brown hair"`` or ``"a bald head"``.
        facial_hair: e.g. ``"a full beard"``.
        glasses: e.g. ``"round glasses"``.
        age: ``"young"``, ``""`` or ``"older"``.
        skin: one of `wording.SKIN`.

    Raises:
        UsageError: a word is not in `vocabulary`.
    """

    hair: str
    facial_hair: str = ""
    glasses: str = ""
    age: str = ""
    skin: str = ""

    def __post_init__(self) -> None:
        unknown = _words(" ".join((*self.features, self.age))) - set(vocabulary())
        if unknown:
            listed = ", ".join(sorted(unknown))
            raise UsageError(f"a person is described with words outside the captions' vocabulary: {listed}")

    @property
    def features(self) -> tuple[str, ...]:
        """What can follow "with", the unsaid left out."""
        return tuple(text for text in (self.hair, self.facial_hair, self.glasses, self.skin) if text)


def person_words(who: Identity) -> PersonWords:
    """A rendered person in words."""
    return PersonWords(
        hair=wording.HAIR_STYLES[who.hair].format(colour=who.hair_colour),
        facial_hair=wording.FACIAL_HAIR[who.facial_hair],
        glasses=wording.GLASSES[who.glasses],
        age=wording.AGES[min(int(3 * who.lines), 2)],
        skin=wording.SKIN[min(int(3 * who.tone), 2)],
    )


def captions(
    emotion: str,
    intensity: int,
    units: Mapping[str, float] | NDArray[np.floating],
    person: PersonWords,
    key: tuple[int, ...],
) -> tuple[str, ...]:
    """Six captions of a clip, by what they tell of.

    Args:
        emotion: one of the seven of `spfem_bench.datasets.records.SPFEM_EMOTIONS`.
        intensity: 1 to 3.
        units: activations of the action units by FACS name, or (16,) in the order of `UNITS`.
        person: who is seen.
        key: seeds the choice of words.

    Returns:
        Of the emotion as an adjective, the emotion as a noun, the muscles, emotion and muscles, emotion and
        person, all three; in lower case.

    Raises:
        UsageError: there is no such emotion or intensity.
    """
    if emotion not in wording.GENERAL or intensity not in wording.ADVERBS:
        known = ", ".join(wording.GENERAL)
        raise UsageError(
            f"no words for {emotion!r} at intensity {intensity}; give one of {known} and 1, 2 or 3"
        )
    draw = generator(*key)
    kinds = (
        wording.EMOTION_ONLY,
        wording.NOUN_ONLY,
        wording.MOVEMENT_ONLY,
        wording.EMOTION_AND_MOVEMENT,
        wording.EMOTION_AND_LOOKS,
        wording.ALL,
    )
    return tuple(_filled(_pick(draw, kind), draw, (emotion, intensity), units, person) for kind in kinds)


def vocabulary() -> tuple[str, ...]:
    """Every word a caption or prompt can hold, sorted, in lower case."""
    return _VOCABULARY


def _filled(
    template: str,
    draw: np.random.Generator,
    mood: tuple[str, int],
    units: Mapping[str, float] | NDArray[np.floating],
    person: PersonWords,
) -> str:
    text = template.format(
        person=_pick(draw, wording.PEOPLE),
        feeling=_feeling(draw, *mood),
        noun=_noun(draw, *mood),
        movements=_movements(draw, units),
        who=_who(draw, person),
    )
    return _with_articles(text)


def _feeling(draw: np.random.Generator, emotion: str, intensity: int) -> str:
    general, graded = wording.GENERAL[emotion], wording.GRADED[emotion][intensity]
    if emotion == "neutral":
        return _pick(draw, general)
    if graded and draw.random() < 0.4:
        return _pick(draw, graded)
    return f"{_pick(draw, wording.ADVERBS[intensity])} {_pick(draw, general)}"


def _noun(draw: np.random.Generator, emotion: str, intensity: int) -> str:
    noun = _pick(draw, wording.NOUNS[emotion])
    return noun if emotion == "neutral" else f"{_pick(draw, wording.DEGREES[intensity])} {noun}"


def _movements(draw: np.random.Generator, units: Mapping[str, float] | NDArray[np.floating]) -> str:
    """The most active units in words, in the face's order from the brows down."""
    named = units if isinstance(units, Mapping) else dict(zip(UNITS, units.tolist(), strict=True))
    active = [name for name in UNITS if _shows(name, float(named.get(name, 0.0)))]
    chosen = sorted(active, key=lambda name: -abs(named[name]))[:_MOST]
    said = [_movement(draw, name, float(named[name])) for name in UNITS if name in chosen]
    return _listed(said) if said else _pick(draw, wording.STILL)


def _shows(name: str, value: float) -> bool:
    return value >= _SHOWS or (name == "AU5" and value <= -_SHOWS)


def _movement(draw: np.random.Generator, name: str, value: float) -> str:
    if value < 0:
        return _pick(draw, wording.DROOPING)
    return _pick(draw, wording.MOVEMENTS[name][int(value >= _PLAIN) + int(value >= _STRONG)])


def _who(draw: np.random.Generator, person: PersonWords) -> str:
    noun = f"{person.age} person".strip()
    order = draw.permutation(len(person.features))[: int(draw.integers(1, 3))]
    features = [person.features[k] for k in sorted(order)]
    return f"a {noun} with {_listed(features)}" if features else f"a {noun}"


def _with_articles(text: str) -> str:
    """``a`` before a vowel becomes ``an``."""
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _pick(draw: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(draw.integers(len(options)))]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", re.sub(r"\{\w+\}", " ", text)))


def _texts(table: object) -> Iterator[str]:
    """Every string in a nested table; the keys of mappings are not text."""
    if isinstance(table, str):
        yield table
    elif isinstance(table, Mapping):
        yield from _texts(tuple(table.values()))
    elif isinstance(table, Sequence):
        for item in table:
            yield from _texts(item)


_TABLES = tuple(value for name, value in vars(wording).items() if name.isupper())
_GLUE = "a an and with person"
_VOCABULARY = tuple(sorted(set().union(*(_words(text) for text in (_GLUE, *_texts(_TABLES))))))


def _prompts(emotion: str) -> tuple[str, ...]:
    """Each template with each general word and noun of the emotion, without repetition."""
    rows = [
        _with_articles(template.format(person=person, feeling=feeling, noun=noun))
        for template in wording.PROMPT
        for person in wording.PEOPLE[:1]
        for feeling in wording.GENERAL[emotion][:2]
        for noun in wording.NOUNS[emotion]
    ]
    return tuple(dict.fromkeys(rows))


PROMPTS: Mapping[str, tuple[str, ...]] = MappingProxyType({name: _prompts(name) for name in wording.GENERAL})
"""Zero-shot prompts of each emotion; a score averages over them (Radford et al. 2021, section 3.1.4)."""

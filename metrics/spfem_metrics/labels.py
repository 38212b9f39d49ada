"""Emotion labels: the field's own, and how the labels of data sets and classifiers stand to them.

Every vocabulary is an explicit table, never a guess by spelling. ``None`` says that a label has no
counterpart: RAVDESS's ``calm`` is neither ``neutral`` nor anything else here. Contempt is one of the field's
labels, though most papers leave it out (`SEVEN`); which of the two is meant stands in a classifier's
definition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from spfem_metrics.errors import DefinitionError

EMOTIONS = ("neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")
"""The field's eight labels, in MEAD's spelling and in the order of every classifier's columns here."""

SEVEN = ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")
"""The seven of the papers: `EMOTIONS` without contempt."""

Vocabulary = Mapping[str, str | None]
"""A label -> the one of `EMOTIONS` it means, or None where none does."""


def _vocabulary(*labels: str, **others: str | None) -> Vocabulary:
    """Labels that are spelled as in `EMOTIONS`, and others by what they mean."""
    return MappingProxyType({**{label: label for label in labels}, **others})


VOCABULARIES: Mapping[str, Vocabulary] = MappingProxyType(
    {
        "canonical": _vocabulary(*EMOTIONS),
        "mead": _vocabulary(*EMOTIONS),
        "ravdess": _vocabulary(
            "neutral", "happy", "sad", "angry", "surprised", fearful="fear", disgust="disgusted", calm=None
        ),
        "affectnet": _vocabulary(
            Anger="angry",
            Contempt="contempt",
            Disgust="disgusted",
            Fear="fear",
            Happiness="happy",
            Neutral="neutral",
            Sadness="sad",
            Surprise="surprised",
        ),
        "fer2013": _vocabulary(
            "angry", "fear", "happy", "sad", "neutral", disgust="disgusted", surprise="surprised"
        ),
        "emonet": _vocabulary(
            Neutral="neutral",
            Happy="happy",
            Sad="sad",
            Surprise="surprised",
            Fear="fear",
            Disgust="disgusted",
            Anger="angry",
            Contempt="contempt",
        ),
    }
)
"""By name. ``mead`` are MEAD's folders; ``ravdess`` the names of RAVDESS's codes; ``affectnet`` the classes
of HSEmotion and EmotiEffLib, ``fer2013`` those of mini-XCEPTION, ``emonet`` those of EmoNet."""


def canonical(label: str, vocabulary: str) -> str | None:
    """What a label means among `EMOTIONS`, None where it has no counterpart.

    Raises:
        DefinitionError: no such vocabulary, or it has no such label (spelling and case count).
    """
    if vocabulary not in VOCABULARIES:
        raise DefinitionError(f"no vocabulary {vocabulary!r}: there are {', '.join(VOCABULARIES)}")
    table = VOCABULARIES[vocabulary]
    if label not in table:
        raise DefinitionError(f"{label!r} is no label of {vocabulary}, which has {', '.join(table)}")
    return table[label]


def counterpart(label: str, source: str, target: str) -> str | None:
    """A label of one vocabulary in the words of another, None where the other has no such emotion.

    Args:
        label: of ``source``.
        source: name of a vocabulary, e.g. that of a classifier.
        target: name of a vocabulary, e.g. that of a data set.

    Raises:
        DefinitionError: an unknown vocabulary, or a label that ``source`` does not have.
    """
    meaning = canonical(label, source)
    if target not in VOCABULARIES:
        raise DefinitionError(f"no vocabulary {target!r}: there are {', '.join(VOCABULARIES)}")
    same = [name for name, own in VOCABULARIES[target].items() if own == meaning and own is not None]
    return same[0] if same else None


_WORD = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Classes:
    """What a classifier's outputs stand for, and which of them count.

    Args:
        outputs: name of every output, in the network's order; also of those that are no classes
            (``valence``).
        vocabulary: of the names in ``outputs`` that are not dropped, one of `VOCABULARIES`.
        drop: outputs left out before probabilities are formed, so that the others share all of it. A label
            without a counterpart (RAVDESS's ``calm``) must be among them.

    Raises:
        DefinitionError: a name twice, unknown, without counterpart or not fit for a signature; a dropped one
            that is no output; two names of one emotion; fewer than two classes left.
    """

    outputs: Sequence[str]
    vocabulary: str
    drop: Sequence[str] = ()
    labels: tuple[str, ...] = field(init=False)
    """Those of `EMOTIONS` that the classifier tells apart, in that order: its columns."""
    columns: tuple[int, ...] = field(init=False)
    """For each of `labels`, which output it is."""

    def __post_init__(self) -> None:
        _check_names(self.outputs, self.drop)
        places = self._places()
        labels = tuple(label for label in EMOTIONS if label in places)
        if len(labels) < 2:
            raise DefinitionError(f"a classifier of {len(labels)} classes tells nothing apart: at least 2")
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "columns", tuple(places[label] for label in labels))

    @property
    def definition(self) -> str:
        """``classes`` as `labels`, then the outputs in their order, the dropped ones and the vocabulary."""
        dropped = "/".join(name for name in self.outputs if name in self.drop) or "none"
        outputs = "/".join(self.outputs)
        return f"classes:{'/'.join(self.labels)},outputs:{outputs},drop:{dropped},labels:{self.vocabulary}"

    def _places(self) -> dict[str, int]:
        """Label -> output."""
        places: dict[str, int] = {}
        for index, name in enumerate(self.outputs):
            if name in self.drop:
                continue
            label = canonical(name, self.vocabulary)
            if label is None:
                raise DefinitionError(
                    f"the output {name!r} means none of {', '.join(EMOTIONS)}: name it under drop"
                )
            if label in places:
                first = self.outputs[places[label]]
                raise DefinitionError(f"the outputs {first!r} and {name!r} both mean {label}: drop one")
            places[label] = index
        return places


def _check_names(outputs: Sequence[str], drop: Sequence[str]) -> None:
    twice = sorted({name for name in outputs if list(outputs).count(name) > 1})
    if twice:
        raise DefinitionError(f"the outputs name {', '.join(twice)} twice")
    unfit = [name for name in outputs if not _WORD.fullmatch(name)]
    if unfit:
        raise DefinitionError(f"the output {unfit[0]!r} has a name other than letters, digits, '_', '.', '-'")
    strange = [name for name in drop if name not in outputs]
    if strange:
        raise DefinitionError(f"{strange[0]!r} cannot be dropped: the outputs are {', '.join(outputs)}")


_SIGNED = re.compile(r"(?:^|,)classes:([a-z/]+)")


def check_columns(extractor: str, definition: str, labels: Sequence[str]) -> None:
    """Hold a metric's labels to the columns that an extractor's definition states, if it states any.

    Raises:
        DefinitionError: they differ, so that probabilities would be read under wrong names.
    """
    stated = _SIGNED.search(definition)
    if stated and tuple(stated[1].split("/")) != tuple(labels):
        raise DefinitionError(
            f"{extractor} tells {stated[1].replace('/', ', ')} apart, but the metric reads its columns as "
            f"{', '.join(labels)}: give the metric the option labels, or drop what it leaves out"
        )

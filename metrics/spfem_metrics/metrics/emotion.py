"""Does the clip show the emotion it was asked for?

`EmotionAccuracy` of one classifier, of clips or of their frames, and `EmotionGap`, which sets it beside the
same classifier's accuracy on the protocol's real clips: its ceiling. Both are named after the classifier's
extractor, so that a suite can hold several.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spfem_metrics.labels import SEVEN
from spfem_metrics.metric import MetricInfo, Observation, Reading, Row, Score
from spfem_metrics.metrics.classifying import Classifier, Vote
from spfem_metrics.metrics.reducing import common_reasons, mean_score, missed_frames
from spfem_metrics.outcome import Scored, Unscored
from spfem_metrics.signature import Signature

EMOTIONS = SEVEN
"""The classes of the extractor ``emotion``, in the order of its ``probabilities``."""

_CAUTION = (
    "It says what one classifier sees, not what people see; its accuracy on real clips of the emotion is the "
    "ceiling to read it against. Labels it has no class for are not scored."
)
_ACCURACY: Mapping[Vote, tuple[str, str, str]] = {
    "mean-probability": (
        "emotion-accuracy",
        "Emotion",
        "Share of trials in which the mean of the frames' class probabilities is highest at the target "
        "emotion.",
    ),
    "majority": (
        "emotion-accuracy-majority",
        "Emotion majority",
        "Share of trials in which more frames answer with the target emotion than with any other; equally "
        "many are told apart by mean probability.",
    ),
    "frames": (
        "emotion-accuracy-frames",
        "Emotion frames",
        "Share of a trial's frames with a face that answer with the target emotion, then the mean over "
        "trials, so that a long clip weighs no more than a short one. A talking face passes through other "
        "expressions.",
    ),
}
"""Name, column header and meaning by vote."""


@dataclass(frozen=True)
class EmotionAccuracy:
    """How often the target emotion is recognised; parts: see `observe`.

    Args:
        weak: why the classifier is weak evidence, printed with the number; empty where it is not.
        extractor: ``emotion``, or ``emotion-NAME``, whose metrics carry the name too
            (``emotion-accuracy-NAME``).
        labels: of the classifier's columns, in the order of `spfem_metrics.labels.EMOTIONS`.
        vote: of a clip; ``majority`` and ``frames`` are metrics of their own (``emotion-accuracy-frames``).

    Raises:
        DefinitionError: an unknown vote, another kind of extractor, or labels out of order.
    """

    weak: str = ""
    extractor: str = "emotion"
    labels: Sequence[str] = SEVEN
    vote: Vote = "mean-probability"

    def __post_init__(self) -> None:
        _ = self._classifier

    @property
    def _classifier(self) -> Classifier:
        return Classifier(self.extractor, self.labels, self.vote)

    @property
    def info(self) -> MetricInfo:
        """Named after vote and classifier, with the weakness given."""
        own, (name, label, about) = self._classifier, _ACCURACY[self.vote]
        return MetricInfo(
            name=name + own.suffix,
            label=label + own.title,
            version=2,
            direction="higher",
            unit="share",
            bounds=(0.0, 1.0),
            needs=own.needs,
            about=f"{about} {_CAUTION}",
            order=("copy-reference", "copy-source"),
            weak=self.weak,
        )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line.

        Raises:
            DefinitionError: the labels are not those that the extractor's definition states.
        """
        mean = {"mean": "frames-then-trials"} if self.vote == "frames" else {}
        return self._classifier.sign(self.info, definitions, **mean)

    def observe(self, observation: Observation) -> Reading | Unscored:
        """1 where the clip answers with the target, else 0; the share of frames that do, by ``frames``.

        Parts: ``probability`` of the target, ``frames``, ``frames_missed``.
        """
        answers = self._classifier.answers(observation)
        if isinstance(answers, Unscored):
            return answers
        return Reading(answers.right(self.vote), answers.parts)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


@dataclass(frozen=True)
class EmotionGap:
    """Recognition of generated clips less that of the protocol's real clips of the same emotion.

    Arguments and errors as in `EmotionAccuracy`; the metric is ``emotion-gap``, ``emotion-gap-NAME`` for
    ``emotion-NAME``, with ``-majority`` or ``-frames`` before it. Rows have no value of their own; see
    `observe`.
    """

    weak: str = ""
    extractor: str = "emotion"
    labels: Sequence[str] = SEVEN
    vote: Vote = "mean-probability"

    def __post_init__(self) -> None:
        _ = self._classifier

    @property
    def _classifier(self) -> Classifier:
        return Classifier(self.extractor, self.labels, self.vote)

    @property
    def info(self) -> MetricInfo:
        """Named after vote and classifier, with the weakness given."""
        own, (name, label, _) = self._classifier, _ACCURACY[self.vote]
        base = name.replace("accuracy", "gap")
        return MetricInfo(
            name=base + own.suffix,
            label=f"{label} - real{own.title}",
            version=1,
            direction="higher",
            unit="share",
            bounds=(-1.0, 1.0),
            needs=own.needs,
            about=(
                f"`{name + own.suffix}` of the generated clips less that of the protocol's real clips of the "
                "same emotion. The latter is the classifier's ceiling, printed in the notes: where it misses "
                "real clips it says little of generated ones. Above 0 a method shows the emotion more "
                "plainly than people do, which is no merit by itself."
            ),
            order=("copy-reference", "copy-source"),
            of_sets=True,
            weak=self.weak,
        )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line.

        Raises:
            DefinitionError: the labels are not those that the extractor's definition states.
        """
        return self._classifier.sign(self.info, definitions, mean="clips", against="real-clips")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """Of a trial or a real clip. Parts: ``right`` in 0..1, and those of `EmotionAccuracy.observe`."""
        answers = self._classifier.answers(observation)
        if isinstance(answers, Unscored):
            return answers
        return Reading(None, {"right": answers.right(self.vote), **answers.parts})

    def reduce(self, rows: Sequence[Row]) -> Score:
        """The difference of both shares, with the ceiling in the notes."""
        made, real = ([row for row in rows if row.trial.side == side] for side in ("generated", "real"))
        shown, known = _right(made), _right(real)
        notes = (*_ceiling(known, len(real)), *missed_frames(made))
        if not shown or not known:
            return Score(Unscored(_missing(made, real)), len(shown), len(made), notes=notes)
        return Score(Scored(_mean(shown) - _mean(known)), len(shown), len(made), notes=notes)


def _right(rows: Sequence[Row]) -> list[float]:
    return [row.outcome.parts["right"] for row in rows if isinstance(row.outcome, Reading)]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _ceiling(known: Sequence[float], total: int) -> list[str]:
    if not known:
        return []
    lost = f" ({total - len(known)} of {total} could not be read)" if len(known) < total else ""
    return [f"ceiling: {100 * _mean(known):.0f}% of {len(known)} real clips{lost}"]


def _missing(made: Sequence[Row], real: Sequence[Row]) -> str:
    if not real:
        return "the protocol has no real clips of this emotion"
    name, rows = ("real", real) if not _right(real) else ("generated", made)
    return f"no {name} clip could be used: {common_reasons(rows)}"

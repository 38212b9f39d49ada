"""What the metrics of an emotion classifier share: whose probabilities, by which names, how a clip votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, InputError
from spfem_metrics.labels import EMOTIONS, SEVEN, check_columns
from spfem_metrics.metric import MetricInfo, Need, Observation
from spfem_metrics.metrics.sides import Answered, answered, faces_of, sign_faces
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

Vote = Literal["mean-probability", "majority", "frames"]
"""What a clip's answer is worth: 1 or 0 by the class of the highest mean probability; 1 or 0 by the class
that most frames answer, where equally many are told apart by mean probability; or the share of frames that
are right."""

VOTES: Mapping[Vote, str] = {
    "mean-probability": "mean-probability",
    "majority": "majority-then-mean-probability",
    "frames": "none-share-of-frames",
}
"""The words of each in signatures."""


@dataclass(frozen=True)
class Classifier:
    """Whose probabilities are read, under which names, and how a clip votes.

    Args:
        extractor: ``emotion`` or ``emotion-NAME``, with ``probabilities`` (T, C) and ``valid`` (T,), or those
            of n frames and ``frame`` (n,), their numbers.
        labels: of the columns, in the order of `spfem_metrics.labels.EMOTIONS`.
        vote: see `Vote`.

    Raises:
        DefinitionError: another name or vote, or labels that are not the field's in that order.
    """

    extractor: str
    labels: Sequence[str]
    vote: Vote

    def __post_init__(self) -> None:
        name, labels = self.extractor, list(self.labels)
        if self.vote not in get_args(Vote) or (name != "emotion" and not name.startswith("emotion-")):
            raise DefinitionError(
                f"an emotion classifier is named emotion or emotion-NAME and votes by {', '.join(VOTES)}, "
                f"not {name!r} by {self.vote!r}"
            )
        if labels != [label for label in EMOTIONS if label in labels] or len(labels) < 2:
            raise DefinitionError(
                f"labels are two or more of {', '.join(EMOTIONS)}, in this order, not {', '.join(labels)}"
            )

    @property
    def suffix(self) -> str:
        """What tells its metrics from another classifier's: empty, or ``-NAME``."""
        return self.extractor.removeprefix("emotion")

    @property
    def title(self) -> str:
        """The same in a column's header."""
        return f" ({self.suffix[1:]})" if self.suffix else ""

    @property
    def needs(self) -> tuple[Need, ...]:
        """The output's probabilities, and the faces of output and source."""
        return (Need("output", self.extractor), *faces_of())

    def sign(self, info: MetricInfo, definitions: Mapping[str, str], **choices: str) -> Signature:
        """A metric's signature, if its labels are those that the extractor's definition states.

        Raises:
            DefinitionError: they are not, or a definition is missing.
        """
        check_columns(self.extractor, definitions.get(self.extractor, ""), self.labels)
        usual = tuple(self.labels) in (SEVEN, EMOTIONS)
        classes = str(len(self.labels)) if usual else "/".join(self.labels)
        return sign_faces(info, definitions, vote=VOTES[self.vote], classes=classes, **choices)

    def answers(self, observation: Observation) -> Answers | Unscored:
        """What it says of the output's frames with a face, among those it has read.

        Raises:
            InputError: the extractor has another number of classes.
        """
        target = observation.trial.emotion
        if target not in self.labels:
            return Unscored(f"the classifier has no class for {target!r}")
        answer = answered(observation)
        if isinstance(answer, Unscored):
            return answer
        read = observation.sides["output"][self.extractor]
        faces = answer.at(np.asarray(read["frame"], np.int64)) if "frame" in read else answer
        valid = faces.output & np.asarray(read["valid"], bool)
        if not valid.any():
            return Unscored("the classifier read none of the output frames")
        given = np.asarray(read["probabilities"], np.float64)
        if given.shape[1] != len(self.labels):
            raise InputError(
                f"{self.extractor} has {given.shape[1]} classes, the metric reads {len(self.labels)}: give "
                "the metric the option labels"
            )
        return Answers(given[valid], list(self.labels).index(target), faces)


@dataclass(frozen=True)
class Answers:
    """What a classifier says of a clip.

    Args:
        probabilities: (N, C) float64 of the frames with a face, N >= 1.
        target: column of the emotion asked for.
        faces: which of the frames read show one, in output and source.
    """

    probabilities: NDArray[np.float64]
    target: int
    faces: Answered

    @property
    def mean(self) -> NDArray[np.float64]:
        """(C,) mean probabilities."""
        return np.asarray(self.probabilities.mean(axis=0))

    @property
    def parts(self) -> dict[str, float]:
        """``probability`` of the target, ``frames``, ``frames_missed``."""
        frames = self.faces.parts(len(self.probabilities))
        return {"probability": float(self.mean[self.target]), **frames}

    def right(self, vote: Vote) -> float:
        """How right the clip is, in 0..1."""
        if vote == "mean-probability":
            return float(int(self.mean.argmax()) == self.target)
        frames = self.probabilities.argmax(axis=1)
        if vote == "frames":
            return float((frames == self.target).mean())
        counts = np.bincount(frames, minlength=self.probabilities.shape[1])
        return float(int(np.where(counts == counts.max(), self.mean, -1.0).argmax()) == self.target)

"""Does the clip show the emotion it was asked for?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import answered, faces_of, sign_faces
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

EMOTIONS = ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")
"""The classes of the extractor ``emotion``, in the order of its ``probabilities``."""


@dataclass(frozen=True)
class EmotionAccuracy:
    """Share of trials whose clip-mean probabilities peak at the target; parts: see `observe`.

    Args:
        weak: why the classifier is weak evidence, printed with the number; empty where it is not.
    """

    weak: str = ""

    @property
    def info(self) -> MetricInfo:
        """With the weakness given."""
        return _info(self.weak)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(self.info, definitions, vote="mean-probability", classes=str(len(EMOTIONS)))

    def observe(self, observation: Observation) -> Reading | Unscored:
        """1 where the clip's mean probabilities are highest at the target, else 0.

        Parts: ``probability`` of the target, ``frames``, ``frames_missed``.
        """
        target = observation.trial.emotion
        if target not in EMOTIONS:
            return Unscored(f"the classifier has no class for {target!r}")
        answer = answered(observation)
        if isinstance(answer, Unscored):
            return answer
        read = observation.sides["output"]["emotion"]
        valid = answer.output & np.asarray(read["valid"], bool)
        if not valid.any():
            return Unscored("the classifier read none of the output frames")
        mean = np.asarray(read["probabilities"], np.float64)[valid].mean(axis=0)
        hit = float(int(mean.argmax()) == EMOTIONS.index(target))
        probability = float(mean[EMOTIONS.index(target)])
        return Reading(hit, {"probability": probability, **answer.parts(int(valid.sum()))})

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Share of trials."""
        return mean_score(rows)


def _info(weak: str) -> MetricInfo:
    return MetricInfo(
        name="emotion-accuracy",
        label="Emotion",
        version=2,
        direction="higher",
        unit="share",
        bounds=(0.0, 1.0),
        needs=(Need("output", "emotion"), *faces_of()),
        about=(
            "Share of trials in which the mean of the frames' class probabilities is highest at the target "
            "emotion. It says what one classifier sees, not what people see; its accuracy on real clips of "
            "the emotion is the ceiling to read it against. Labels it has no class for are not scored."
        ),
        order=("copy-reference", "copy-source"),
        weak=weak,
    )

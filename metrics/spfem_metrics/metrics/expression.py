"""How near the output's expression comes to that of another clip, in the coefficients of a face model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, InputError
from spfem_metrics.functional.vectors import overlap
from spfem_metrics.metric import MetricInfo, Observation, Reading, Row, Score, Side
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import answered, faces_of, sign_faces, usable
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

SPEECH_COEFFICIENTS = (
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthUpperUpLeft", "mouthUpperUpRight",
)  # fmt: skip
"""Blendshapes that speech moves at least as much as emotion does: left out, so that words do not count."""

_ABOUT = (
    "Dice overlap of the clip-mean expression coefficients of the output and of {what}, those that mainly "
    "follow speech left out. Unlike a cosine it falls where the intensity differs. It mixes expression "
    "with the resting face of the person, so 1 is out of reach across people."
)


@dataclass(frozen=True)
class ExpressionSimilarity:
    """Overlap of clip-mean expression coefficients with the reference clip or with the true pair.

    Parts of its readings: ``frames`` of the output, ``frames_missed``.

    Args:
        side: which clip is aimed at; with ``truth`` the metric is named ``expression-to-truth``.
        columns: ``mediapipe`` leaves `SPEECH_COEFFICIENTS` out of MediaPipe's 52; ``all`` takes every column.
        weak: why it is weak evidence, printed with the number.

    Raises:
        DefinitionError: another side or set of columns.
    """

    side: Literal["reference", "truth"] = "reference"
    columns: Literal["mediapipe", "all"] = "mediapipe"
    weak: str = ""

    def __post_init__(self) -> None:
        if self.side not in ("reference", "truth") or self.columns not in ("mediapipe", "all"):
            raise DefinitionError(f"no expression similarity to {self.side!r} on columns {self.columns!r}")

    @property
    def info(self) -> MetricInfo:
        """Named after the side."""
        return _info(self.side, self.weak)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        columns = "all" if self.columns == "all" else f"mediapipe-minus-{len(SPEECH_COEFFICIENTS)}-of-speech"
        return sign_faces(self.info, definitions, to=self.side, columns=columns, by="dice-of-clip-means")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's overlap."""
        answer, other = answered(observation), usable(observation, self.side)
        if isinstance(answer, Unscored):
            return answer
        if isinstance(other, Unscored):
            return other
        means = (
            self._mean(observation, "output", answer.output),
            self._mean(observation, self.side, other),
        )
        return Reading(overlap(*means), answer.parts(int(answer.output.sum())))

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)

    def _mean(self, observation: Observation, side: Side, found: NDArray[np.bool_]) -> NDArray[np.float64]:
        coefficients = np.asarray(observation.sides[side]["faces"]["coefficients"], np.float64)
        mean = np.asarray(coefficients[found].mean(axis=0), np.float64)
        return mean if self.columns == "all" else mean[_kept(len(mean))]


def _kept(width: int) -> NDArray[np.bool_]:
    """Which of MediaPipe's coefficients count.

    Raises:
        InputError: the extractor has another number of them.
    """
    from spfem_metrics.faces.mediapipe import BLENDSHAPES

    if width != len(BLENDSHAPES):
        raise InputError(f"{width} coefficients, MediaPipe has {len(BLENDSHAPES)}: use columns 'all'")
    return np.array([name not in SPEECH_COEFFICIENTS for name in BLENDSHAPES])


def _info(side: Literal["reference", "truth"], weak: str) -> MetricInfo:
    to_reference = side == "reference"
    return MetricInfo(
        name="expression-similarity" if to_reference else "expression-to-truth",
        label="Expression" if to_reference else "Expr. to truth",
        version=2,
        direction="higher",
        unit="overlap",
        bounds=(-1.0, 1.0),
        needs=faces_of(side),
        about=_ABOUT.format(what="the reference clip" if to_reference else "the true pair"),
        order=("copy-reference", "copy-source") if to_reference else ("oracle", "copy-source"),
        weak=weak,
    )

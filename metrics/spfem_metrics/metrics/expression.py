"""How near the output's expression comes to that of another clip, in the coefficients of a face model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, InputError
from spfem_metrics.extractor import ClipFeatures
from spfem_metrics.functional.vectors import overlap
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
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

UNITS = (
    "AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU9", "AU10",
    "AU12", "AU15", "AU17", "AU18", "AU20", "AU23", "AU25", "AU26",
)  # fmt: skip
"""Order of the extractor ``emotion``'s ``units``: action units after FACS (Ekman and Friesen 1978)."""

SPEECH_UNITS = ("AU18", "AU25", "AU26")
"""Pucker, lips apart, jaw drop: left out of `UNITS` for the same reason."""

_EMOTION_UNITS = [place for place, name in enumerate(UNITS) if name not in SPEECH_UNITS]

Columns = Literal["mediapipe", "units", "all"]
_SIGNED: Mapping[Columns, str] = {
    "mediapipe": f"mediapipe-minus-{len(SPEECH_COEFFICIENTS)}-of-speech",
    "units": f"units-minus-{len(SPEECH_UNITS)}-of-speech",
    "all": "all",
}

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
        columns: ``mediapipe`` takes the ``coefficients`` of ``faces``, MediaPipe's 52, and leaves
            `SPEECH_COEFFICIENTS` out; ``all`` takes every one of them; ``units`` takes the ``units`` of
            ``emotion``, 16 action units, and leaves `SPEECH_UNITS` out.
        weak: why it is weak evidence, printed with the number.

    Raises:
        DefinitionError: another side or set of columns.
    """

    side: Literal["reference", "truth"] = "reference"
    columns: Columns = "mediapipe"
    weak: str = ""

    def __post_init__(self) -> None:
        if self.side not in ("reference", "truth") or self.columns not in _SIGNED:
            raise DefinitionError(f"no expression similarity to {self.side!r} on columns {self.columns!r}")

    @property
    def info(self) -> MetricInfo:
        """Named after the side."""
        return _info(self.side, self.columns, self.weak)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(
            self.info, definitions, to=self.side, columns=_SIGNED[self.columns], by="dice-of-clip-means"
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's overlap."""
        answer, other = answered(observation), usable(observation, self.side)
        if isinstance(answer, Unscored):
            return answer
        if isinstance(other, Unscored):
            return other
        ours = self._mean(observation.sides["output"], answer.output)
        theirs = self._mean(observation.sides[self.side], other)
        if ours is None or theirs is None:
            return Unscored(f"no action units read in the {'output' if ours is None else self.side} clip")
        return Reading(overlap(ours, theirs), answer.parts(int(answer.output.sum())))

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)

    def _mean(self, clip: ClipFeatures, found: NDArray[np.bool_]) -> NDArray[np.float64] | None:
        """The clip mean of the columns that count; None where no frame was read."""
        if self.columns == "units":
            read = found & np.asarray(clip["emotion"]["valid"], bool)
            units = np.asarray(clip["emotion"]["units"], np.float64)[:, _EMOTION_UNITS]
            return np.asarray(units[read].mean(axis=0)) if read.any() else None
        mean = np.asarray(clip["faces"]["coefficients"], np.float64)[found].mean(axis=0)
        return np.asarray(mean if self.columns == "all" else mean[_kept(len(mean))])


def _kept(width: int) -> NDArray[np.bool_]:
    """Which of MediaPipe's coefficients count.

    Raises:
        InputError: the extractor has another number of them.
    """
    from spfem_metrics.faces.mediapipe import BLENDSHAPES

    if width != len(BLENDSHAPES):
        raise InputError(f"{width} coefficients, MediaPipe has {len(BLENDSHAPES)}: use columns 'all'")
    return np.array([name not in SPEECH_COEFFICIENTS for name in BLENDSHAPES])


def _info(side: Literal["reference", "truth"], columns: Columns, weak: str) -> MetricInfo:
    to_reference = side == "reference"
    units = (Need("output", "emotion"), Need(side, "emotion")) if columns == "units" else ()
    return MetricInfo(
        name="expression-similarity" if to_reference else "expression-to-truth",
        label="Expression" if to_reference else "Expr. to truth",
        version=2,
        direction="higher",
        unit="overlap",
        bounds=(-1.0, 1.0),
        needs=(*units, *faces_of(side)),
        about=_ABOUT.format(what="the reference clip" if to_reference else "the true pair"),
        order=("copy-reference", "copy-source") if to_reference else ("oracle", "copy-source"),
        weak=weak,
    )

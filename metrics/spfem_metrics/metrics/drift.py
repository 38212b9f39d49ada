"""What single frames hide: flicker, and a head or gaze that no longer follows the source's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.drift import angle_drift, component_drift
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import faces_of, matched, sign_faces
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

RATE_TOLERANCE = 0.02
"""Relative difference of frame rates from which changes from frame to frame no longer compare."""


@dataclass(frozen=True)
class Flicker:
    """Change of brightness from frame to frame beyond the source's; parts: ``output``, ``source`` levels."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="flicker",
        label="Flicker",
        version=2,
        direction="lower",
        unit="grey levels",
        bounds=(-510.0, 510.0),
        needs=(Need("output", "stability"), Need("source", "stability"), *faces_of()),
        about=(
            "Mean absolute second difference over time of the luminance (0..255) of the stabilised face, "
            "output minus source. 0 is as steady as the source; below 0 is smoother than it, which is not "
            "better but blur or a frozen face. Not scored where the frame rates differ by over 2%, since "
            "the difference grows with the time between frames."
        ),
        order=("copy-source", "noise"),
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(
            self.info, definitions, match="frame", by="difference", rate=f"within{RATE_TOLERANCE}"
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's excess over the source."""
        frames = matched(observation, "stability", "valid")
        if isinstance(frames, Unscored):
            return frames
        output, source = observation.sides["output"], observation.sides["source"]
        if abs(output.fps / source.fps - 1) > RATE_TOLERANCE:
            return Unscored("output and source differ in frame rate: changes between frames do not compare")
        ours = np.asarray(output["stability"]["luma_change"], np.float64)[frames.output].mean()
        theirs = np.asarray(source["stability"]["luma_change"], np.float64)[frames.source].mean()
        return Reading(float(ours - theirs), {**frames.parts, "output": float(ours), "source": float(theirs)})

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


@dataclass(frozen=True)
class HeadPoseDrift:
    """Mean difference of the head's angles from the source's; parts: ``yaw``, ``pitch``, ``roll``."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="head-pose-drift",
        label="Pose drift",
        version=2,
        direction="lower",
        unit="degrees",
        bounds=(0.0, 180.0),
        needs=faces_of(),
        about=(
            "Mean over frames and over yaw, pitch and roll of the absolute difference between the head of an "
            "output frame and of the source frame it stands for. Absolute: a constant offset counts."
        ),
        order=("copy-source", "copy-reference"),
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(self.info, definitions, angles="yaw+pitch+roll", match="frame", offset="kept")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's drift in degrees."""
        frames = matched(observation, "faces", "found")
        if isinstance(frames, Unscored):
            return frames
        output = observation.sides["output"]["faces"]["pose"][frames.output]
        drift = angle_drift(output, observation.sides["source"]["faces"]["pose"][frames.source])
        parts = dict(zip(("yaw", "pitch", "roll"), drift.tolist(), strict=True))
        return Reading(float(drift.mean()), {**frames.parts, **parts})

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


GazeUnit = Literal["eye widths", "eye reaches"]
"""What the extractor ``faces`` gives ``gaze`` in: MediaPipe's in widths of the eye, that of rendered faces in
reaches (-1 to 1, as far as an eye turns)."""


@dataclass(frozen=True)
class GazeDrift:
    """Mean absolute difference of the gaze from the source's; parts: ``along`` and ``across`` the eyes.

    Args:
        unit: of the extractor.

    Raises:
        DefinitionError: another unit.
    """

    unit: GazeUnit = "eye widths"

    def __post_init__(self) -> None:
        if self.unit not in ("eye widths", "eye reaches"):
            raise DefinitionError(f"gaze is not measured in {self.unit!r}: eye widths or eye reaches")

    @property
    def info(self) -> MetricInfo:
        """In the unit given."""
        return MetricInfo(
            name="gaze-drift",
            label="Gaze drift",
            version=2,
            direction="lower",
            unit=self.unit,
            bounds=(0.0, float("inf")),
            needs=faces_of(),
            about=(
                "Mean over frames and over both components of the absolute difference between where the "
                "irises stand in the eyes of an output frame and of the source frame it stands for, in "
                f"{self.unit}. Blinks and narrowed eyes move it too."
            ),
            order=("copy-source", "copy-reference"),
        )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(self.info, definitions, components="along+across", match="frame", offset="kept")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's drift."""
        frames = matched(observation, "faces", "found")
        if isinstance(frames, Unscored):
            return frames
        output = observation.sides["output"]["faces"]["gaze"][frames.output]
        drift = component_drift(output, observation.sides["source"]["faces"]["gaze"][frames.source])
        parts = dict(zip(("along", "across"), drift.tolist(), strict=True))
        return Reading(float(drift.mean()), {**frames.parts, **parts})

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)

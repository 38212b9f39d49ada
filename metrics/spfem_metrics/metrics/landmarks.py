"""How far the face's landmarks are from those of the true pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.landmarks import Removed, landmark_distances
from spfem_metrics.metric import MetricInfo, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import answered, faces_of, sign_faces, usable
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

REGIONS: Mapping[str, slice] = {
    "jaw": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}
"""Places of the 68 landmarks of iBUG 300-W (Sagonas et al. 2013)."""


_KEPT: Mapping[Removed, str] = {
    "similarity": "the best similarity of each frame removed, so that only the shape counts",
    "nothing": "nothing removed: a head in another place costs as much as another shape",
}


@dataclass(frozen=True)
class LandmarkDistance:
    """Mean distance of 68 landmarks from the true pair's; parts: ``frames`` compared, one for each region.

    Args:
        removed: ``similarity`` takes out the head's place, roll and size, frame by frame; ``nothing``
            compares places in the picture and is named ``landmark-place-distance``.

    Raises:
        DefinitionError: another choice.
    """

    removed: Removed = "similarity"

    def __post_init__(self) -> None:
        if self.removed not in ("similarity", "nothing"):
            raise DefinitionError(f"landmark distance removes similarity or nothing, not {self.removed!r}")

    @property
    def info(self) -> MetricInfo:
        """Named after what is removed."""
        return _info(self.removed)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(
            self.info,
            definitions,
            points="68",
            removed=self.removed,
            by="truth-interocular",
            match="truth-map",
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean distance."""
        answer, truth = answered(observation), usable(observation, "truth")
        if isinstance(answer, Unscored):
            return answer
        if isinstance(truth, Unscored):
            return truth
        pairs = observation.truth_map
        both = pairs[answer.output[pairs[:, 0]] & truth[pairs[:, 1]]]
        if not len(both):
            return Unscored("no frame pair in which both output and true pair show the face")
        distances = self._distances(observation, both)
        regions = {name: float(distances[points].mean()) for name, points in REGIONS.items()}
        return Reading(float(distances.mean()), {**answer.parts(len(both)), **regions})

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)

    def _distances(self, observation: Observation, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        ours, theirs = observation.sides["output"]["faces"], observation.sides["truth"]["faces"]
        scale = theirs["interocular"][pairs[:, 1]]
        landmarks = ours["landmarks"][pairs[:, 0]], theirs["landmarks"][pairs[:, 1]]
        return landmark_distances(*landmarks, scale, self.removed)


def _info(removed: Removed) -> MetricInfo:
    shape = removed == "similarity"
    return MetricInfo(
        name="landmark-distance" if shape else "landmark-place-distance",
        label="LMD" if shape else "LMD (place)",
        version=1,
        direction="lower",
        unit="inter-ocular",
        bounds=(0.0, float("inf")),
        needs=faces_of("truth"),
        about=(
            "Mean distance over frames and 68 landmarks between the output and the true pair (LMD, Chen et "
            f"al. 2018), in the true pair's inter-ocular distances, {_KEPT[removed]}. It mixes expression, "
            "speech and the face's build, and is bounded below by the error of the landmarks themselves."
        ),
        order=("oracle", "copy-source", "copy-reference"),
    )

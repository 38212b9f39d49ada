"""Is it still the same person?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from spfem_metrics.functional.vectors import cosine_rows
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import faces_of, matched, sign_faces
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature


@dataclass(frozen=True)
class IdentitySimilarity:
    """Cosine of face embeddings between output and source, frame by frame.

    Parts: ``frames`` compared, ``frames_missed``.
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="identity-similarity",
        label="Identity",
        version=2,
        direction="higher",
        unit="cosine",
        bounds=(-1.0, 1.0),
        needs=(Need("output", "identity"), Need("source", "identity"), *faces_of()),
        about=(
            "Mean cosine between the face embedding of each output frame and that of the source frame it "
            "stands for, so that pose and speech are the same on both sides and only the edit differs. "
            "Comparing clip means separates people no better (both without a single error on 820 pairs of "
            "real clips) and hides frames in which the face breaks. A changed expression lowers it by "
            "itself: with MobileFaceNet frames half a clip apart reach .86, another clip of the speaker "
            ".62, another person .01; read it against those levels and the bounds of the table, not "
            "against 1."
        ),
        order=("copy-source", "random-speaker"),
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(self.info, definitions, match="frame", mean="frames-then-trials")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean cosine."""
        frames = matched(observation, "identity", "valid")
        if isinstance(frames, Unscored):
            return frames
        output = observation.sides["output"]["identity"]["embedding"][frames.output]
        source = observation.sides["source"]["identity"]["embedding"][frames.source]
        cosines = cosine_rows(output, source)
        return Reading(math.fsum(cosines) / len(cosines), frames.parts)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)

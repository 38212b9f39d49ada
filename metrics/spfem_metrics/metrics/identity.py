"""Is it still the same person?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spfem_metrics.functional.vectors import cosine_rows
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import faces_of, matched, sign_faces
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature


@dataclass(frozen=True)
class Face:
    """Whose embeddings are compared, and what the metric is then called.

    Args:
        extractor: with arrays ``embedding`` (T, D) and ``valid`` (T,).
        name: of the metric.
        label: for column heads.
        version: of the metric.
        levels: what values mean with this network, in whole sentences.
    """

    extractor: str
    name: str
    label: str
    version: int
    levels: str


IDENTITY = Face(
    extractor="identity",
    name="identity-similarity",
    label="Identity",
    version=2,
    levels=(
        "Comparing clip means separates people no better (both without a single error on 820 pairs of "
        "real clips) and hides frames in which the face breaks. A changed expression lowers it by "
        "itself: with MobileFaceNet frames half a clip apart reach .86, another clip of the speaker "
        ".62, another person .01; read it against those levels and the bounds of the table, not "
        "against 1."
    ),
)
_LEVELS = (
    "Real frames of one person do not reach 1, since expression and pose lower it by themselves, and "
    "different people do not lie at 0 with every network: read it between the bounds of the same trials, "
    "`random-speaker` (somebody else) and, where the data has true pairs, `oracle` (the same person really "
    "showing the emotion)."
)
FACENET = Face(
    extractor="facenet",
    name="csim-id",
    label="CSIM (id)",
    version=1,
    levels=(
        "The network is FaceNet (InceptionResnetV1 of facenet-pytorch, trained on VGGFace2), which sees the "
        f"box as it is, without turning the head upright. {_LEVELS}"
    ),
)
ARCFACE = Face(
    extractor="arcface",
    name="csim-arcface",
    label="CSIM (ArcFace)",
    version=1,
    levels=(
        "The network is InsightFace's ArcFace (w600k_r50), licensed for non-commercial research only, on "
        f"faces aligned by five points. {_LEVELS}"
    ),
)


@dataclass(frozen=True)
class IdentitySimilarity:
    """Cosine of face embeddings between output and source, frame by frame.

    Parts: ``frames`` compared, ``frames_missed``.

    Args:
        face: whose embeddings.
    """

    face: Face = IDENTITY

    @property
    def info(self) -> MetricInfo:
        """Named after the network."""
        return _info(self.face)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(self.info, definitions, match="frame", mean="frames-then-trials")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean cosine."""
        frames = matched(observation, self.face.extractor, "valid")
        if isinstance(frames, Unscored):
            return frames
        output = observation.sides["output"][self.face.extractor]["embedding"][frames.output]
        source = observation.sides["source"][self.face.extractor]["embedding"][frames.source]
        cosines = cosine_rows(output, source)
        return Reading(math.fsum(cosines) / len(cosines), frames.parts)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


def csim_id() -> IdentitySimilarity:
    """`IdentitySimilarity` of the extractor ``facenet``."""
    return IdentitySimilarity(FACENET)


def csim_arcface() -> IdentitySimilarity:
    """`IdentitySimilarity` of the extractor ``arcface``; its weights are for non-commercial research only."""
    return IdentitySimilarity(ARCFACE)


def _info(face: Face) -> MetricInfo:
    return MetricInfo(
        name=face.name,
        label=face.label,
        version=face.version,
        direction="higher",
        unit="cosine",
        bounds=(-1.0, 1.0),
        needs=(Need("output", face.extractor), Need("source", face.extractor), *faces_of()),
        about=(
            "Mean cosine between the face embedding of each output frame and that of the source frame it "
            "stands for, so that pose and speech are the same on both sides and only the edit differs. "
            f"{face.levels}"
        ),
        order=("copy-source", "random-speaker"),
    )

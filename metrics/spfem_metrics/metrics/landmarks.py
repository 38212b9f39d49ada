"""How far the face's landmarks are from those of the true pair.

Both metrics read 68 landmarks in iBUG's order. The extractor ``faces`` gives either these themselves (the
finder of rendered faces) or, asked for them by its option, MediaPipe's 478, of which 68 are picked by number.
The option ``points`` says which, and the signature with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, InputError
from spfem_metrics.extractor import Arrays
from spfem_metrics.functional.landmarks import (
    IBUG,
    MEDIAPIPE_IBUG,
    Removed,
    ibug_of_mediapipe,
    landmark_distances,
    pixel_distances,
    shorter_pairs,
)
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score, Side
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import answered, faces_of, sign, sign_faces, usable
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

Points = Literal["68", "68-of-mediapipe"]
"""Which landmarks the extractor ``faces`` gives: iBUG's 68, or MediaPipe's 478 to pick them from."""

_PICKED = hashlib.sha256(",".join(map(str, MEDIAPIPE_IBUG)).encode()).hexdigest()[:8]

Region = Literal["mouth", "face"]
_EAT: Mapping[Region, slice] = {"mouth": REGIONS["mouth"], "face": slice(0, IBUG)}

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
        points: of the extractor ``faces``.

    Raises:
        DefinitionError: another choice.
    """

    removed: Removed = "similarity"
    points: Points = "68"

    def __post_init__(self) -> None:
        if self.removed not in ("similarity", "nothing"):
            raise DefinitionError(f"landmark distance removes similarity or nothing, not {self.removed!r}")
        _check(self.points)

    @property
    def info(self) -> MetricInfo:
        """Named after what is removed."""
        return _info(self.removed)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign_faces(
            self.info,
            definitions,
            points=_points_words(self.points),
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
        landmarks = _landmarks(ours, pairs[:, 0], self.points), _landmarks(theirs, pairs[:, 1], self.points)
        return landmark_distances(*landmarks, scale, self.removed)


@dataclass(frozen=True)
class PixelLandmarkDistance:
    """M-LMD and F-LMD as EAT's evaluation on MEAD has them; parts: ``frames`` and ``frames_skipped``.

    Args:
        region: ``mouth`` (``lmd-eat-mouth``, 20 landmarks about their own mean) or ``face``
            (``lmd-eat-face``, all 68 about theirs).
        points: of the extractor ``faces``.

    Raises:
        DefinitionError: another choice.
    """

    region: Region = "mouth"
    points: Points = "68"

    def __post_init__(self) -> None:
        if self.region not in _EAT:
            raise DefinitionError(f"EAT's landmark distance is of the mouth or the face, not {self.region!r}")
        _check(self.points)

    @property
    def info(self) -> MetricInfo:
        """Named after the region."""
        return _eat_info(self.region)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign(
            self.info,
            definitions,
            points=_points_words(self.points),
            region=self.region,
            round="px-half-up",
            removed="own-mean",
            match="thinned-to-shorter",
            faces_min="none",
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean distance in pixels."""
        if "truth" not in observation.sides:
            return Unscored("no true pair")
        sizes = _size(observation, "output"), _size(observation, "truth")
        if sizes[0] != sizes[1]:
            return Unscored(f"distances in pixels need pictures of one size, not {sizes[0]} and {sizes[1]}")
        ours, theirs = observation.sides["output"]["faces"], observation.sides["truth"]["faces"]
        pairs = shorter_pairs(len(ours["found"]), len(theirs["found"]))
        both = pairs[
            np.asarray(ours["found"], bool)[pairs[:, 0]] & np.asarray(theirs["found"], bool)[pairs[:, 1]]
        ]
        if not len(both):
            return Unscored("no frame pair in which both output and true pair show the face")
        part = _EAT[self.region]
        distances = pixel_distances(
            _landmarks(ours, both[:, 0], self.points)[:, part],
            _landmarks(theirs, both[:, 1], self.points)[:, part],
        )
        skipped = float(len(pairs) - len(both))
        return Reading(float(distances.mean()), {"frames": float(len(both)), "frames_skipped": skipped})

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials; the notes count the frame pairs that were left out."""
        return mean_score(rows, _skipped(rows))


def _skipped(rows: Sequence[Row]) -> tuple[str, ...]:
    parts = [row.outcome.parts for row in rows if isinstance(row.outcome, Reading)]
    skipped = round(sum(part["frames_skipped"] for part in parts))
    whole = skipped + round(sum(part["frames"] for part in parts))
    if not skipped:
        return ()
    return (f"{skipped} of {whole} frame pairs left out, in which output or true pair shows no face",)


def _check(points: Points) -> None:
    if points not in get_args(Points):
        raise DefinitionError(
            f"landmark distances take points {' or '.join(get_args(Points))}, not {points!r}"
        )


def _points_words(points: Points) -> str:
    """As signatures name it: with a digest of the numbers picked of MediaPipe's."""
    return "68" if points == "68" else f"68-of-mediapipe478@{_PICKED}"


def _size(observation: Observation, side: Side) -> str:
    width, height = observation.sides[side].size
    return f"{width}x{height}"


def _landmarks(faces: Arrays, frames: NDArray[np.int64], points: Points) -> NDArray[np.float64]:
    """(N, 68, 2) px of some frames.

    Raises:
        InputError: the extractor gives no landmarks, or others than ``points`` says.
    """
    if "landmarks" not in faces:
        raise InputError("the extractor faces gives no landmarks: give it the option `landmarks: true`")
    found = np.asarray(faces["landmarks"][frames], np.float64)
    if points == "68-of-mediapipe":
        return ibug_of_mediapipe(found)
    if found.shape[1:] != (IBUG, 2):
        raise InputError(
            f"faces gives {found.shape[1]} landmarks a frame, not {IBUG}: MediaPipe's need the metric's "
            "option `points: 68-of-mediapipe`"
        )
    return found


def _eat_info(region: Region) -> MetricInfo:
    which = "20 landmarks of the mouth" if region == "mouth" else "68 landmarks of the face"
    return MetricInfo(
        name=f"lmd-eat-{region}",
        label="M-LMD (EAT)" if region == "mouth" else "F-LMD (EAT)",
        version=1,
        direction="lower",
        unit="px",
        bounds=(0.0, float("inf")),
        needs=(Need("output", "faces"), Need("truth", "faces")),
        about=(
            f"Mean distance in pixels over frames and the {which} between the output and the true pair, as "
            "the evaluation of EAT (Gan et al. 2023) computes it on MEAD: whole pixels, either set about its "
            "own mean, size and roll kept, clips of different lengths thinned evenly to the shorter one's, "
            "frames without a face left out. It grows with the picture, so it compares for one crop and size "
            "only, and with published numbers only of faces found and cropped as theirs (dlib, 256 px)."
        ),
        order=("oracle", "copy-source", "copy-reference"),
        whole_frames=True,
    )


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
        whole_frames=not shape,
    )

"""Distances between the sets of generated and of real frames, in the space of an extractor's vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.frechet import frechet_distance
from spfem_metrics.functional.kernel import kernel_distance
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import common_reasons, missed_frames
from spfem_metrics.metrics.sides import answered, faces_of, sign, sign_faces
from spfem_metrics.outcome import Scored, Unscored
from spfem_metrics.signature import Signature

FRAMES = 32
"""Frames taken of each clip, evenly spaced among those that can be used; all where there are fewer."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Space:
    """Where vectors come from, and what a distance between sets of them tells.

    Args:
        extractor: whose vectors they are; the metric is named after it.
        array: name of the vectors, (T, D).
        label: short, for column heads.
        what: the vectors, in words.
        caution: what moves the distance besides what it is wanted for.
        order: expected among bounds, best first.
        gamma: of the kernel distance: 1 for vectors of unit length, None for 1 / D.
        faces: whether only frames with a face count, which the extractor flags as ``valid`` (T,); otherwise
            every frame does, as a vector of the whole picture has no face to miss.
    """

    extractor: str
    array: str
    label: str
    what: str
    caution: str
    order: tuple[str, ...] = ("copy-source", "noise")
    gamma: Literal[1] | None = None
    faces: bool = True


IDENTITY = Space(
    extractor="identity",
    array="embedding",
    label="id",
    what="the face embeddings",
    caution="who is in either set more than on the expression",
    order=("copy-source", "random-speaker"),
    gamma=1,
)
PERCEPTUAL = Space(
    extractor="perceptual",
    array="features",
    label="perc.",
    what="the perceptual features",
    caution="everything in the picture, people, light and background included",
    faces=False,
)


@dataclass(frozen=True)
class FrechetDistance:
    """Fréchet distance of two sets of frames; its rows hold the frames' vectors and no value of their own.

    Args:
        space: of the vectors.
        frames: taken of each clip at most.

    Raises:
        DefinitionError: fewer than one frame.
    """

    space: Space = IDENTITY
    frames: int = FRAMES

    def __post_init__(self) -> None:
        _check(self.frames)

    @property
    def info(self) -> MetricInfo:
        """Named after the space."""
        return _info(self.space, "frechet", "Fréchet", (0.0, float("inf")))

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return _sign(self, definitions, ddof="1")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """The clip's vectors."""
        return _reading(observation, self.space, self.frames)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """The distance between the generated and the real rows."""
        return _compare(rows, self.frames, frechet_distance, "small n raises a Fréchet distance")


@dataclass(frozen=True)
class KernelDistance:
    """Kernel distance (KID) of two sets of frames; arguments, rows and errors as in `FrechetDistance`."""

    space: Space = IDENTITY
    frames: int = FRAMES

    def __post_init__(self) -> None:
        _check(self.frames)

    @property
    def info(self) -> MetricInfo:
        """Named after the space."""
        return _info(self.space, "kid", "KID", (float("-inf"), float("inf")))

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        kernel = "(x.y+1)^3" if self.space.gamma else "(x.y/D+1)^3"
        return _sign(self, definitions, kernel=kernel, estimate="unbiased-all-rows")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """The clip's vectors."""
        return _reading(observation, self.space, self.frames)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """The distance between the generated and the real rows."""
        distance = partial(kernel_distance, gamma=self.space.gamma)
        return _compare(rows, self.frames, distance, "no bias by n, but more spread when small")


def frechet_identity(frames: int = FRAMES) -> FrechetDistance:
    """`FrechetDistance` of the extractor ``identity``."""
    return FrechetDistance(IDENTITY, frames)


def kid_identity(frames: int = FRAMES) -> KernelDistance:
    """`KernelDistance` of the extractor ``identity``."""
    return KernelDistance(IDENTITY, frames)


def frechet_perceptual(frames: int = FRAMES) -> FrechetDistance:
    """`FrechetDistance` of the extractor ``perceptual``."""
    return FrechetDistance(PERCEPTUAL, frames)


def kid_perceptual(frames: int = FRAMES) -> KernelDistance:
    """`KernelDistance` of the extractor ``perceptual``."""
    return KernelDistance(PERCEPTUAL, frames)


_ABOUT = {
    "frechet": (
        "Fréchet distance (Heusel et al. 2017) between {what} of generated clips and of the protocol's real "
        "clips of the same emotion. It depends on {caution}, and frames of one clip are not independent. "
        "Biased upwards by small n: only values of equal n compare."
    ),
    "kid": (
        "Unbiased kernel distance (Binkowski et al. 2018) between {what} of generated clips and of the "
        "protocol's real clips of the same emotion. It depends on {caution}, and frames of one clip are not "
        "independent. Can fall below 0 for equal distributions."
    ),
}


def _check(frames: int) -> None:
    if frames < 1:
        raise DefinitionError(f"{frames} frames a clip make no set: at least 1")


def _info(
    space: Space, kind: Literal["frechet", "kid"], label: str, bounds: tuple[float, float]
) -> MetricInfo:
    return MetricInfo(
        name=f"{kind}-{space.extractor}",
        label=f"{label} ({space.label})",
        version=2,
        direction="lower",
        unit="squared distance",
        bounds=bounds,
        needs=(Need("output", space.extractor), *(faces_of() if space.faces else ())),
        about=_ABOUT[kind].format(what=space.what, caution=space.caution),
        order=space.order,
        of_sets=True,
    )


def _sign(
    metric: FrechetDistance | KernelDistance, definitions: Mapping[str, str], **choices: str
) -> Signature:
    rule = sign_faces if metric.space.faces else sign
    return rule(metric.info, definitions, frames=f"even{metric.frames}", n="equal-by-hash", **choices)


def _reading(observation: Observation, space: Space, frames: int) -> Reading | Unscored:
    """At most ``frames`` evenly spaced usable frames' vectors."""
    read = observation.sides["output"][space.extractor]
    if not space.faces:
        good, parts = np.arange(len(read[space.array])), {}
    else:
        answer = answered(observation)
        if isinstance(answer, Unscored):
            return answer
        good, parts = np.flatnonzero(answer.output & np.asarray(read["valid"], bool)), answer.parts(0)
    if not len(good):
        return Unscored(f"no frame could be read by {space.extractor}")
    count = min(frames, len(good))
    chosen = good[((np.arange(count) + 0.5) * len(good) / count).astype(np.int64)]
    return Reading(None, {**parts, "frames": float(count)}, np.asarray(read[space.array], np.float32)[chosen])


@dataclass(frozen=True)
class _Pool:
    """The frames of one side.

    Args:
        name: ``generated`` or ``real``.
        rows: all of the side.
        vectors: of the rows that gave a reading, in the order of `_vectors`.
    """

    name: str
    rows: Sequence[Row]
    vectors: Sequence[Matrix]

    @property
    def readable(self) -> int:
        """Rows that gave a reading."""
        return sum(isinstance(row.outcome, Reading) for row in self.rows)

    @property
    def lost(self) -> int:
        """Rows that gave none."""
        return len(self.rows) - self.readable

    @property
    def words(self) -> str:
        """How many frames come from how many clips."""
        return f"{len(self.vectors)} from {self.readable} of {len(self.rows)} {self.name} clips"


def _compare(
    rows: Sequence[Row], frames: int, distance: Callable[[Matrix, Matrix], float], bias: str
) -> Score:
    """A distance between equally many generated and real frames, with n and what reduced it in the notes."""
    sides = {name: [row for row in rows if row.trial.side == name] for name in ("generated", "real")}
    made, real = (_Pool(name, own, _vectors(own)) for name, own in sides.items())
    count = min(len(made.vectors), len(real.vectors))
    note = f"n = {count} frames a side ({made.words}, {real.words}); {bias}"
    notes = (note, *_reduced(count, frames, made, real), *missed_frames(made.rows))
    outcome: Scored | Unscored = Unscored(_missing(made, real))
    if count >= 2:
        outcome = Scored(distance(np.stack(made.vectors[:count]), np.stack(real.vectors[:count])))
    return Score(outcome, made.readable, len(made.rows), notes=notes)


def _reduced(count: int, frames: int, made: _Pool, real: _Pool) -> list[str]:
    """Why n is smaller than for a system, or a reading of the real clips, without losses."""
    whole = min(len(pool.vectors) + frames * pool.lost for pool in (made, real))
    notes = [
        f"{pool.lost} of {len(pool.rows)} {pool.name} clips missing: {common_reasons(pool.rows)}"
        for pool in (made, real)
        if pool.lost
    ]
    if count < whole:
        notes.append(f"n reduced by missing clips: not comparable with n = {whole}, nor with any other n")
    return notes


def _vectors(rows: Sequence[Row]) -> list[Matrix]:
    """Every frame's vector, in the order of a hash of row id and frame number.

    The first n of it are a fixed draw without regard to speaker or time, whatever the order of the rows.
    """
    keyed = [
        (hashlib.sha256(f"{row.trial.id}:{index}".encode()).digest(), vector)
        for row in rows
        if isinstance(row.outcome, Reading) and row.outcome.matrix is not None
        for index, vector in enumerate(row.outcome.matrix)
    ]
    return [vector for _, vector in sorted(keyed, key=lambda pair: pair[0])]


def _missing(made: _Pool, real: _Pool) -> str:
    """Why there are too few frames."""
    if not real.rows:
        return "the protocol has no real clips of this emotion"
    for pool in (made, real):
        if not pool.readable:
            return f"no {pool.name} clip could be used: {common_reasons(pool.rows)}"
    return "fewer than two frames a side"

"""Distances between the set of generated and the set of real faces, in the space of an identity network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.frechet import frechet_distance
from spfem_metrics.functional.kernel import kernel_distance
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import common_reasons, missed_frames
from spfem_metrics.metrics.sides import answered, faces_of, sign_faces
from spfem_metrics.outcome import Scored, Unscored
from spfem_metrics.signature import Signature

FRAMES = 32
"""Frames taken of each clip, evenly spaced among those that show the face; all where there are fewer."""

Matrix = NDArray[np.float32]

_NEEDS = (Need("output", "identity"), *faces_of())
_ABOUT = (
    " between the face embeddings of generated clips and of the protocol's real clips of the same emotion. "
    "It depends on who is in either set more than on the expression, and frames of one clip are not "
    "independent. "
)


@dataclass(frozen=True)
class FrechetIdentity:
    """Fréchet distance of identity embeddings; its rows hold the embeddings and no value of their own.

    Args:
        frames: taken of each clip at most.

    Raises:
        DefinitionError: fewer than one.
    """

    frames: int = FRAMES
    info: ClassVar[MetricInfo] = MetricInfo(
        name="frechet-identity",
        label="Fréchet (id)",
        version=2,
        direction="lower",
        unit="squared distance",
        bounds=(0.0, float("inf")),
        needs=_NEEDS,
        about="Fréchet distance" + _ABOUT + "Biased upwards by small n: only values of equal n compare.",
        order=("copy-source", "random-speaker"),
        of_sets=True,
    )

    def __post_init__(self) -> None:
        _check(self.frames)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return _sign(self.info, definitions, self.frames, ddof="1")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """The clip's embeddings."""
        return _reading(observation, self.frames)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """The distance between the generated and the real rows."""
        return _compare(rows, self.frames, frechet_distance, "small n raises a Fréchet distance")


@dataclass(frozen=True)
class KernelIdentity:
    """Kernel distance (KID) of identity embeddings; rows as in `FrechetIdentity`.

    Args:
        frames: taken of each clip at most.

    Raises:
        DefinitionError: fewer than one.
    """

    frames: int = FRAMES
    info: ClassVar[MetricInfo] = MetricInfo(
        name="kid-identity",
        label="KID (id)",
        version=2,
        direction="lower",
        unit="squared distance",
        bounds=(float("-inf"), float("inf")),
        needs=_NEEDS,
        about="Unbiased kernel distance" + _ABOUT + "Can fall below 0 for equal distributions.",
        order=("copy-source", "random-speaker"),
        of_sets=True,
    )

    def __post_init__(self) -> None:
        _check(self.frames)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return _sign(self.info, definitions, self.frames, kernel="(x.y+1)^3", estimate="unbiased-all-rows")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """The clip's embeddings."""
        return _reading(observation, self.frames)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """The distance between the generated and the real rows."""
        distance = partial(kernel_distance, gamma=1.0)
        return _compare(rows, self.frames, distance, "no bias by n, but more spread when small")


def _check(frames: int) -> None:
    if frames < 1:
        raise DefinitionError(f"{frames} frames a clip make no set: at least 1")


def _sign(info: MetricInfo, definitions: Mapping[str, str], frames: int, **choices: str) -> Signature:
    return sign_faces(info, definitions, frames=f"even{frames}", n="equal-by-hash", **choices)


def _reading(observation: Observation, frames: int) -> Reading | Unscored:
    """At most ``frames`` evenly spaced usable frames' embeddings."""
    answer = answered(observation)
    if isinstance(answer, Unscored):
        return answer
    read = observation.sides["output"]["identity"]
    good = np.flatnonzero(answer.output & np.asarray(read["valid"], bool))
    if not len(good):
        return Unscored("no frame has an embedding")
    count = min(frames, len(good))
    chosen = good[((np.arange(count) + 0.5) * len(good) / count).astype(np.int64)]
    return Reading(None, answer.parts(count), np.asarray(read["embedding"], np.float32)[chosen])


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
    """Every frame's embedding, in the order of a hash of row id and frame number.

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

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
from spfem_metrics.metrics.reducing import common_reasons
from spfem_metrics.metrics.sides import sign_faces, usable
from spfem_metrics.outcome import Scored, Unscored
from spfem_metrics.signature import Signature

FRAMES = 32
"""Frames taken of each clip, evenly spaced among those that show the face; all where there are fewer."""

Matrix = NDArray[np.float32]

_NEEDS = (Need("output", "identity"),)
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
        version=1,
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
        return _compare(rows, frechet_distance, "small n raises a Fréchet distance")


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
        version=1,
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
        return _compare(rows, partial(kernel_distance, gamma=1.0), "no bias by n, but more spread when small")


def _check(frames: int) -> None:
    if frames < 1:
        raise DefinitionError(f"{frames} frames a clip make no set: at least 1")


def _sign(info: MetricInfo, definitions: Mapping[str, str], frames: int, **choices: str) -> Signature:
    return sign_faces(info, definitions, frames=f"even{frames}", n="equal-by-hash", **choices)


def _reading(observation: Observation, frames: int) -> Reading | Unscored:
    """At most ``frames`` evenly spaced usable frames' embeddings."""
    valid = usable(observation, "output", "identity", "valid")
    if isinstance(valid, Unscored):
        return valid
    good = np.flatnonzero(valid)
    count = min(frames, len(good))
    chosen = good[((np.arange(count) + 0.5) * len(good) / count).astype(np.int64)]
    embedding = np.asarray(observation.sides["output"]["identity"]["embedding"], np.float32)
    return Reading(None, matrix=embedding[chosen])


def _compare(rows: Sequence[Row], distance: Callable[[Matrix, Matrix], float], bias: str) -> Score:
    """A distance between equally many generated and real frames, with n in the notes."""
    sides = [[row for row in rows if row.trial.side == side] for side in ("generated", "real")]
    pools = [_pool(side) for side in sides]
    scored = [sum(isinstance(row.outcome, Reading) for row in side) for side in sides]
    count = min(len(pool) for pool in pools)
    sizes = f"{len(pools[0])} of {scored[0]} generated and {len(pools[1])} of {scored[1]} real clips"
    note = f"n = {count} frames a side ({sizes}); {bias}"
    outcome: Scored | Unscored = Unscored(_missing(sides, scored))
    if count >= 2:
        outcome = Scored(distance(np.stack(pools[0][:count]), np.stack(pools[1][:count])))
    return Score(outcome, scored[0], len(sides[0]), notes=(note,))


def _pool(rows: Sequence[Row]) -> list[Matrix]:
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


def _missing(sides: Sequence[Sequence[Row]], scored: Sequence[int]) -> str:
    """Why there are too few frames."""
    if not sides[1]:
        return "the protocol has no real clips of this emotion"
    for name, side, count in zip(("generated", "real"), sides, scored, strict=True):
        if not count:
            return f"no {name} clip could be used: {common_reasons(side)}"
    return "fewer than two frames a side"

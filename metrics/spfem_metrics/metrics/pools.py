"""The frames of either side of a set metric: which rows give them, in what order, and how many they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.metric import Reading, Row
from spfem_metrics.metrics.reducing import common_reasons, missed_frames

Matrix = NDArray[np.float32]
Frames = int | Literal["all"]
"""Frames taken of each clip: at most so many, evenly spaced, or every one."""
Count = Literal["equal", "all"]
"""Frames of either side that are compared: equally many, drawn by a hash, or all there are."""


@dataclass(frozen=True)
class Pool:
    """The frames of one side.

    Args:
        name: ``generated`` or ``real``.
        rows: all of the side.
        vectors: of the rows that gave a reading, in the order of `pools`.
        speakers: of each vector.
    """

    name: str
    rows: Sequence[Row]
    vectors: Sequence[Matrix]
    speakers: Sequence[str]

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

    def first(self, count: int) -> Matrix:
        """(count, D) of the vectors."""
        return np.stack(self.vectors[:count])


@dataclass(frozen=True)
class Pools:
    """Both sides of a comparison.

    Args:
        made: the generated frames.
        real: the real ones.
        frames: taken of each clip.
        count: of either side that are compared.
    """

    made: Pool
    real: Pool
    frames: Frames = "all"
    count: Count = "equal"

    @property
    def sizes(self) -> tuple[int, int]:
        """Frames compared of the generated and of the real side."""
        sizes = len(self.made.vectors), len(self.real.vectors)
        return sizes if self.count == "all" else (min(sizes), min(sizes))

    @property
    def sets(self) -> tuple[Matrix, Matrix]:
        """(n, D) generated and (m, D) real vectors that are compared."""
        first, second = self.sizes
        return self.made.first(first), self.real.first(second)

    @property
    def speakers(self) -> tuple[Sequence[str], Sequence[str]]:
        """Of each of the vectors in `sets`."""
        first, second = self.sizes
        return self.made.speakers[:first], self.real.speakers[:second]

    def missing(self) -> str:
        """Why there are fewer than two frames on a side; empty where there are not."""
        if min(self.sizes) >= 2:
            return ""
        if not self.real.rows:
            return "the protocol has no real clips of this emotion"
        for pool in (self.made, self.real):
            if not pool.readable:
                return f"no {pool.name} clip could be used: {common_reasons(pool.rows)}"
        return "fewer than two frames a side"

    def notes(self, bias: str) -> tuple[str, ...]:
        """How many frames are compared, what that does, and what reduced their number."""
        origin = f"({self.made.words}, {self.real.words})"
        first, second = self.sizes
        if self.count == "equal":
            words = f"n = {first} frames a side {origin}; {bias}"
        else:
            words = f"n = {first} generated and {second} real frames {origin}; {bias}"
        return (words, *self._losses(), *missed_frames(self.made.rows))

    def _losses(self) -> list[str]:
        """Why n is smaller than for a system, or a reading of the real clips, without losses."""
        both = self.made, self.real
        lossy = [pool for pool in both if pool.lost]
        notes = [
            f"{pool.lost} of {len(pool.rows)} {pool.name} clips missing: {common_reasons(pool.rows)}"
            for pool in lossy
        ]
        if self.frames == "all" or self.count == "all":
            return [*notes, "n reduced by missing clips: not comparable with any other n"] if notes else []
        whole = min(len(pool.vectors) + self.frames * pool.lost for pool in both)
        if min(self.sizes) < whole:
            notes.append(f"n reduced by missing clips: not comparable with n = {whole}, nor with any other n")
        return notes


def pools(rows: Sequence[Row], frames: Frames, count: Count = "equal") -> Pools:
    """Both sides' frames, each in the order of a hash of row id and frame number.

    The first n of it are a fixed draw without regard to speaker or time, whatever the order of the rows.

    Args:
        rows: of one group, real ones included.
        frames: taken of each clip.
        count: of either side that are compared.
    """
    sides = {name: [row for row in rows if row.trial.side == name] for name in ("generated", "real")}
    made, real = (_pool(name, own) for name, own in sides.items())
    return Pools(made, real, frames, count)


def _pool(name: str, rows: Sequence[Row]) -> Pool:
    keyed = [
        (hashlib.sha256(f"{row.trial.id}:{index}".encode()).digest(), row.trial.speaker, vector)
        for row in rows
        if isinstance(row.outcome, Reading) and row.outcome.matrix is not None
        for index, vector in enumerate(row.outcome.matrix)
    ]
    ordered = sorted(keyed, key=lambda item: item[0])
    return Pool(name, rows, [vector for *_, vector in ordered], [speaker for _, speaker, _ in ordered])


def check_frames(frames: Frames) -> None:
    """The option ``frames`` of a set metric.

    Raises:
        DefinitionError: neither ``all`` nor a whole number of at least 1.
    """
    if frames == "all":
        return
    if isinstance(frames, str) or frames < 1:
        raise DefinitionError(f"{frames} frames a clip make no set: at least 1, or all")


def taken(good: NDArray[np.int64], frames: Frames) -> NDArray[np.int64]:
    """Of usable frames those that are taken: all, or at most ``frames`` evenly spaced."""
    if frames == "all":
        return good
    count = min(frames, len(good))
    return good[((np.arange(count) + 0.5) * len(good) / count).astype(np.int64)]

"""The frames of either side of a set metric: which rows give them, in what order, and how many they are.

Rows are gone through twice, one matrix at a time: for the numbers of frames, then for the frames that are
compared. Where rows read their matrices from disk, no others are ever in memory together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.metric import Reading, Row
from spfem_metrics.metrics.reducing import common_reasons, missed_frames
from spfem_metrics.sampling import Frames

Matrix = NDArray[np.float32]
Count = Literal["equal", "all"]
"""Frames of either side that are compared: equally many, drawn by a hash, or all there are."""


@dataclass(frozen=True, slots=True)
class Place:
    """One frame of a side.

    Args:
        draw: hash of row id and frame number.
        row: which of the rows given.
        index: which of its vectors.
        speaker: of the row.
    """

    draw: bytes
    row: int
    index: int
    speaker: str


@dataclass(frozen=True)
class Pool:
    """The frames of one side.

    Args:
        name: ``generated`` or ``real``.
        rows: all of the side, without their matrices.
        places: of the frames that rows gave, in the order of `pools`.
        given: all rows, of both sides, with their matrices.
    """

    name: str
    rows: Sequence[Row]
    places: Sequence[Place]
    given: Sequence[Row]

    @property
    def speakers(self) -> list[str]:
        """Of each frame."""
        return [place.speaker for place in self.places]

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
        return f"{len(self.places)} from {self.readable} of {len(self.rows)} {self.name} clips"

    def first(self, count: int) -> Matrix:
        """(count, D) of the vectors, each row's matrix looked at once."""
        wanted: dict[int, list[tuple[int, int]]] = {}
        for to, place in enumerate(self.places[:count]):
            wanted.setdefault(place.row, []).append((to, place.index))
        vectors = np.zeros((0, 0), np.float32)
        for number, moves in sorted(wanted.items()):
            matrix = _matrix(self.given[number])
            if not len(vectors):
                vectors = np.zeros((count, matrix.shape[1]), matrix.dtype)
            to, at = np.array(moves).T
            vectors[to] = matrix[at]
        return vectors


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
        sizes = len(self.made.places), len(self.real.places)
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
        whole = min(len(pool.places) + self.frames * pool.lost for pool in both)
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
    light: dict[str, list[Row]] = {"generated": [], "real": []}
    places: dict[str, list[Place]] = {"generated": [], "real": []}
    for number, row in enumerate(rows):
        light[row.trial.side].append(_without_matrix(row))
        places[row.trial.side] += [
            Place(_draw(row, index), number, index, row.trial.speaker) for index in range(len(_matrix(row)))
        ]
    made, real = (
        Pool(side, light[side], sorted(places[side], key=lambda place: place.draw), rows) for side in light
    )
    return Pools(made, real, frames, count)


def compared(what: str, frames: Frames, count: Count = "equal") -> str:
    """Which of a clip's frames (or windows: ``what``) are compared, as metrics say it of themselves."""
    taken = f"Every one of a clip's {what} counts"
    if frames != "all":
        taken = f"Of a clip at most {frames} {what} count, evenly spaced"
    sides = "of either side all" if count == "all" else "of either side equally many, drawn by a hash"
    return f"{taken}, and {sides}; how many that is, n, stands in the notes."


def _draw(row: Row, index: int) -> bytes:
    return hashlib.sha256(f"{row.trial.id}:{index}".encode()).digest()


def _matrix(row: Row) -> Matrix:
    """A row's vectors, none where it gave none."""
    matrix = row.outcome.matrix if isinstance(row.outcome, Reading) else None
    return np.zeros((0, 0), np.float32) if matrix is None else matrix


def _without_matrix(row: Row) -> Row:
    if not isinstance(row.outcome, Reading):
        return row
    return replace(row, outcome=replace(row.outcome, matrix=None))

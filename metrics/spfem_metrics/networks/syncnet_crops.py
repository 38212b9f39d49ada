"""SyncNet's pictures: whole frames, aligned faces less a margin, and the crop that follows a tracked face.

The tracked crop is that of syncnet_python's ``run_pipeline``, on boxes of any detector: boxes are filled in
linearly where a track has gaps; half their longer side s and their centre x, y go through a median of 13
frames; the crop is 2.8 s wide and high and lies 0.4 s lower than the centre; beyond the frame there is the
level 110; positions are cut to whole pixels, and ``cv2.resize`` brings the crop to 224 px.

The published median takes zeros beyond the ends of a track, so that the first and last six crops are too
small and lie too far up and to the left; ``zero`` does that, ``replicate`` repeats the last values instead.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, InputError
from spfem_metrics.networks.syncnet_towers import SIDE, Picture

Edges = Literal["replicate", "zero"]
Frame = NDArray[np.uint8]
"""(H, W, 3) uint8."""
Floats = NDArray[np.float64]

MEDIAN = 13
SCALE = 0.4
LEVEL = 110
LONGEST_GAP = 25
"""Frames from one face of a track to its next, at most: one second."""

_REACH = MEDIAN // 2


def whole(image: Frame) -> Picture:
    """The frame at 224 x 224, bilinear and without antialiasing; the order of channels is kept."""
    if image.shape[:2] == (SIDE, SIDE):
        return image
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)


def within_margin(image: Frame, margin: int) -> Picture:
    """The frame less ``margin // 2`` px on every side, at 224 x 224.

    Raises:
        InputError: nothing is left.
    """
    cut = margin // 2
    height, width = image.shape[:2]
    if min(height, width) <= 2 * cut:
        raise InputError(f"{cut} px cut off on every side leave nothing of a {width}x{height} picture")
    return whole(image[cut : height - cut, cut : width - cut])


def face_crop(image: Frame, square: Floats) -> Picture | None:
    """What `run_pipeline` cuts out around a face.

    Args:
        image: (H, W, 3) uint8.
        square: (3,) half the box's longer side s, its centre's x and y, in px.

    Returns:
        (224, 224, 3), None where the square has no pixel.
    """
    half, x, y = (float(v) for v in square)
    pad = int(half * (1 + 2 * SCALE))
    x, y = x + pad, y + pad
    rows = _bounds(y - half, y + half * (1 + 2 * SCALE), image.shape[0] + 2 * pad, pad)
    columns = _bounds(x - half * (1 + SCALE), x + half * (1 + SCALE), image.shape[1] + 2 * pad, pad)
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        return None
    return whole(_padded_cut(image, rows, columns))


def _bounds(start: float, stop: float, length: int, pad: int) -> tuple[int, int]:
    """Whole positions in the padded frame, told in the frame's own."""
    return max(0, int(start)) - pad, min(length, max(0, int(stop))) - pad


def _padded_cut(image: Frame, rows: tuple[int, int], columns: tuple[int, int]) -> Frame:
    """A part of the frame that may reach beyond it."""
    cut = np.full((rows[1] - rows[0], columns[1] - columns[0], 3), LEVEL, np.uint8)
    (top, bottom), (left, right) = (
        (min(max(low, 0), size), min(max(high, 0), size))
        for (low, high), size in zip((rows, columns), image.shape[:2], strict=True)
    )
    inside = slice(top - rows[0], bottom - rows[0]), slice(left - columns[0], right - columns[0])
    cut[inside] = image[top:bottom, left:right]
    return cut


@dataclass(frozen=True)
class Face:
    """A tracked face in one frame.

    Args:
        track: number of its track, at least 1.
        values: (4,) its box, or (3,) its square, as the place says.
    """

    track: int
    values: Floats


class Gaps:
    """Fills gaps of a track linearly; says what a frame holds as soon as it is known, in order."""

    def __init__(self) -> None:
        self._last: Face | None = None
        self._missing = 0

    def push(self, face: Face | None) -> list[Face | None]:
        """The next frame's face."""
        if face is None:
            self._missing += 1
            return self.finish() if self._last is None or self._missing >= LONGEST_GAP else []
        filled = self._between(face)
        self._last, self._missing = face, 0
        return [*filled, face]

    def finish(self) -> list[Face | None]:
        """The frames that wait for a face that does not come."""
        waiting, self._missing, self._last = self._missing, 0, None
        return [None] * waiting

    def _between(self, face: Face) -> list[Face | None]:
        last, count = self._last, self._missing
        if last is None or last.track != face.track:
            return [None] * count
        shares = np.arange(1, count + 1) / (count + 1)
        return [Face(face.track, last.values + share * (face.values - last.values)) for share in shares]


def square_of(face: Face) -> Face:
    """From a box x0 y0 x1 y1 to half its longer side and its centre."""
    x0, y0, x1, y1 = face.values
    return Face(face.track, np.array([max(y1 - y0, x1 - x0) / 2, (x0 + x1) / 2, (y0 + y1) / 2]))


@dataclass
class Medians:
    """The median of 13 frames within each track; says a frame's as soon as it is known, in order.

    Args:
        edges: what stands beyond a track's ends.
    """

    edges: Edges
    _track: list[Face] = field(default_factory=list)
    _said: int = 0

    def push(self, face: Face | None) -> list[Face | None]:
        """The next frame's square."""
        said: list[Face | None] = []
        if face is None or (self._track and face.track != self._track[-1].track):
            said += self.finish()
        if face is None:
            return [*said, None]
        self._track.append(face)
        return [*said, *self._say(len(self._track) - _REACH)]

    def finish(self) -> list[Face | None]:
        """The frames at the end of the track."""
        said = self._say(len(self._track))
        self._track, self._said = [], 0
        return said

    def _say(self, stop: int) -> list[Face | None]:
        said: list[Face | None] = [self._at(index) for index in range(self._said, stop)]
        self._said += len(said)
        spare = max(0, self._said - _REACH)
        self._track, self._said = self._track[spare:], self._said - spare
        return said

    def _at(self, index: int) -> Face:
        near = np.stack([face.values for face in self._track[max(0, index - _REACH) : index + _REACH + 1]])
        before, after = max(0, _REACH - index), max(0, index + _REACH + 1 - len(self._track))
        mode: Literal["edge", "constant"] = "edge" if self.edges == "replicate" else "constant"
        values = np.pad(near, ((before, after), (0, 0)), mode=mode)
        return Face(self._track[index].track, np.median(values, axis=0))


class FollowedFace:
    """Crops of a tracked face; frames wait until the median of their squares is known.

    Args:
        edges: what stands beyond a track's ends.
    """

    def __init__(self, edges: Edges) -> None:
        self._gaps, self._medians = Gaps(), Medians(edges)
        self._frames: deque[Frame] = deque()

    def push(self, image: Frame, track: int, box: Floats) -> list[tuple[Picture | None, int]]:
        """The next frame, its track (0 without a face) and its box; crops come with their track, in order."""
        self._frames.append(image)
        return self._cut(self._gaps.push(Face(track, box) if track else None))

    def finish(self) -> list[tuple[Picture | None, int]]:
        """The crops of the frames that still wait."""
        return [*self._cut(self._gaps.finish()), *self._crops(self._medians.finish())]

    def _cut(self, faces: list[Face | None]) -> list[tuple[Picture | None, int]]:
        known: list[Face | None] = []
        for face in faces:
            known += self._medians.push(None if face is None else square_of(face))
        return self._crops(known)

    def _crops(self, faces: list[Face | None]) -> list[tuple[Picture | None, int]]:
        return [self._crop(self._frames.popleft(), face) for face in faces]

    def _crop(self, image: Frame, face: Face | None) -> tuple[Picture | None, int]:
        return (None, 0) if face is None else (face_crop(image, face.values), face.track)


def checked_edges(edges: str) -> Edges:
    """The option ``edges``.

    Raises:
        DefinitionError: neither ``replicate`` nor ``zero``.
    """
    if edges == "replicate":
        return "replicate"
    if edges == "zero":
        return "zero"
    raise DefinitionError(f"edges of a track are replicate or zero, not {edges!r}")

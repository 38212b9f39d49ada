"""From faces in single frames to a clip's arrays: tracking, smoothing, rows that leave as they settle.

Every definition of faces gives these arrays over T frames, all zeros where the face was not found:

- ``found`` (T,) bool: the tracked face was seen in this frame.
- ``track`` (T,) int32: 0 without a face, else raised each time another face had to be taken.
- ``raw_box`` (T, 4) float32 px: x0 y0 x1 y1, as the detector gave it.
- ``box`` (T, 4) float32 px: smoothed over time (`spfem_metrics.faces.boxes.smooth_boxes`), for crops.
- ``points5`` (T, 5, 2) float32 px: eye at image left, eye at image right, nose, mouth corners left, right.
- ``steady5`` (T, 5, 2) float32 px: ``points5`` smoothed over five frames, for stabilised crops.
- ``interocular`` (T,) float32 px: distance of the eyes; each definition says between which points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spfem_metrics.extractor import Arrays, Pass
from spfem_metrics.faces.boxes import LOOK_AHEAD, Floats, Tracker, smooth_boxes, smooth_points
from spfem_metrics.media import FrameBatch, Frames, Media

Fields = Mapping[str, tuple[tuple[int, ...], DTypeLike]]
"""Array name -> (shape of one row, dtype)."""

Rows = dict[str, NDArray[np.generic]]

BASE: Fields = {
    "found": ((), np.bool_),
    "track": ((), np.int32),
    "raw_box": ((4,), np.float32),
    "points5": ((5, 2), np.float32),
    "interocular": ((), np.float32),
}


@dataclass(frozen=True)
class Face:
    """One face in one frame.

    Args:
        box: (4,) float32 px, x0 y0 x1 y1.
        points5: (5, 2) float32 px in the order of the module's table.
        interocular: px.
        more: further values by array name (MediaPipe's landmarks, coefficients, ...).
    """

    box: Floats
    points5: Floats
    interocular: float
    more: Arrays = field(default_factory=dict)


class Finder(Protocol):
    """Finds all faces in frames, without looking back or ahead; closed after the clip."""

    def find(self, images: Frames, times: NDArray[np.float64]) -> list[list[Face]]:
        """The faces of each of the (N, H, W, 3) images."""
        ...

    def close(self) -> None:
        """Give back what the network holds."""
        ...


def blank(count: int, fields: Fields) -> Rows:
    """Zero rows: what a frame without a face says."""
    return {name: np.zeros((count, *shape), dtype) for name, (shape, dtype) in fields.items()}


def fill(rows: Rows, index: int, face: Face, track: int) -> None:
    """Write one tracked face into a row; what the rows have no place for is left out."""
    rows["found"][index] = True
    rows["track"][index] = track
    rows["raw_box"][index] = face.box
    rows["points5"][index] = face.points5
    rows["interocular"][index] = face.interocular
    for name, value in face.more.items():
        if name in rows:
            rows[name][index] = value


def track_rows(found: Sequence[Sequence[Face]], tracker: Tracker, fields: Fields) -> Rows:
    """Rows of consecutive frames, each with its tracked face."""
    rows = blank(len(found), fields)
    for index, faces in enumerate(found):
        boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
        picked = tracker.choose(boxes)
        if picked is not None:
            fill(rows, index, faces[picked], tracker.track)
    return rows


def join(chunks: Sequence[Arrays]) -> Rows:
    """Rows of consecutive chunks as one; at least one chunk."""
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def cut(rows: Arrays, start: int, stop: int) -> Rows:
    """Rows start..stop of every array."""
    return {name: values[start:stop] for name, values in rows.items()}


class Settling:
    """Adds the smoothed arrays and lets rows go once no later frame can move them.

    Holds at most the new rows and twice `LOOK_AHEAD` older ones, plus what it has let go.
    """

    def __init__(self, fields: Fields) -> None:
        self._window = blank(0, fields)
        self._gone = 0
        self._settled = [self._smoothed(0, 0)]

    def add(self, rows: Arrays) -> Rows | None:
        """Take raw rows; give the rows that are final by now, None where none are."""
        self._window = join([self._window, rows])
        return self._release(len(self._window["found"]) - LOOK_AHEAD)

    def finish(self) -> Rows:
        """All rows of the clip."""
        self._release(len(self._window["found"]))
        return join(self._settled)

    def _smoothed(self, start: int, stop: int) -> Rows:
        window = self._window
        track = window["track"].astype(np.int32)
        box = smooth_boxes(window["raw_box"].astype(np.float32), track)
        steady = smooth_points(window["points5"].astype(np.float32), track)
        return cut({**window, "box": box, "steady5": steady}, start, stop)

    def _release(self, stop: int) -> Rows | None:
        if stop <= self._gone:
            return None
        # Copies, because views would keep every window alive for as long as the clip lasts.
        rows = {name: values.copy() for name, values in self._smoothed(self._gone, stop).items()}
        self._settled.append(rows)
        context = max(0, stop - LOOK_AHEAD)
        self._window = cut(self._window, context, len(self._window["found"]))
        self._gone = stop - context
        return rows


class FacePass:
    """A clip's faces from a finder that looks at every frame."""

    def __init__(self, finder: Finder, fields: Fields) -> None:
        self._finder, self._fields = finder, fields
        self._tracker, self._settling = Tracker(), Settling(fields)

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> Arrays | None:
        """Find the faces of the next frames; rows come `LOOK_AHEAD` frames late."""
        del upstream
        found = self._finder.find(batch.images, batch.times)
        return self._settling.add(track_rows(found, self._tracker, self._fields))

    def finish(self) -> Arrays:
        """The arrays of the module's table, with the definition's own."""
        self._finder.close()
        return self._settling.finish()


@dataclass(frozen=True)
class Faces:
    """An extractor of faces: its definition, and how to begin a clip of a given (width, height)."""

    definition: str
    begin: Callable[[tuple[int, int]], Pass]
    name: str = "faces"
    requires: tuple[str, ...] = ()

    def start(self, media: Media) -> Pass:
        """Begin a clip."""
        return self.begin(media.size)

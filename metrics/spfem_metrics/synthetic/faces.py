"""Where a rendered face is and what it does: the extractor ``faces``.

Beside the arrays of `spfem_metrics.faces.rows` (``interocular`` being the distance of the outer eye corners,
``points5`` the middles of the eye corners, the nose tip and the mouth corners):

- ``landmarks`` (T, 68, 2) float32 px in the order of iBUG 300-W (Sagonas et al. 2013).
- ``mouth_points`` (T, 20, 2) float32 px: the last 20 of them, outer lips and inner.
- ``mouth_opening`` (T,) float32: distance of the middles of the inner lips, over ``interocular``.
- ``mouth_width`` (T,) float32: distance of the mouth corners, over ``interocular``.
- ``coefficients`` (T, 16) float32: action units, 0 at rest and 1 as far as the mean person goes (AU1 AU2 AU4
  AU5 AU6 AU7 AU9 AU10 AU12 AU15 AU17 AU18 AU20 AU23 AU25 AU26).
- ``pose`` (T, 3) float32 degrees: yaw, positive where the face turns to the image's right; pitch, positive
  where it looks down; roll, clockwise in the image.
- ``gaze`` (T, 2) float32: of the eyes in their sockets, to the image's right and down, -1 to 1.
- ``blink`` (T,) float32: 0 open to 1 closed.

Valid on rendered clips only: on photographs it means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.extractor import Arrays
from spfem_metrics.faces.boxes import SMOOTHING, TRACKING
from spfem_metrics.faces.rows import BASE, Face, FacePass, Fields, Rows, join
from spfem_metrics.media import FrameBatch, Frames, Media
from spfem_metrics.networks.chunks import CHUNK, Forward, checked_chunk, prepared, run
from spfem_metrics.networks.files import digest8
from spfem_metrics.synthetic.finding import LOOKS, SURE, Found, find
from spfem_metrics.synthetic.nets.crops import RULE, ZOOM
from spfem_metrics.synthetic.nets.files import filled, judge_file

FIELDS: Fields = {
    **BASE,
    "landmarks": ((68, 2), np.float32),
    "mouth_points": ((20, 2), np.float32),
    "mouth_opening": ((), np.float32),
    "mouth_width": ((), np.float32),
    "coefficients": ((16,), np.float32),
    "pose": ((3,), np.float32),
    "gaze": ((2,), np.float32),
    "blink": ((), np.float32),
}

FOREHEAD = 0.45
"""How far above the brows the box reaches, in heights from brows to chin."""


def faces(*, weights: Mapping[str, Path], device: str = "cpu", chunk: int = CHUNK) -> RenderedFaces:
    """The extractor; see the module.

    Args:
        weights: empty for the shipped network, or ``model``: another file of it.
        device: a torch device.
        chunk: frames in a batch; it enters the definition.

    Raises:
        DefinitionError: another key, or an impossible ``chunk``.
        WeightsError: the file is not there or, with the first clip, of another network.
    """
    return RenderedFaces(judge_file(weights, "landmarks"), device, checked_chunk(chunk))


@dataclass(frozen=True)
class RenderedFaces:
    """See the module."""

    model: Path
    device: str = "cpu"
    chunk: int = CHUNK
    name: str = "faces"
    requires: tuple[str, ...] = ()

    @cached_property
    def definition(self) -> str:
        """Network, digest, crop, looks, box, tracking, smoothing, chunk."""
        found = (
            f"looks1+{LOOKS},lips-zoom{ZOOM:g},score{SURE:g},eyes:outer-corners,box:points,top{FOREHEAD:g}"
        )
        return (
            f"judge-landmarks@{digest8(self.model)},{RULE},{found},{TRACKING},{SMOOTHING},chunk{self.chunk}"
        )

    def start(self, media: Media) -> Gathered:
        """Begin a clip; the first loads the network."""
        del media
        return Gathered(FacePass(Reader(self._forward, self.device), FIELDS), self.chunk)

    @cached_property
    def _forward(self) -> Forward:
        from spfem_metrics.synthetic.nets.blocks import to_input
        from spfem_metrics.synthetic.nets.landmarks import LandmarkNet

        network = prepared(filled(LandmarkNet(), self.model), self.device)
        return lambda crops: network(to_input(crops))


class Reader:
    """The landmark network as a `spfem_metrics.faces.rows.Finder`; it looks at each frame by itself."""

    def __init__(self, forward: Forward, device: str) -> None:
        self._forward, self._device = forward, device

    def find(self, images: Frames, times: NDArray[np.float64]) -> list[list[Face]]:
        """The face of each frame, if there is one."""
        del times
        read = find(lambda crops: run(self._forward, crops, self._device), list(images))
        return [[face_of(read, i)] if read.score[i] >= SURE else [] for i in range(len(images))]

    def close(self) -> None:
        """Nothing is held."""


class Gathered:
    """Hands frames on in batches of one length, whatever batches they were decoded in.

    Only a clip's last batch may be shorter, so that how frames share the network's batches depends on the
    clip alone.
    """

    def __init__(self, inner: FacePass, size: int) -> None:
        self._inner, self._size = inner, size
        self._waiting: list[FrameBatch] = []

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> Arrays | None:
        """Take the next frames; rows come late."""
        del upstream
        self._waiting.append(batch)
        held = _merged(self._waiting)
        whole = len(held.images) - len(held.images) % self._size
        settled = [
            self._inner.push(_between(held, i, i + self._size), {}) for i in range(0, whole, self._size)
        ]
        self._waiting = [_between(held, whole, len(held.images))]
        rows: list[Arrays] = [part for part in settled if part is not None]
        return join(rows) if rows else None

    def finish(self) -> Rows:
        """All rows of the clip."""
        rest = _merged(self._waiting) if self._waiting else None
        if rest is not None and len(rest.images):
            self._inner.push(rest, {})
        return dict(self._inner.finish())


def _merged(batches: list[FrameBatch]) -> FrameBatch:
    if len(batches) == 1:
        return batches[0]
    filled_ones = [b for b in batches if len(b.images)] or batches[:1]
    images, times = (np.concatenate([getattr(b, n) for b in filled_ones]) for n in ("images", "times"))
    return FrameBatch(filled_ones[0].start, images, times)


def _between(batch: FrameBatch, start: int, stop: int) -> FrameBatch:
    return FrameBatch(batch.start + start, batch.images[start:stop], batch.times[start:stop])


def face_of(read: Found, index: int) -> Face:
    """One picture's face as the arrays tell it."""
    points = read.points[index]
    eyes = max(float(np.linalg.norm(points[45] - points[36])), 1e-6)
    more = {
        "landmarks": points,
        "mouth_points": points[48:],
        "mouth_opening": np.float32(np.linalg.norm(points[66] - points[62]) / eyes),
        "mouth_width": np.float32(np.linalg.norm(points[54] - points[48]) / eyes),
        "coefficients": read.units[index],
        "pose": read.angles[index],
        "gaze": read.gaze[index],
        "blink": np.float32(read.blink[index]),
    }
    arrays = {name: np.asarray(value, np.float32) for name, value in more.items()}
    return Face(box_of(points), five_points(points), eyes, arrays)


def five_points(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """(5, 2) px: middles of the eye corners (left, right in the image), nose tip, mouth corners."""
    eyes = [(points[a] + points[b]) / 2 for a, b in ((36, 39), (42, 45))]
    return np.array([*eyes, points[30], points[48], points[54]], np.float32)


def box_of(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """(4,) px around the points, raised by `FOREHEAD` of their height."""
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return np.array([x0, y0 - FOREHEAD * (y1 - y0), x1, y1], np.float32)

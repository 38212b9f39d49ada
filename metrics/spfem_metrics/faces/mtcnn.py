"""Faces by MTCNN (Zhang et al. 2016) of facenet-pytorch 2.5.3, bounded in size and in how often it looks.

The network looks at every ``stride``-th frame and at the last one, shrunk so that its longer side is at most
``side`` px. Between two looks that saw the same track, boxes and points are interpolated linearly and count
as found; between others they are not found. ``interocular`` is the distance of its two eye points. At full
size on every frame (``side=0, stride=1``) it is the field's usual detector and takes 0.4 to 3 s a frame on a
CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Arrays
from spfem_metrics.faces.boxes import SMOOTHING, Tracker
from spfem_metrics.faces.rows import BASE, Face, Faces, Rows, Settling, blank, cut, join, track_rows
from spfem_metrics.media import FrameBatch, Frames

_HINT = "MTCNN needs facenet-pytorch: pip install 'spfem-bench[mtcnn]'"


def faces(
    *,
    weights: Mapping[str, Path] | None = None,
    device: str = "cpu",
    side: int = 320,
    stride: int = 5,
    chunk: int = 4,
) -> Faces:
    """The extractor ``faces`` by MTCNN; its weights come with facenet-pytorch 2.5.3.

    Args:
        weights: none are taken.
        device: a torch device.
        side: longest side of what the network sees, in px; 0 for the full size.
        stride: look at every ``stride``-th frame.
        chunk: looks per batch; pinned, because it moves low bits.

    Raises:
        DefinitionError: facenet-pytorch is not installed, weights were given, or an option is out of range.
    """
    if weights:
        raise DefinitionError("MTCNN takes no weights: facenet-pytorch brings its own")
    if side < 0 or stride < 1 or chunk < 1:
        raise DefinitionError(f"MTCNN: side {side}, stride {stride}, chunk {chunk} cannot be")
    import importlib.util

    if importlib.util.find_spec("facenet_pytorch") is None:
        raise DefinitionError(_HINT)
    lost = max(1, 12 // stride)
    rule = (
        f"mtcnn-facenet-pytorch2.5.3,side{side or 'full'},stride{stride},chunk{chunk},"
        f"track:largest,iou.3,lost{lost}looks,{SMOOTHING}"
    )
    network = Mtcnn(device, side)
    return Faces(definition=rule, begin=lambda _size: StridedPass(network, stride, chunk))


class Mtcnn:
    """The network (a `spfem_metrics.faces.rows.Finder`), loaded with the first frame."""

    def __init__(self, device: str, side: int) -> None:
        self._device, self._side = device, side
        self._network: Any = None

    def find(self, images: Frames, times: NDArray[np.float64] | None = None) -> list[list[Face]]:
        """All faces of each of the (N, H, W, 3) images, one batch."""
        del times
        scale = min(1.0, self._side / max(images.shape[1:3])) if self._side else 1.0
        boxes, _, points = self._loaded().detect(_shrink(images, scale), landmarks=True)
        found = zip(boxes, points, strict=True)
        return [[] if b is None else _faces(b / scale, p / scale) for b, p in found]

    def close(self) -> None:
        """Nothing: the network serves the next clip too."""

    def _loaded(self) -> Any:
        if self._network is None:
            from facenet_pytorch import MTCNN

            self._network = MTCNN(keep_all=True, device=self._device)
        return self._network


def _shrink(images: Frames, scale: float) -> Frames:
    if scale == 1.0:
        return images
    height, width = (max(1, round(side * scale)) for side in images.shape[1:3])
    smaller = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in images]
    return np.asarray(np.stack(smaller), np.uint8)


def _faces(boxes: NDArray[np.floating], points: NDArray[np.floating]) -> list[Face]:
    pairs = zip(boxes.astype(np.float32), points.astype(np.float32), strict=True)
    return [Face(box, five, float(np.hypot(*(five[1] - five[0])))) for box, five in pairs]


def interpolate(before: Rows, after: Rows, gap: int) -> Rows:
    """Rows of the ``gap`` frames between two looks (one row each): linear within a track, else not found."""
    rows = blank(gap, BASE)
    track = int(before["track"][0])
    if track == 0 or track != int(after["track"][0]):
        return rows
    weights = np.arange(1, gap + 1, dtype=np.float32) / (gap + 1)
    for name in ("raw_box", "points5", "interocular"):
        start, end = np.asarray(before[name], np.float32), np.asarray(after[name], np.float32)
        share = weights.reshape(-1, *[1] * (start.ndim - 1))
        rows[name] = (1 - share) * start + share * end
    rows["found"][:] = True
    rows["track"][:] = track
    return rows


class StridedPass:
    """A clip's faces from a finder that looks at every n-th frame, ``chunk`` of them at a time."""

    def __init__(self, network: Mtcnn, stride: int, chunk: int) -> None:
        self._network, self._stride, self._chunk = network, stride, chunk
        self._tracker, self._settling = Tracker(max(1, 12 // stride)), Settling(BASE)
        self._waiting: list[tuple[int, NDArray[np.uint8]]] = []
        self._latest: tuple[int, NDArray[np.uint8]] | None = None
        self._looked = -1
        self._before: Rows | None = None

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> Arrays | None:
        """Look at the frames whose turn it is; rows come up to a chunk of looks and the smoothing late."""
        del upstream
        settled: list[Arrays] = []
        for offset, image in enumerate(batch.images):
            index = batch.start + offset
            self._latest = index, image
            if index % self._stride == 0:
                self._waiting.append(self._latest)
            if len(self._waiting) == self._chunk:
                rows = self._settling.add(self._look())
                settled += [rows] if rows else []
        return join(settled) if settled else None

    def finish(self) -> Arrays:
        """The arrays of `spfem_metrics.faces.rows`."""
        last = self._latest
        if last is not None and last[0] % self._stride:
            self._waiting.append(last)
        if self._waiting:
            self._settling.add(self._look())
        return self._settling.finish()

    def _look(self) -> Rows:
        """Rows of all frames up to the last that waits."""
        found = self._network.find(np.stack([image for _, image in self._waiting]))
        looks = track_rows(found, self._tracker, BASE)
        parts = []
        for position, (index, _) in enumerate(self._waiting):
            look = cut(looks, position, position + 1)
            if self._before is not None:
                parts.append(interpolate(self._before, look, index - self._looked - 1))
            parts.append(look)
            self._looked, self._before = index, look
        self._waiting = []
        return join(parts)

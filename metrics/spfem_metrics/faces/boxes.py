"""Boxes over time: overlap, the tracked face, smoothing. Boxes are x0 y0 x1 y1 in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

TRACKING = "track:largest,iou.3,lost12"
"""The rule of `Tracker`, as it stands in definitions."""

BOX_RADIUS = 6
POINT_RADIUS = 2
LOOK_AHEAD = 2 * BOX_RADIUS
"""Frames on either side that can move a smoothed box (6 of the median, 6 of the mean)."""

SMOOTHING = f"smooth:median{2 * BOX_RADIUS + 1}-mean{2 * BOX_RADIUS + 1},steady:mean{2 * POINT_RADIUS + 1}"
"""The rule of `smooth_boxes` and `smooth_points`, as it stands in definitions."""


def areas(boxes: Floats) -> Floats:
    """(N,) areas in square pixels of (N, 4) boxes; 0 for an inverted box."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def iou(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union of one box (4,) with each of (N, 4), in 0..1."""
    corner = np.maximum(box[:2], boxes[:, :2])
    opposite = np.minimum(box[2:], boxes[:, 2:])
    shared = areas(np.concatenate([corner, opposite], axis=1))
    union = areas(box[None])[0] + areas(boxes) - shared
    return np.asarray(np.where(union > 0, shared / np.maximum(union, 1e-9), 0), np.float32)


class Tracker:
    """Which of the faces in a frame is the one that is measured.

    The largest in the first frame that has any; then the one that overlaps its last box most, if its
    intersection over union is above 0.3. After ``patience`` frames without such a face (it left, or the
    picture was cut) the largest is taken again, as a new track.

    Args:
        patience: frames (or looks, where not every frame is looked at) to wait before taking another face.
    """

    def __init__(self, patience: int = 12) -> None:
        self._patience = patience
        self._last: Floats | None = None
        self._missed = 0
        self.track = 0

    def choose(self, boxes: Floats) -> int | None:
        """Index of the tracked face among (N, 4) boxes, None where it is not there."""
        if self._last is not None and self._missed >= self._patience:
            self._last = None
        picked = self._first(boxes) if self._last is None else self._follow(self._last, boxes)
        if picked is None:
            self._missed += 1
        else:
            self._missed, self._last = 0, boxes[picked]
        return picked

    def _first(self, boxes: Floats) -> int | None:
        if len(boxes) == 0:
            return None
        self.track += 1
        return int(np.argmax(areas(boxes)))

    def _follow(self, last: Floats, boxes: Floats) -> int | None:
        overlaps = iou(last, boxes)
        if len(boxes) == 0 or overlaps.max() <= 0.3:
            return None
        return int(np.argmax(overlaps))


def _windows(values: NDArray[np.float64], track: NDArray[np.int32], radius: int) -> NDArray[np.float64]:
    """(T, D, 2r + 1) neighbours in time; NaN beyond the clip and where another track, or none, was seen."""
    padded = np.pad(values, ((radius, radius), (0, 0)), constant_values=np.nan)
    tracks = np.pad(track, radius, constant_values=0)
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0)
    same = np.lib.stride_tricks.sliding_window_view(tracks, 2 * radius + 1) == track[:, None]
    return np.where(same[:, None, :], near, np.nan)


def _smooth(values: NDArray[np.float64], track: NDArray[np.int32], radius: int, *, median: bool) -> Floats:
    seen = track > 0
    smoothed = np.zeros(values.shape, np.float32)
    if seen.any():
        windows = _windows(values, track, radius)[seen]
        smoothed[seen] = np.nanmedian(windows, axis=2) if median else np.nanmean(windows, axis=2)
    return smoothed


def smooth_boxes(boxes: Floats, track: NDArray[np.int32]) -> Floats:
    """Steady boxes for crops: a centred 13-frame median, then a centred 13-frame mean.

    Both windows shrink at the clip's ends and leave out frames of another track, or without a face, so a
    box depends only on the same face within `LOOK_AHEAD` frames, and nothing is invented in a gap.

    Args:
        boxes: (T, 4) float32 px.
        track: (T,) int32, 0 where no face was found.

    Returns:
        (T, 4) float32 px, zeros where no face was found.
    """
    middle = _smooth(boxes.astype(np.float64), track, BOX_RADIUS, median=True)
    return _smooth(middle.astype(np.float64), track, BOX_RADIUS, median=False)


def smooth_points(points: Floats, track: NDArray[np.int32]) -> Floats:
    """Steady points for stabilised crops: a centred 5-frame mean within the track, as `smooth_boxes`.

    Args:
        points: (T, K, 2) float32 px.
        track: (T,) int32, 0 where no face was found.

    Returns:
        (T, K, 2) float32 px, zeros where no face was found.
    """
    flat = points.reshape(len(points), int(np.prod(points.shape[1:]))).astype(np.float64)
    return _smooth(flat, track, POINT_RADIUS, median=False).reshape(points.shape)

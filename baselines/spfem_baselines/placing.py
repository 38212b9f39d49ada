"""Where a face is, by registration with a mean face: what `spfem_baselines.linear` stands on.

A coarse search over place and size in the clip's first frame, then a refinement by the enhanced correlation
coefficient (Evangelidis and Psarakis 2008, as OpenCV computes it) frame by frame. There is no detector
behind it: a frame without a face gets a place all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Place = NDArray[np.float64]
"""(2, 3) map from template pixels to frame pixels: a similarity."""

TEMPLATE = 64
"""Side of the template in pixels."""

UNIT = 24.0
"""Template pixels in one distance between the eyes."""

ORIGIN = (32.0, 19.0)
"""The point between the eyes, in template pixels."""

_SEARCH = 96
_PAD = _SEARCH // 4
_LOCAL = 6.0
_WORK = 192
_SHARES = np.linspace(0.14, 0.38, 13)
# Where rendered heads are (60 of the population it is fitted on): between the eyes at (.500, .448) of the
# frame, spread .03 and .02; distance of the eyes .258 of it, spread 6%. The spreads are taken wider.
_USUAL, _USUAL_SHARE = (0.5, 0.45), 0.26
_SPREAD, _SCALE_SPREAD, _WEIGHT = 0.08, 0.15, 0.08
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)


def place_by_eyes(left: NDArray[np.floating], right: NDArray[np.floating]) -> Place:
    """The similarity that puts the template's eyes on two points, (2,) pixels each."""
    left, right = np.asarray(left, np.float64), np.asarray(right, np.float64)
    across = (right - left) / UNIT
    turn = np.array([[across[0], -across[1]], [across[1], across[0]]])
    return np.concatenate([turn, ((left + right) / 2 - turn @ np.array(ORIGIN))[:, None]], axis=1)


def cut_template(image: NDArray[np.uint8], place: Place) -> NDArray[np.float32]:
    """(64, 64) float32 features of a face at its place, see `features`."""
    luma = features(image, float(np.hypot(place[0, 0], place[1, 0])))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(luma, place, (TEMPLATE, TEMPLATE), flags=flags), np.float32)


def features(image: NDArray[np.uint8], zoom: float) -> NDArray[np.float32]:
    """(H, W) float32 luminance less its local mean, so that skin, light and backdrop do not count.

    Args:
        image: (H, W, 3) uint8 RGB.
        zoom: frame pixels in a template pixel.
    """
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(luma - cv2.GaussianBlur(luma, (0, 0), max(0.5, _LOCAL * zoom)), np.float32)


def inner_face() -> NDArray[np.float32]:
    """(64, 64) float32 window: 1 over eyes, nose and mouth, falling to 0 before hair and chin."""
    ys, xs = np.mgrid[0:TEMPLATE, 0:TEMPLATE]
    radius = np.hypot((xs - ORIGIN[0]) / 23.0, (ys - ORIGIN[1] - 10.0) / 26.0)
    return np.asarray(np.clip((1.0 - radius) / 0.15, 0.0, 1.0), np.float32)


def find(image: NDArray[np.uint8], template: NDArray[np.float32]) -> Place:
    """The best place over a grid of sizes and shifts (normalised correlation), upright.

    Args:
        image: (H, W, 3) uint8 RGB.
        template: (64, 64) float32 mean face.
    """
    factor = max(image.shape[0], image.shape[1]) / _SEARCH
    size = [max(1, round(side / factor)) for side in (image.shape[1], image.shape[0])]
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    best, place = -np.inf, np.eye(2, 3)
    for share in _SHARES:
        side = round(TEMPLATE * share * _SEARCH / UNIT)
        zoom = side / TEMPLATE
        plane = np.pad(features(small, zoom), _PAD, mode="edge")
        if side > min(plane.shape):
            continue
        pattern = cv2.resize(template, (side, side), interpolation=cv2.INTER_AREA)
        scores = cv2.matchTemplate(plane, pattern, cv2.TM_CCOEFF_NORMED) - _unlikely(plane, side, share, size)
        _, score, _, corner = cv2.minMaxLoc(scores)
        if np.isfinite(score) and score > best:
            shift = (np.array(corner, np.float64) - _PAD) * factor
            best, place = score, np.array([[zoom * factor, 0.0, shift[0]], [0.0, zoom * factor, shift[1]]])
    return place


def _unlikely(
    plane: NDArray[np.float32], side: int, share: float, size: Sequence[int]
) -> NDArray[np.float32]:
    """What each corner of the template loses for being far from where talking heads are.

    Half the square of the distance from `_USUAL`, in `_SPREAD`; people differ more in their looks than in
    where they sit before a camera.
    """
    rows, columns = plane.shape[0] - side + 1, plane.shape[1] - side + 1
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    between = [corner - _PAD + side * at / TEMPLATE for corner, at in zip((xs, ys), ORIGIN, strict=True)]
    off = [
        (place / length - usual) / _SPREAD for place, length, usual in zip(between, size, _USUAL, strict=True)
    ]
    scale = np.log(share / _USUAL_SHARE) / _SCALE_SPREAD
    return np.asarray(0.5 * _WEIGHT * (off[0] ** 2 + off[1] ** 2 + scale**2), np.float32)


def refine(image: NDArray[np.uint8], template: NDArray[np.float32], start: Place) -> Place:
    """A place moved to where the template fits best; ``start`` where nothing nearby fits better.

    Args:
        image: (H, W, 3) uint8 RGB.
        template: (64, 64) float32 mean face.
        start: a place nearby.
    """
    step = np.eye(2, 3, dtype=np.float32)
    window = np.asarray(inner_face() > 0, np.uint8)
    around = cut_template(image, start)
    try:
        _, found = cv2.findTransformECC(template, around, step, cv2.MOTION_AFFINE, _STOP, window, 3)
    except cv2.error:
        return start
    moved = _after(start, _similar(np.asarray(found, np.float64)))
    return moved if likeness(image, template, moved) > likeness(image, template, start) else start


def likeness(image: NDArray[np.uint8], template: NDArray[np.float32], place: Place) -> float:
    """Correlation of the inner face at a place with the template, -1 to 1."""
    crop, window = cut_template(image, place), inner_face()
    first, second = ((plane - np.average(plane, weights=window)) * window for plane in (crop, template))
    return float((first * second).sum() / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-9))


def _similar(affine: Place) -> Place:
    """The similarity nearest an affine map, with the same value at the template's centre."""
    a, b = (affine[0, 0] + affine[1, 1]) / 2, (affine[1, 0] - affine[0, 1]) / 2
    centre = np.array([TEMPLATE / 2, TEMPLATE / 2])
    turn = np.array([[a, -b], [b, a]])
    shift = affine[:, :2] @ centre + affine[:, 2] - turn @ centre
    return np.concatenate([turn, shift[:, None]], axis=1)


def _after(outer: Place, inner: Place) -> Place:
    """``outer`` of ``inner``."""
    turn = outer[:, :2] @ inner[:, :2]
    return np.concatenate([turn, (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], axis=1)


class Follower:
    """Places of consecutive frames: found once, then followed.

    Args:
        template: (64, 64) float32 mean face.
    """

    def __init__(self, template: NDArray[np.float32]) -> None:
        self._template = template
        self._place: Place | None = None

    def follow(self, images: Iterable[NDArray[np.uint8]]) -> list[Place]:
        """The places of the next frames, all of one size."""
        return [self._next(image) for image in images]

    def _next(self, image: NDArray[np.uint8]) -> Place:
        factor = max(1.0, max(image.shape[:2]) / _WORK)
        small = _shrunk(image, factor)
        if self._place is None:
            self._place = refine(small, self._template, find(small, self._template))
        self._place = refine(small, self._template, self._place)
        return _enlarged(self._place, factor)


def _shrunk(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    if factor == 1.0:
        return image
    size = [max(1, round(side / factor)) for side in (image.shape[1], image.shape[0])]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _enlarged(place: Place, factor: float) -> Place:
    """The same place in a frame ``factor`` times as large, pixel centres at whole numbers in both."""
    larger = place * factor
    larger[:, 2] += (factor - 1.0) / 2
    return larger

"""What is read of one upright face: mouth, expression and traits, in units of the distance between the eyes.

The face is turned upright and brought to 40 px between the eyes (bilinear), so that every measurement is
free of place, size and roll; points are carried back into the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.synthetic.locate import Face
from spfem_metrics.synthetic.unmix import LID_TINT, LIP_TINT, Floats, Image, shade, skin_mask, unmix, white

EYE = 40.0
WIDTH, HEIGHT = 120, 136
ORIGIN = (60.0, 52.0)
MOUTH_COLUMNS = 5
COEFFICIENTS = (
    "brow-height",
    "brow-slope",
    "brow-gap",
    "eye-openness",
    "nose-wrinkle",
    "cheek-fold",
    "corner-lift",
    "mouth-width",
    "lip-height",
    "jaw-rest",
)
"""Raw expression geometry, in this order; see `Reading.expression`."""

TRAITS = (
    "skin-red",
    "skin-green",
    "skin-blue",
    "hair-red",
    "hair-green",
    "hair-blue",
    "brow-mass",
    "socket-mass",
    "iris-hue",
    "mouth-drop",
    "face-width",
    "lip-mass",
)
"""What tells people apart, in this order; see `Reading.traits`."""


@dataclass(frozen=True)
class Reading:
    """One face's measurements.

    Args:
        nose: (2,) working pixels.
        corners: (2, 2) left and right mouth corner, working pixels.
        mouth_points: (12, 2) corners, then five points each along the upper and lower edge of the lips.
        opening: height of what is neither lip nor skin between the lips, in the middle third of the mouth.
        width: distance between the mouth's corners.
        expression: (10,) in the order of `COEFFICIENTS`: lengths in eye distances, slopes as tangents,
            shades as shares.
        traits: (12,) in the order of `TRAITS`: colours 0 to 1, lengths in eye distances.
        gaze: (2,) iris against the eye's centre, in eye distances, right and down positive.
    """

    nose: NDArray[np.float64]
    corners: NDArray[np.float64]
    mouth_points: NDArray[np.float64]
    opening: float
    width: float
    expression: NDArray[np.float64]
    traits: NDArray[np.float64]
    gaze: NDArray[np.float64]


@dataclass(frozen=True)
class _Planes:
    image: Image
    lid: Floats
    lip: Floats
    dark: Floats
    shade: Floats
    white: Floats
    pale: Floats


@dataclass(frozen=True)
class _Mouth:
    left: float
    right: float
    corner_y: tuple[float, float]
    top: NDArray[np.float64]
    bottom: NDArray[np.float64]
    columns: NDArray[np.float64]
    opening: float
    lip_height: float


def read(image: Image, face: Face) -> Reading | None:
    """Measure a located face, None where no mouth can be outlined.

    Args:
        image: (128, W, 3) uint8 RGB, the frame in which ``face`` was located.
        face: where it is.
    """
    matrix = _upright(face)
    crop = cv2.warpAffine(
        image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    upright = np.asarray(crop, np.uint8)
    lid, lip, dark = unmix(upright, face.skin)
    lids, lips = (face.skin[1] * tint[1] for tint in (LID_TINT, LIP_TINT))
    planes = _Planes(
        upright, lid, lip, dark, shade(upright, face.skin), white(upright, lids), white(upright, lips)
    )
    mouth = _mouth(planes)
    if mouth is None:
        return None
    nose_y = _nose(planes)
    eyes = [_eye(planes, side) for side in (-0.5, 0.5)]
    edge = np.stack([mouth.columns, mouth.top], 1), np.stack([mouth.columns, mouth.bottom], 1)
    corners = np.array([[mouth.left, mouth.corner_y[0]], [mouth.right, mouth.corner_y[1]]])
    return Reading(
        nose=_back(np.array([[0.0, nose_y]]), matrix)[0],
        corners=_back(corners, matrix),
        mouth_points=_back(np.concatenate([corners, *edge]), matrix),
        opening=mouth.opening,
        width=mouth.right - mouth.left,
        expression=_expression(planes, mouth, eyes),
        traits=_traits(planes, face, mouth),
        gaze=np.mean([eye[1:] for eye in eyes], axis=0),
    )


def _upright(face: Face) -> NDArray[np.float64]:
    """(2, 3) working pixels -> crop pixels."""
    middle = (face.left + face.right) / 2
    scale, angle = EYE / face.interocular, np.deg2rad(face.roll)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.concatenate([turn, (np.array(ORIGIN) - turn @ middle)[:, None]], axis=1)


def _back(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eye-distance units -> working pixels."""
    crop = points * EYE + ORIGIN
    return np.asarray((crop - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)


def _window(plane: Floats, x: tuple[float, float], y: tuple[float, float]) -> Floats:
    """Part of a plane, bounds in eye distances from the point between the eyes."""
    x0, x1 = (round(ORIGIN[0] + EYE * v) for v in x)
    y0, y1 = (round(ORIGIN[1] + EYE * v) for v in y)
    return plane[max(0, y0) : y1, max(0, x0) : x1]


def _grid(x: tuple[float, float], y: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of the same window's pixels, in eye distances: (1, n) and (m, 1)."""
    xs = np.arange(max(0, round(ORIGIN[0] + EYE * x[0])), min(WIDTH, round(ORIGIN[0] + EYE * x[1])))
    ys = np.arange(max(0, round(ORIGIN[1] + EYE * y[0])), min(HEIGHT, round(ORIGIN[1] + EYE * y[1])))
    across, down = (xs - ORIGIN[0])[None, :] / EYE, (ys - ORIGIN[1])[:, None] / EYE
    return across.astype(np.float64), down.astype(np.float64)


def _soft(values: Floats, low: float, high: float) -> NDArray[np.float64]:
    """0 below ``low``, 1 above ``high``, linear between."""
    return np.clip((values.astype(np.float64) - low) / (high - low), 0.0, 1.0)


def _brow(planes: _Planes, side: float) -> tuple[float, float, float, float]:
    """Height above the eye, slope outward (positive: inner end higher), inner end, and mass of a brow."""
    sign = 1.0 if side > 0 else -1.0
    x, y = ((0.06, 1.0) if side > 0 else (-1.0, -0.06)), (-0.74, -0.20)
    weight = _soft(_window(planes.dark, x, y), 0.3, 0.85)
    xs, ys = _grid(x, y)
    mass = float(weight.sum())
    if mass < 3.0:
        return 0.0, 0.0, 0.5, 0.0
    across = sign * xs + 0.0 * ys
    mean_x, mean_y = float((weight * across).sum() / mass), float((weight * ys).sum() / mass)
    spread = float((weight * (across - mean_x) ** 2).sum() / mass)
    slope = float((weight * (across - mean_x) * (ys - mean_y)).sum() / mass) / max(spread, 1e-6)
    inner = mean_x - 1.7 * np.sqrt(spread)
    return -mean_y, slope, float(inner), mass / EYE**2


def _eye(planes: _Planes, side: float) -> tuple[float, float, float]:
    """Openness of an eye (mean height of white and iris), and the iris's offset right and down."""
    x, y = (side - 0.13, side + 0.13), (-0.24, 0.16)
    pale = _window(planes.white, x, y)
    iris = _soft(_window(planes.shade, x, y), 0.35, 0.7)
    iris = np.where(_window(planes.lid, x, y) > 0.8, 0.0, iris)
    openness = float(np.clip(pale + iris, 0.0, 1.0).sum(axis=0).mean()) / EYE
    xs, ys = _grid((side - 0.26, side + 0.26), (-0.16, 0.12))
    weight = _soft(_window(planes.shade, (side - 0.26, side + 0.26), (-0.16, 0.12)), 0.45, 0.8)
    mass = float(weight.sum())
    if mass < 6.0 or openness < 0.08:
        return openness, 0.0, 0.0
    return openness, float((weight * xs).sum() / mass) - side, float((weight * ys).sum() / mass)


def _nose(planes: _Planes) -> float:
    """How far the nostrils are below the eyes; 0.7 where they cannot be seen."""
    x, y = (-0.16, 0.16), (0.5, 0.95)
    weight = _soft(_window(planes.shade, x, y), 0.14, 0.4)
    weight = np.where(_window(planes.lip, x, y) > 0.4, 0.0, weight)
    mass = float(weight.sum())
    return 0.7 if mass < 1.0 else float((weight * _grid(x, y)[1]).sum() / mass)


def _mouth(planes: _Planes) -> _Mouth | None:
    """Corners, edges and the gap of the mouth."""
    x, y = (-0.95, 0.95), (0.72, 1.98)
    lip = _soft(_window(planes.lip, x, y), 0.22, 0.85)
    xs, ys = (axis.ravel() for axis in _grid(x, y))
    peak = lip.max(axis=0)
    left, right, level = _extent(peak)
    if right - left < 8:
        return None
    ends = _crossing(peak, left, -1, level), _crossing(peak, right, 1, level)
    first, last = (float(np.interp(end, np.arange(len(xs)), xs)) for end in ends)
    share = np.linspace(-0.66, 0.66, MOUTH_COLUMNS)
    picked = np.rint((left + right) / 2 + share * (right - left) / 2).astype(int)
    span = max(1, round((right - left) / 6))
    middle = (left + right) // 2
    core = slice(middle - span, middle + span + 1)
    top, bottom = _edges(lip[:, picked], ys)
    inside = _inside(planes, x, y)[:, core] * _between(lip[:, core])
    opening = float(inside.sum(axis=0).mean()) / EYE
    height = lip[:, core].sum(axis=0) / EYE
    corner = _level(lip, ys, slice(left, left + 4)), _level(lip, ys, slice(right - 3, right + 1))
    return _Mouth(first, last, corner, top, bottom, xs[picked], opening, float(height.mean()))


def _run(filled: NDArray[np.bool_], middle: int) -> tuple[int, int]:
    """First and last column of the unbroken run that holds the middle one; (0, 0) where it is empty."""
    breaks = np.flatnonzero(~filled)
    if not filled[middle]:
        return 0, 0
    left = int(breaks[breaks < middle].max(initial=-1)) + 1
    right = int(breaks[breaks > middle].min(initial=len(filled))) - 1
    return left, right


def _inside(planes: _Planes, x: tuple[float, float], y: tuple[float, float]) -> NDArray[np.float64]:
    """Share of the mouth's dark inside or of teeth in each pixel of a window."""
    dark = np.clip(_window(planes.dark, x, y), 0.0, 1.0)
    teeth = _soft(_window(planes.pale, x, y), 0.0, 1.0)
    return np.asarray(np.clip(dark + teeth, 0.0, 1.0), np.float64)


def _between(lip: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels with lip both above and below them."""
    above = np.maximum.accumulate(lip, axis=0) > 0.3
    below = np.maximum.accumulate(lip[::-1], axis=0)[::-1] > 0.3
    return np.asarray(above & below)


def _extent(peak: NDArray[np.float64]) -> tuple[int, int, float]:
    """First and last column of the mouth, and the share of lip colour that marks them.

    0.45, or 0.6 of the strongest column where blur leaves less; a weak column between strong ones is bridged.
    """
    left, right = _run(peak > 0.15, len(peak) // 2)
    level = min(0.45, 0.6 * float(peak[left : right + 1].max()))
    strong = left + np.flatnonzero(peak[left : right + 1] > level)
    return (int(strong[0]), int(strong[-1]), level) if len(strong) else (0, 0, level)


def _crossing(peak: NDArray[np.float64], index: int, step: int, level: float) -> float:
    """Where the profile falls through a level beyond its outermost column, to a fraction of a column."""
    beyond = index + step
    if not 0 <= beyond < len(peak):
        return float(index)
    fall = float(peak[index] - peak[beyond])
    return index + step * float(peak[index] - level) / max(fall, 1e-6)


def _edges(
    lip: NDArray[np.float64], ys: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Upper and lower edge of the lips in each column, to a fraction of a pixel, in eye distances."""
    step = 1.0 / EYE
    reach = np.maximum.accumulate(lip, axis=0)
    top = ys[0] + step * ((reach < 0.999 * reach[-1]) * (1.0 - reach / np.maximum(reach[-1], 1e-6))).sum(
        axis=0
    )
    back = np.maximum.accumulate(lip[::-1], axis=0)
    low = step * ((back < 0.999 * back[-1]) * (1.0 - back / np.maximum(back[-1], 1e-6))).sum(axis=0)
    return top - step / 2, ys[-1] + step / 2 - low


def _level(lip: NDArray[np.float64], ys: NDArray[np.float64], columns: slice) -> float:
    weight = lip[:, columns].sum(axis=1)
    return float((weight * ys).sum() / max(float(weight.sum()), 1e-6))


def _expression(
    planes: _Planes, mouth: _Mouth, eyes: list[tuple[float, float, float]]
) -> NDArray[np.float64]:
    brows = np.array([_brow(planes, side) for side in (-0.5, 0.5)])
    height, slope, gap, _ = brows.mean(axis=0)
    wrinkle = float(_window(planes.shade, (-0.12, 0.12), (0.02, 0.30)).mean())
    folds = [_window(planes.shade, x, (0.72, 1.06)) for x in ((-0.6, -0.26), (0.26, 0.6))]
    lip_free = [_window(planes.lip, x, (0.72, 1.06)) < 0.25 for x in ((-0.6, -0.26), (0.26, 0.6))]
    fold = float(
        np.mean([np.where(keep, dark, 0.0).mean() for dark, keep in zip(folds, lip_free, strict=True)])
    )
    line = float(mouth.top[MOUTH_COLUMNS // 2] + mouth.lip_height / 2)
    lift = line - float(np.mean(mouth.corner_y))
    drop = float(mouth.bottom[MOUTH_COLUMNS // 2] - mouth.top[MOUTH_COLUMNS // 2])
    openness = float(np.mean([eye[0] for eye in eyes]))
    width = mouth.right - mouth.left
    values = (height, slope, gap, openness, wrinkle, fold, lift, width, mouth.lip_height, drop / width)
    return np.array(values, np.float64)


def _traits(planes: _Planes, face: Face, mouth: _Mouth) -> NDArray[np.float64]:
    crown = _colours(planes.image, (-0.25, 0.25), (-1.24, -1.12))
    iris = np.mean(
        [_colours(planes.image, (s - 0.12, s + 0.12), (-0.07, 0.07)).mean(axis=0) for s in (-0.5, 0.5)], 0
    )
    brow = float(np.mean([_brow(planes, side)[3] for side in (-0.5, 0.5)]))
    lids = [_window(planes.lid, (s - 0.45, s + 0.45), (-0.2, 0.28)) for s in (-0.5, 0.5)]
    socket = float(np.mean([_soft(lid, 0.2, 0.8).mean() for lid in lids]))
    middle = float(np.mean(mouth.corner_y))
    lengths = (brow, socket, iris[0] - iris[2], middle, _face_width(planes), mouth.lip_height)
    return np.concatenate([face.skin / 255.0, np.median(crown, axis=0), np.array(lengths)])


def _colours(image: Image, x: tuple[float, float], y: tuple[float, float]) -> NDArray[np.float64]:
    """(n, 3) RGB in [0, 1] of a window's pixels."""
    channels = [_window(channel.astype(np.float32), x, y).ravel() for channel in cv2.split(image)]
    return np.asarray(np.stack(channels, axis=1) / 255.0, np.float64)


def _face_width(planes: _Planes) -> float:
    """Width of skin at cheek height, in eye distances."""
    rows = _window(skin_mask(planes.image).astype(np.float32), (-1.5, 1.5), (0.40, 0.60))
    return float(rows.sum(axis=1).mean()) / EYE

"""The face as curves in face units: x to the image's right, y down, the origin between the eyes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.identity import Identity
from spfem_bench.synthetic.muscles import Muscles

Curve = NDArray[np.float64]
"""(K, 2) points."""

LANDMARKS = (
    "eye-left",
    "eye-right",
    "nose",
    "mouth-left",
    "mouth-right",
    "brow-left-outer",
    "brow-left-inner",
    "brow-right-inner",
    "brow-right-outer",
    "lip-upper-outer",
    "lip-upper-inner",
    "lip-lower-inner",
    "lip-lower-outer",
    "chin",
    "lid-left-upper",
    "lid-left-lower",
    "lid-right-upper",
    "lid-right-lower",
)
"""Names of `Shape.landmarks`; left and right as seen in the image."""

_S = np.linspace(-1.0, 1.0, 25)
_ARCH = 1.0 - _S**2


@dataclass(frozen=True, slots=True)
class Pose:
    """What moves in a frame besides the head: opening 0..1, spread -1..1, blink 0..1, gaze (2,)."""

    opening: float
    spread: float
    blink: float
    gaze: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye: the ellipse of its socket, the curves of its lids, the iris (centre and radius)."""

    centre: tuple[float, float]
    socket: tuple[float, float]
    upper: Curve
    lower: Curve
    iris: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Mouth:
    """Four curves from the left to the right corner, and what is visible of the upper teeth."""

    outer_upper: Curve
    inner_upper: Curve
    inner_lower: Curve
    outer_lower: Curve
    gap: float
    half_width: float


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything that is painted of a face at one instant."""

    outline: Curve
    eyes: tuple[Eye, Eye]
    brows: tuple[Curve, Curve]
    brow_ends: Curve
    nose: tuple[float, float]
    mouth: Mouth
    chin: float

    @property
    def landmarks(self) -> Curve:
        """(18, 2) points in the order of `LANDMARKS`."""
        mouth, middle = self.mouth, len(_S) // 2
        curves = (mouth.outer_upper, mouth.inner_upper, mouth.inner_lower, mouth.outer_lower)
        ends = [mouth.inner_upper[0], mouth.inner_upper[-1]]
        eyes = [np.array(eye.centre) for eye in self.eyes]
        lips = [curve[middle] for curve in curves]
        lids = [curve[middle] for eye in self.eyes for curve in (eye.upper, eye.lower)]
        chin = np.array([0.0, self.chin])
        return np.stack([*eyes, np.array(self.nose), *ends, *self.brow_ends, *lips, chin, *lids])


def shape(who: Identity, face: Muscles, pose: Pose) -> Shape:
    """The curves of a face.

    Args:
        who: the person.
        face: muscles, already scaled by the person's expressivity.
        pose: what speech, blinks and gaze do.
    """
    mouth = _mouth(who, face, pose)
    left, left_ends = _brow(who, face, -1.0)
    right, right_ends = _brow(who, face, 1.0)
    chin = who.chin + 0.30 * mouth.gap
    return Shape(
        outline=_outline(who, chin),
        eyes=(_eye(who, face, pose, -1.0), _eye(who, face, pose, 1.0)),
        brows=(left, right),
        brow_ends=np.concatenate([left_ends[::-1], right_ends]),
        nose=(0.0, who.nose_length - 0.05 * face.nose_wrinkle),
        mouth=mouth,
        chin=chin,
    )


def _eye(who: Identity, face: Muscles, pose: Pose, side: float) -> Eye:
    x, half = side * who.eye_distance / 2, who.eye_size
    lid = face.lid_raise
    wide = 1.0 + (0.42 if lid > 0 else 0.5) * lid
    squint = max(0.0, face.lid_tight) + 0.5 * max(0.0, face.corner_pull)
    upper = (0.56 * half * wide * (1 - 0.16 * squint)) * (1 - pose.blink)
    lower = (0.32 * half * (1 + 0.2 * lid) * (1 - 0.6 * squint)) * (1 - pose.blink) + 0.02 * pose.blink
    tilt = -0.02 * side * _S
    bow = _ARCH * (1 + 0.12 * _ARCH)
    xs = x + half * _S
    return Eye(
        centre=(x, 0.0),
        socket=(half * 1.32, 0.225),
        upper=np.stack([xs, tilt - upper * bow + 0.03 * pose.blink * _ARCH], axis=1),
        lower=np.stack([xs, tilt + lower * bow + 0.02 * pose.blink * _ARCH], axis=1),
        iris=(x + half * pose.gaze[0], -0.01 + half * pose.gaze[1], 0.56 * half),
    )


def _brow(who: Identity, face: Muscles, side: float) -> tuple[Curve, Curve]:
    """A brow's polygon, and its (inner, outer) ends."""
    lowered = face.brow_lower
    inner_y = -who.brow_height - 0.03 - 0.16 * face.inner_raise + 0.13 * lowered + 0.03 * face.nose_wrinkle
    outer_y = -who.brow_height + 0.02 - 0.14 * face.outer_raise + 0.03 * lowered
    inner_x = who.eye_distance / 2 - 0.25 - 0.06 * lowered
    outer_x = who.eye_distance / 2 + 0.32
    share = np.linspace(0.0, 1.0, 13)
    x = inner_x + (outer_x - inner_x) * share
    y = inner_y + (outer_y - inner_y) * share - 0.05 * np.sin(np.pi * share)
    half = who.brow_thickness / 2 * (1.0 - 0.55 * share**2)
    edge = np.concatenate([np.stack([x, y - half], 1), np.stack([x, y + half], 1)[::-1]])
    ends = np.array([[inner_x, inner_y], [outer_x, outer_y]])
    mirror = np.array([side, 1.0])
    return edge * mirror, ends * mirror


def _mouth(who: Identity, face: Muscles, pose: Pose) -> Mouth:
    press = max(0.0, face.lip_press)
    gap = 0.36 * pose.opening * (1 - 0.35 * press) + 0.20 * face.jaw_drop * (1 - 0.4 * pose.opening)
    gap += 0.05 * face.lip_raise + 0.05 * face.corner_pull
    wide = 1 + 0.30 * face.corner_pull + 0.24 * face.lip_stretch - 0.20 * face.pucker - 0.06 * press
    speech = 1 + 0.17 * pose.spread * (1 - 0.35 * press - 0.25 * face.lip_stretch)
    half = who.mouth_width * wide * speech * (1 - 0.10 * pose.opening)
    lift = 0.17 * face.corner_pull - 0.15 * face.corner_depress
    thick = who.lip * (1 - 0.4 * press) * (1 - 0.12 * face.lip_stretch)
    line = who.mouth_height - lift * (_S**2 - 0.4) - 0.03 * face.lip_raise
    full = np.sqrt(np.clip(_ARCH, 0.0, 1.0))
    inner_upper = line - (0.3 * gap + 0.05 * face.lip_raise) * _ARCH
    inner_lower = line + 0.7 * gap * full
    cupid = 1.0 - 0.22 * np.exp(-((_S / 0.12) ** 2))
    outer_upper = inner_upper - 0.085 * thick * full * cupid * (1 + 0.2 * face.lip_raise)
    outer_lower = inner_lower + 0.115 * thick * full
    xs = half * _S
    edges = [np.stack([xs, y], axis=1) for y in (outer_upper, inner_upper, inner_lower, outer_lower)]
    return Mouth(edges[0], edges[1], edges[2], edges[3], gap, half)


def _outline(who: Identity, chin: float) -> Curve:
    """The face's contour: a half ellipse above, a superellipse below that is squarer for a square jaw."""
    angle = np.linspace(0.0, 2 * np.pi, 72, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    below = sin > 0
    power = np.where(below, 2.0 / (1.95 + 0.75 * who.jaw), 1.0)
    x = who.face_width * np.sign(cos) * np.abs(cos) ** power
    y = 0.28 + np.where(below, chin - 0.28, 1.42) * np.sign(sin) * np.abs(sin) ** power
    return np.stack([x, y], axis=1)

"""The whole face as geometry at one instant, and its landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.face.states import FaceState
from spfem_bench.synthetic.face.units import INDEX
from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.picture.eyes import SIDE as LID
from spfem_bench.synthetic.picture.eyes import Brow, Eye, brow_of, eye_of
from spfem_bench.synthetic.picture.head import Head, dropped, head_of
from spfem_bench.synthetic.picture.mouth import SIDE as LIP
from spfem_bench.synthetic.picture.mouth import Mouth, mouth_of, opening_and_width
from spfem_bench.synthetic.picture.surface import Grid, Surface, depth_at
from spfem_bench.synthetic.picture.view import view_of

Floats = NDArray[np.float64]

_OUTER = np.array([-1.0, -0.62, -0.24, 0.0, 0.24, 0.62, 1.0])
_INNER = np.array([-0.9, -0.38, 0.0, 0.38, 0.9])
_LIDS = np.array([-1.0, -0.36, 0.36, 1.0])
_BROW = np.array([1.0, 0.75, 0.5, 0.25, 0.0])


REST = FaceState(units=np.zeros((16, 2)))
"""A face that does nothing."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What of a person does not change over time."""

    who: Identity
    surface: Surface
    head: Head


@dataclass(frozen=True, slots=True)
class Face:
    """One person at one instant, in head coordinates; pairs are image left and right."""

    depths: Grid
    eyes: tuple[Eye, Eye]
    brows: tuple[Brow, Brow]
    mouth: Mouth
    wings: tuple[float, float]


@lru_cache(maxsize=64)
def anatomy_of(who: Identity) -> Anatomy:
    """Made once for a person."""
    surface = Surface(who)
    return Anatomy(who, surface, head_of(who, surface.depths(REST)))


def face_of(anatomy: Anatomy, state: FaceState) -> Face:
    """The face at one instant."""
    who = anatomy.who
    return Face(
        depths=anatomy.surface.depths(state),
        eyes=(eye_of(who, state, -1), eye_of(who, state, 1)),
        brows=(brow_of(who, state, -1), brow_of(who, state, 1)),
        mouth=mouth_of(who, state),
        wings=(_wing_lift(state, 0), _wing_lift(state, 1)),
    )


def _wing_lift(state: FaceState, half: int) -> float:
    return float(0.045 * state.units[INDEX["AU9"], half] + 0.02 * state.units[INDEX["AU10"], half])


def landmarks(who: Identity, state: FaceState, size: int) -> Floats:
    """Where the painter puts the 68 points of iBUG 300-W.

    Args:
        who: the person.
        state: the instant.
        size: height and width of the frame in pixels.

    Returns:
        (68, 2) x and y in pixels, centres of pixels at whole numbers: jaw 0 to 16 from the image's left to
        its right, brows to 26, nose to 35, eyes to 47, outer lips to 59, inner lips to 67.
    """
    anatomy = anatomy_of(who)
    face = face_of(anatomy, state)
    jaw = dropped(anatomy.head.jaw, face.mouth.drop)
    flat = np.concatenate(
        [_brows(face), _nose(who, face), *(_eye(eye) for eye in face.eyes), _lips(face.mouth)]
    )
    return view_of(state, size).project(np.concatenate([jaw, depth_at(face.depths, flat)]))


def mouth(who: Identity, state: FaceState) -> tuple[float, float]:
    """Opening between the inner lips and width between the corners, seen from the front.

    Returns:
        both in inter-ocular distances of this person.
    """
    gap, width = opening_and_width(mouth_of(who, state))
    return gap / who.eye_spacing, width / who.eye_spacing


def _at(curve: Floats, places: Floats, along: Floats) -> Floats:
    return np.stack([np.interp(places, along, curve[:, k]) for k in (0, 1)], axis=1)


def _brows(face: Face) -> Floats:
    along = np.linspace(0, 1, len(face.brows[0].line))
    left, right = (_at(brow.line, _BROW[::-1], along) for brow in face.brows)
    return np.concatenate([left[::-1], right])


def _nose(who: Identity, face: Face) -> Floats:
    length = who.nose_length
    bridge = np.stack([np.zeros(4), np.linspace(0.03, length - 0.10, 4)], axis=1)
    left, right = face.wings
    lift = np.array([left, left, 0.5 * (left + right), right, right])
    x = who.nose_width * np.array([-0.92, -0.45, 0.0, 0.45, 0.92])
    return np.concatenate(
        [bridge, np.stack([x, length + np.array([0.0, 0.02, 0.035, 0.02, 0.0]) - lift], axis=1)]
    )


def _eye(eye: Eye) -> Floats:
    upper, lower = _at(eye.upper, _LIDS, LID), _at(eye.lower, _LIDS[1:3][::-1], LID)
    return np.concatenate([upper, lower])


def _lips(mouth: Mouth) -> Floats:
    outer = _at(mouth.outer_upper, _OUTER, LIP), _at(mouth.outer_lower, _OUTER[-2:0:-1], LIP)
    inner = _at(mouth.inner_upper, _INNER, LIP), _at(mouth.inner_lower, _INNER[-2:0:-1], LIP)
    return np.concatenate([*outer, *inner])

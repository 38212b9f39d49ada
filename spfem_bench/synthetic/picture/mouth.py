"""The mouth: lips as a sum of what muscles and speech do to them, teeth and tongue behind.

Every displacement is a sum of one term for the action units and one for the articulation, so speech moves the
lips by the same amount under every expression, except that the lips cannot pass through each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.face.states import FaceState
from spfem_bench.synthetic.face.units import INDEX, UNITS
from spfem_bench.synthetic.people.identity import Identity

Floats = NDArray[np.float64]

MOVES: dict[str, tuple[float, float, float, float, float, float]] = {
    # corners out, corners down, upper lip up, lower lip down, upper lip thicker, lower lip thicker
    "AU6": (0.01, -0.015, 0.0, 0.0, 0.0, 0.0),
    "AU9": (0.0, 0.0, 0.05, -0.01, 0.0, 0.0),
    "AU10": (0.015, 0.01, 0.10, -0.015, -0.08, 0.0),
    "AU12": (0.115, -0.150, 0.015, -0.005, -0.25, -0.20),
    "AU15": (0.02, 0.140, -0.015, -0.01, 0.0, 0.05),
    "AU17": (-0.015, 0.02, 0.045, -0.055, -0.05, 0.20),
    "AU18": (-0.150, 0.0, 0.0, 0.0, 0.35, 0.30),
    "AU20": (0.135, 0.045, -0.01, 0.045, -0.22, -0.15),
    "AU23": (-0.045, 0.005, -0.012, -0.012, -0.50, -0.48),
    "AU25": (0.0, 0.0, 0.060, 0.075, 0.0, 0.0),
    "AU26": (-0.03, 0.045, 0.02, 0.30, 0.0, 0.0),
}
"""What each unit at activation 1 does: inter-ocular distances, and shares of the lip's thickness."""

COUNT = 25
SIDE = np.linspace(-1.0, 1.0, COUNT)
"""Places along a lip from the image's left corner to the right one."""

_BULGE = 1 - SIDE**2
_FLESH = _BULGE**0.6
_TABLE = np.array([MOVES.get(name, (0.0,) * 6) for name in UNITS])
_RIGHT = np.clip(0.5 + SIDE / 0.8, 0, 1)
_THINNEST = 0.12


@dataclass(frozen=True, slots=True)
class Mouth:
    """Curves (25, 2) from the image's left corner to the right one, head coordinates without depth.

    Args:
        outer_upper: upper border of the upper lip.
        inner_upper: lower border of the upper lip.
        inner_lower: upper border of the lower lip.
        outer_lower: lower border of the lower lip.
        drop: of the jaw.
        tongue: 0 to 1, tip raised.
    """

    outer_upper: Floats
    inner_upper: Floats
    inner_lower: Floats
    outer_lower: Floats
    drop: float
    tongue: float


def jaw_drop(state: FaceState) -> float:
    """How far the chin goes down."""
    muscles = 0.27 * state.units[INDEX["AU26"]].mean() - 0.02 * state.units[INDEX["AU17"]].mean()
    return float(muscles + 0.20 * state.jaw * (1 - 0.6 * min(state.close, 1.0)))


def mouth_of(who: Identity, state: FaceState) -> Mouth:
    """The mouth at one instant."""
    left, right = state.units.T @ _TABLE + spoken(state)
    move = left[:, None] * (1 - _RIGHT) + right[:, None] * _RIGHT
    x = (who.lip_width + move[0]) * SIDE
    line = who.mouth_height + move[1] * SIDE**2 - 0.012 * np.cos(2 * np.pi * SIDE)
    upper, lower = line - move[2] * _BULGE, line + move[3] * _BULGE
    upper, lower = _kept_apart(upper, lower)
    bow = 1 - who.cupid_bow * np.exp(-((SIDE / 0.14) ** 2)) - 0.35 * np.clip(np.abs(SIDE) - 0.3, 0, 1)
    high = who.lip_upper * bow * np.maximum(1 + move[4], _THINNEST) * _FLESH
    low = who.lip_lower * np.maximum(1 + move[5], _THINNEST) * _FLESH
    above, over, under, below = (np.stack([x, y], axis=1) for y in (upper - high, upper, lower, lower + low))
    return Mouth(above, over, under, below, jaw_drop(state), state.tongue)


def spoken(state: FaceState) -> Floats:
    """(6,) what the articulation alone does, in the columns of `MOVES`."""
    jaw = state.jaw * (1 - min(state.close, 1.0))
    wide, forward, shut, tuck = state.width, state.protrude, state.close, state.tuck
    return np.array(
        [
            0.095 * wide - 0.065 * forward - 0.02 * jaw,
            0.03 * jaw,
            0.035 * jaw + 0.02 * forward - 0.05 * shut + 0.035 * tuck,
            0.25 * jaw + 0.02 * forward - 0.13 * shut - 0.035 * tuck,
            -0.09 * wide + 0.28 * forward - 0.20 * shut,
            -0.09 * wide + 0.28 * forward - 0.18 * shut - 0.28 * tuck,
        ]
    )


def _kept_apart(upper: Floats, lower: Floats) -> tuple[Floats, Floats]:
    overlap = 0.5 * np.maximum(upper - lower, 0)
    return upper - overlap, lower + overlap


def opening_and_width(mouth: Mouth) -> tuple[float, float]:
    """Between the lips at the middle, and between the corners; in head coordinates."""
    middle = COUNT // 2
    gap = mouth.inner_lower[middle, 1] - mouth.inner_upper[middle, 1]
    return float(gap), float(np.hypot(*(mouth.outer_upper[-1] - mouth.outer_upper[0])))


def between(mouth: Mouth, top: Floats, bottom: Floats) -> tuple[Floats, Floats]:
    """Two curves (heights at the 25 places) cut to what can be seen between the lips."""
    upper, lower = mouth.inner_upper, mouth.inner_lower
    seen = [np.clip(y, upper[:, 1], lower[:, 1]) for y in (top, bottom)]
    return np.stack([upper[:, 0], seen[0]], axis=1), np.stack([upper[:, 0], seen[1]], axis=1)

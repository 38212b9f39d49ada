"""Eyes and brows as curves, and what their muscles do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.face.states import FaceState
from spfem_bench.synthetic.face.units import INDEX
from spfem_bench.synthetic.people.identity import Identity

Floats = NDArray[np.float64]

COUNT = 19
SIDE = np.linspace(-1.0, 1.0, COUNT)
BROW = np.linspace(0.0, 1.0, 17)
"""Places along a brow, from its inner end."""


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye; curves (19, 2) from the image's left corner to the right one.

    Args:
        upper: edge of the upper lid.
        lower: edge of the lower lid.
        fold: the crease over the upper lid.
        iris: centre.
        radius: of the iris.
        shut: 0 open to 1 closed.
        side: -1 for the eye at the image's left, 1 for the other.
    """

    upper: Floats
    lower: Floats
    fold: Floats
    iris: tuple[float, float]
    radius: float
    shut: float
    side: int


def eye_of(who: Identity, state: FaceState, side: int) -> Eye:
    """One eye at one instant; ``side`` is -1 at the image's left."""
    units = _Half(state, side)
    outer = SIDE * side
    centre = 0.5 * side * who.eye_spacing
    x = centre + who.eye_width * SIDE
    corners = -who.eye_tilt * outer
    lift = 1 + 0.42 * units["AU5"] - 0.34 * units["AU7"] - 0.16 * units["AU6"] - 0.16 * units["AU9"]
    inner_weight = np.clip(0.5 - 0.5 * outer, 0, 1)
    sag = 0.025 * units["AU4"] * inner_weight - 0.03 * units["AU1"] * inner_weight
    arch = (1 - np.abs(SIDE) ** 2.2) ** 0.85
    open_upper = corners - who.eye_open * max(lift, 0.25) * arch * (1 - 0.10 * outer) + sag * arch
    rise = 0.028 * units["AU7"] + 0.045 * units["AU6"] + 0.03 * units["AU9"] - 0.012 * units["AU5"]
    floor = corners + (0.55 * who.eye_open - rise) * (1 - SIDE**2) * (1 + 0.12 * outer)
    shut = min(max(state.blink, 0.0), 1.0)
    upper = np.minimum((1 - shut) * open_upper + shut * (floor - 0.004), floor - 0.004)
    # The fold follows the open lid; it flattens as the lid closes over the eye.
    fold = (
        open_upper - (who.lid_fold - 0.015 * units["AU5"]) * (0.6 + 0.4 * arch) + 0.25 * shut * who.lid_fold
    )
    gaze = (centre + 0.085 * state.gaze[0], -0.012 + 0.055 * state.gaze[1])
    high, low, crease = (np.stack([x, y], axis=1) for y in (upper, floor, fold))
    return Eye(high, low, crease, gaze, who.iris_size, shut, side)


@dataclass(frozen=True, slots=True)
class Brow:
    """One brow: its middle line (17, 2) from the inner end and its thickness (17,)."""

    line: Floats
    thickness: Floats
    side: int


def brow_of(who: Identity, state: FaceState, side: int) -> Brow:
    """One brow at one instant; ``side`` is -1 at the image's left."""
    units = _Half(state, side)
    inner = (1 - BROW) ** 1.3
    outer = np.sin(np.pi * np.clip(BROW, 0, 1) ** 0.8 * 0.62) ** 1.5
    x = (
        who.brow_inner
        + BROW * (0.86 - who.brow_inner)
        - (0.065 * units["AU4"] + 0.02 * units["AU9"]) * (1 - BROW)
    )
    arch = np.sin(np.pi * BROW**1.35) * (0.5 + 0.5 * BROW)
    up = who.brow_height + who.brow_arch * arch + who.brow_slope * BROW - 0.05 * BROW**3
    up += 0.145 * units["AU1"] * inner + 0.135 * units["AU2"] * outer + 0.02 * units["AU5"] * (1 - inner)
    up -= 0.125 * units["AU4"] * (1 - 0.75 * BROW) + 0.07 * units["AU9"] * inner + 0.012 * units["AU6"]
    thickness = who.brow_thickness * (0.85 + 0.5 * BROW - 1.15 * BROW**2.2)
    return Brow(np.stack([side * x, -np.maximum(up, 0.13)], axis=1), thickness, side)


class _Half:
    """Activations of one half of the face by name."""

    def __init__(self, state: FaceState, side: int) -> None:
        self._values = state.units[:, 0 if side < 0 else 1]

    def __getitem__(self, name: str) -> float:
        return float(self._values[INDEX[name]])

"""Lines and shadows that muscles draw on the skin, on top of those age has left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.face.states import FaceState
from spfem_bench.synthetic.face.units import INDEX
from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.picture.canvas import Canvas
from spfem_bench.synthetic.picture.curves import spline
from spfem_bench.synthetic.picture.eyes import Brow, Eye
from spfem_bench.synthetic.picture.mouth import Mouth

Floats = NDArray[np.float64]


class _Units:
    """Activations of one half of the face by name, at least 0."""

    def __init__(self, state: FaceState, half: int) -> None:
        self._values = state.units[:, half]

    def __getitem__(self, name: str) -> float:
        return max(float(self._values[INDEX[name]]), 0.0)


def paint_folds(
    canvas: Canvas,
    who: Identity,
    state: FaceState,
    eyes: tuple[Eye, Eye],
    brows: tuple[Brow, Brow],
    mouth: Mouth,
) -> None:
    """Everything, both halves."""
    for half, side in enumerate((-1, 1)):
        units = _Units(state, half)
        _forehead(canvas, who, units, brows[half], side)
        _frown(canvas, who, units, brows[half], side)
        _around_eye(canvas, who, units, eyes[half], side)
        _nasolabial(canvas, who, units, mouth, side)
        _mouth_corner(canvas, units, mouth, side)
    _nose_and_chin(canvas, who, state, mouth)


def _forehead(canvas: Canvas, who: Identity, units: _Units, brow: Brow, side: int) -> None:
    top = -who.hairline + 0.10
    for k in range(3):
        inner, outer = units["AU1"], units["AU2"]
        depth = 0.18 * (0.6 * inner + 0.4 * outer) + 0.10 * who.lines * (0.4 + 0.6 * inner)
        level = top + (k + 0.4) * min(0.10, max(brow.line[:, 1].min() - 0.05 - top, 0.0) / 3)
        x = side * np.linspace(-0.05, 0.30 + 0.28 * min(outer, 1.0), 9)
        bend = 0.05 * outer * (x / 0.6) ** 2 - 0.04 * inner * (1 - np.abs(x) / 0.6)
        canvas.crease(np.stack([x, level - bend], axis=1), 0.032, depth)


def _frown(canvas: Canvas, who: Identity, units: _Units, brow: Brow, side: int) -> None:
    depth = 0.46 * units["AU4"] + 0.14 * who.lines
    x, y = abs(brow.line[0, 0]), brow.line[0, 1]
    line = spline([(side * (0.55 * x), y - 0.13), (side * (0.42 * x), y), (side * (0.50 * x), y + 0.13)], 9)
    canvas.crease(line, 0.038, depth)
    if units["AU4"] > 0:
        under = np.add(brow.line[:9], (0, 0.075))
        canvas.crease(under, 0.085, 0.26 * units["AU4"])


def _around_eye(canvas: Canvas, who: Identity, units: _Units, eye: Eye, side: int) -> None:
    canvas.crease(eye.fold, 0.022, 0.42 + 0.15 * units["AU5"])
    bag = np.add(eye.lower, (0, 0.055))
    bag[:, 1] += 0.025 * (1 - np.linspace(-1, 1, len(bag)) ** 2)
    canvas.crease(bag, 0.050, 0.10 + 0.22 * who.eye_bags + 0.22 * units["AU6"] + 0.16 * units["AU7"])
    corner = eye.upper[-1 if side > 0 else 0]
    depth = 0.26 * units["AU6"] + 0.16 * who.lines * (0.4 + units["AU6"])
    for angle in (-0.42, 0.02, 0.46):
        away = np.linspace(0.05, 0.19, 6)
        line = corner + np.stack([side * away * np.cos(angle), away * np.sin(angle) + 0.01], axis=1)
        canvas.crease(line, 0.020, depth)


def _nasolabial(canvas: Canvas, who: Identity, units: _Units, mouth: Mouth, side: int) -> None:
    smile, sneer, raised = units["AU12"], units["AU9"], units["AU10"]
    depth = 0.07 + 0.20 * who.lines + 0.26 * smile + 0.24 * sneer + 0.24 * raised + 0.05 * units["AU6"]
    corner = mouth.outer_upper[-1 if side > 0 else 0]
    x, wing = abs(corner[0]), who.nose_width
    start = (side * (wing + 0.035), who.nose_length - 0.14 - 0.05 * sneer - 0.03 * raised)
    middle = (side * (0.48 * (wing + x) + 0.13 + 0.05 * smile), 0.5 * (start[1] + corner[1]) - 0.02)
    end = (side * (x + 0.075 + 0.03 * smile), corner[1] + 0.02 + 0.05 * smile)
    canvas.crease(spline([start, middle, end], 11), 0.048, min(depth, 0.52))


def _mouth_corner(canvas: Canvas, units: _Units, mouth: Mouth, side: int) -> None:
    x, y = mouth.outer_upper[-1 if side > 0 else 0]
    depth = 0.14 + 0.22 * units["AU12"] + 0.32 * units["AU15"] + 0.12 * units["AU20"]
    hook = 0.10 * units["AU15"]
    line = spline(
        [(x - side * 0.012, y - 0.03), (x + side * 0.018, y), (x + side * 0.012, y + 0.035 + hook)], 7
    )
    canvas.crease(line, 0.045, depth)


def _nose_and_chin(canvas: Canvas, who: Identity, state: FaceState, mouth: Mouth) -> None:
    both = state.units.mean(axis=1)
    wrinkle, chin = max(both[INDEX["AU9"]], 0.0), max(both[INDEX["AU17"]], 0.0)
    for k in range(3):
        x = np.linspace(-0.13, 0.13, 9)
        y = 0.02 + 0.07 * k - 1.6 * x**2 + 0.03
        canvas.crease(np.stack([x, y], axis=1), 0.030, 0.24 * wrinkle)
    lip = mouth.outer_lower[6:-6]
    canvas.crease(np.add(lip, (0, 0.035)), 0.060, 0.24 + 0.22 * chin)
    spots = [(-0.09, 0.0), (0.09, 0.02), (0.0, 0.05), (-0.05, -0.06), (0.06, -0.05)]
    level = who.chin_length - 0.17 + mouth.drop
    for x0, y0 in spots:
        x = np.linspace(-0.035, 0.035, 5) + x0
        canvas.crease(np.stack([x, level + y0 + 0 * x], axis=1), 0.036, 0.34 * chin)

"""Eyes, brows, nose and mouth, painted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.people.identity import Identity
from spfem_bench.synthetic.people.palette import IRIS, Colour, times
from spfem_bench.synthetic.picture.canvas import Canvas
from spfem_bench.synthetic.picture.curves import band, loop, ring, tapered
from spfem_bench.synthetic.picture.eyes import SIDE as LID
from spfem_bench.synthetic.picture.eyes import Brow, Eye
from spfem_bench.synthetic.picture.mouth import SIDE as LIP
from spfem_bench.synthetic.picture.mouth import Mouth, between
from spfem_bench.synthetic.picture.tints import Tints

Floats = NDArray[np.float64]

_SCLERA: Colour = (222.0, 214.0, 208.0)
_PUPIL: Colour = (14.0, 12.0, 14.0)
_GLINT: Colour = (250.0, 250.0, 250.0)
_INTERIOR: Colour = (60.0, 20.0, 22.0)
_THROAT: Colour = (26.0, 9.0, 12.0)
_TONGUE: Colour = (178.0, 86.0, 86.0)
_EYE, _WET = 225, 160
"""Shares of the head's light that shade eyes and what is inside the mouth."""

_LID_ARCH = 1 - LID**2
_LIP_ARCH = 1 - LIP**2
_PARTED = 0.012


def paint_eye(canvas: Canvas, who: Identity, eye: Eye, tints: Tints) -> None:
    """An eye with its lids and lashes."""
    canvas.fill(loop(eye.fold, eye.upper), tints.lid)
    canvas.fill(loop(eye.upper, eye.lower), _SCLERA, _EYE)
    shade = _lowered(eye.upper, 0.032 * _LID_ARCH, eye.lower)
    canvas.fill(loop(eye.upper, shade), times(_SCLERA, 0.70), _EYE)
    if eye.shut < 0.97:
        _iris(canvas, who, eye)
    inner = eye.lower[-2 if eye.side < 0 else 1] - (0.0, 0.004)
    canvas.fill(ring((float(inner[0]), float(inner[1])), (0.02, 0.011), 10), tints.caruncle, _EYE)
    _lashes(canvas, who, eye, tints)


def _iris(canvas: Canvas, who: Identity, eye: Eye) -> None:
    colour, (x, y), radius = IRIS[who.iris], eye.iris, eye.radius
    canvas.fill(_disc(eye, (x, y), radius), times(colour, 0.45), _EYE)
    canvas.fill(_disc(eye, (x, y), 0.86 * radius), colour, _EYE)
    canvas.fill(_disc(eye, (x, y + 0.34 * radius), 0.48 * radius), times(colour, 1.5), _EYE)
    canvas.fill(_disc(eye, (x, y), 0.45 * radius), _PUPIL, _EYE)
    canvas.fill(_disc(eye, (x - 0.36 * radius, y - 0.36 * radius), 0.027), _GLINT, 40)


def _disc(eye: Eye, centre: tuple[float, float], radius: float) -> Floats:
    """What of a disc can be seen between the lids."""
    points = ring(centre, (radius, radius), 24)
    across = eye.upper[:, 0]
    points[:, 0] = np.clip(points[:, 0], across[0], across[-1])
    top = np.interp(points[:, 0], across, eye.upper[:, 1])
    bottom = np.interp(points[:, 0], across, eye.lower[:, 1])
    points[:, 1] = np.clip(points[:, 1], top, bottom)
    return points


def _lashes(canvas: Canvas, who: Identity, eye: Eye, tints: Tints) -> None:
    outer = np.clip(LID * eye.side, -1, 1)
    width = (0.026 + 0.014 * who.makeup) * (0.75 + 0.45 * outer) * (0.35 + 0.65 * _LID_ARCH**0.3)
    canvas.fill(band(eye.upper - np.stack([0 * LID, 0.3 * width], axis=1), width), tints.lash, 230)
    if who.makeup:
        end = eye.upper[-1 if eye.side > 0 else 0]
        tip = np.add(end, (0.055 * eye.side, -0.038))
        canvas.fill(
            np.stack([np.add(end, (-0.05 * eye.side, -0.012)), np.add(end, (0, 0.008)), tip]), tints.lash, 230
        )
    canvas.fill(band(eye.lower, 0.010 + 0.004 * who.makeup), times(tints.lid, 0.72), 230)


def paint_brow(canvas: Canvas, brow: Brow, tints: Tints) -> None:
    """A brow as a tapered shape with hairs along it."""
    canvas.fill(band(brow.line, 0.86 * brow.thickness), tints.brow)
    root = brow.line[1:-2]
    half = 0.5 * brow.thickness[1:-2, None]
    lean = np.linspace(0.15, 1.1, len(root))[:, None]
    along = np.concatenate([lean * brow.side, -1.25 * (1.2 - lean)], axis=1)
    low = root + half * np.array([0.0, 0.85])
    for start, shade in ((low, 0.72), (root, 1.18)):
        ends = start + 1.3 * half * along
        lines = np.stack([canvas.lift(start), canvas.lift(ends)], axis=1)
        canvas.strokes(lines, times(tints.brow, shade), 0.011)


def paint_nose(canvas: Canvas, who: Identity, lift: tuple[float, float], tints: Tints) -> None:
    """Nostrils and wings; ``lift`` is how far each wing goes up."""
    for k, side in enumerate((-1, 1)):
        base = who.nose_length - lift[k]
        wide = who.nose_width
        centre = (side * 0.47 * wide, base - 0.008)
        hole = ring((0.0, 0.0), (1.3 * who.nostril, 0.62 * who.nostril), 14)
        hole[:, 1] -= 0.30 * side * hole[:, 0]
        canvas.fill(hole + centre, tints.nostril)
        wing = np.array([(0.80, -0.15), (1.02, -0.10), (1.08, -0.03), (0.92, 0.015), (0.72, 0.0)])
        canvas.crease(np.stack([side * wide * wing[:, 0], base + wing[:, 1]], axis=1), 0.042, 0.55)


def paint_mouth(canvas: Canvas, who: Identity, mouth: Mouth, tints: Tints) -> None:
    """Lips, and between them teeth, tongue and the dark of the mouth."""
    gap = float((mouth.inner_lower[:, 1] - mouth.inner_upper[:, 1]).max())
    canvas.fill(loop(mouth.inner_upper, mouth.inner_lower), _INTERIOR, _WET)
    if gap > _PARTED:
        _inside(canvas, who, mouth, gap)
    canvas.fill(loop(mouth.outer_upper, mouth.inner_upper), tints.upper_lip)
    canvas.fill(loop(mouth.inner_lower, mouth.outer_lower), tints.lower_lip)
    _gloss(canvas, mouth, tints)
    edge = 0.018 * (0.35 + 0.65 * _LIP_ARCH)
    canvas.fill(band(mouth.inner_upper, edge), tints.lip_line)


def _inside(canvas: Canvas, who: Identity, mouth: Mouth, gap: float) -> None:
    rest = who.mouth_height
    low, down = rest + mouth.drop, 0.035 * _LIP_ARCH
    deep = between(mouth, rest + 0.09 + 0 * LIP, low + 0.02 - 0.06 * _LIP_ARCH)
    if gap > 0.08:
        canvas.fill(loop(*deep), _THROAT, _WET)
    white = (242 * who.teeth, 236 * who.teeth, 222 * who.teeth)
    _teeth(
        canvas,
        between(mouth, rest + 0.015 + 0.9 * down, low + 0.2 + 0 * LIP),
        white,
        0.82,
        upper=False,
        at=low,
    )
    _tongue(canvas, mouth, low)
    _teeth(canvas, between(mouth, rest - 0.3 + 0 * LIP, rest + 0.012 + down), white, 1.0, upper=True, at=rest)


def _teeth(
    canvas: Canvas, seen: tuple[Floats, Floats], white: Colour, tint: float, *, upper: bool, at: float
) -> None:
    top, bottom = seen
    if not upper:
        crown = at + 0.030 - 0.012 * _LIP_ARCH
        top = np.stack([top[:, 0], np.clip(crown, top[:, 1], bottom[:, 1])], axis=1)
    keep = slice(3, -3)
    canvas.fill(loop(top[keep], bottom[keep]), times(white, tint), _WET)
    gaps = np.stack([canvas.lift(top[5:-5:3]), canvas.lift(bottom[5:-5:3])], axis=1)
    canvas.strokes(gaps, times(white, 0.82 * tint), 0.006, _WET)


def _tongue(canvas: Canvas, mouth: Mouth, low: float) -> None:
    high = low + 0.055 - 0.075 * _LIP_ARCH - (0.05 + 0.75 * mouth.drop) * mouth.tongue * _LIP_ARCH
    top, bottom = between(mouth, high, low + 0.5 + 0 * LIP)
    keep = slice(6, -6)
    canvas.fill(loop(top[keep], bottom[keep]), _TONGUE, _WET)


def _gloss(canvas: Canvas, mouth: Mouth, tints: Tints) -> None:
    def inner(share: float, curve: Floats, other: Floats) -> Floats:
        return np.asarray((1 - share) * curve + share * other)

    keep = slice(5, -5)
    high, low = mouth.inner_lower[keep], mouth.outer_lower[keep]
    ease = 0.22 * (1 - tapered(len(high)))[:, None]
    canvas.fill(loop(high * (0.72 - ease) + low * (0.28 + ease), inner(0.52, high, low)), tints.lip_shine)
    bow_high, bow_low = mouth.outer_upper[keep], mouth.inner_upper[keep]
    canvas.fill(loop(inner(0.05, bow_high, bow_low), inner(0.35, bow_high, bow_low)), tints.lower_lip)


def _lowered(curve: Floats, by: Floats, floor: Floats) -> Floats:
    return np.stack([curve[:, 0], np.minimum(curve[:, 1] + by, floor[:, 1])], axis=1)

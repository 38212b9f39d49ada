"""Looks of one person: parameters drawn independently of each other, from a seed and an index.

Lengths are in inter-ocular distances of the mean person (about 63 mm), measured on the frontal face.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.people.palette import CLOTH, FRAMES, HAIR, IRIS

RANGES: Mapping[str, tuple[float, float]] = {
    "head_width": (0.95, 1.14),
    "crown": (1.16, 1.34),
    "forehead": (-0.06, 0.05),
    "cheekbone": (-0.05, 0.05),
    "jaw_width": (0.68, 0.94),
    "jaw_height": (-0.09, 0.09),
    "chin_length": (1.40, 1.60),
    "chin_width": (0.14, 0.34),
    "tone": (0.0, 1.0),
    "undertone": (-1.0, 1.0),
    "freckles": (-1.2, 1.0),
    "moles": (0.0, 1.0),
    "lines": (0.0, 1.0),
    "blush": (0.0, 1.0),
    "gloss": (0.3, 1.0),
    "eye_spacing": (0.92, 1.08),
    "eye_width": (0.20, 0.265),
    "eye_open": (0.095, 0.150),
    "eye_tilt": (-0.03, 0.06),
    "lid_fold": (0.025, 0.085),
    "eye_bags": (0.0, 1.0),
    "iris_size": (0.088, 0.108),
    "brow_thickness": (0.035, 0.105),
    "brow_arch": (0.0, 0.10),
    "brow_height": (0.27, 0.40),
    "brow_inner": (0.17, 0.31),
    "brow_slope": (-0.05, 0.07),
    "nose_length": (0.52, 0.72),
    "nose_width": (0.155, 0.265),
    "nose_bridge": (0.5, 1.5),
    "nose_tip": (0.5, 1.5),
    "nostril": (0.025, 0.05),
    "lip_upper": (0.045, 0.115),
    "lip_lower": (0.065, 0.150),
    "lip_width": (0.31, 0.45),
    "cupid_bow": (0.0, 0.45),
    "mouth_height": (0.88, 1.02),
    "lip_red": (0.0, 1.0),
    "ear_size": (0.19, 0.30),
    "ear_angle": (0.0, 1.0),
    "hair_volume": (0.6, 1.4),
    "hairline": (0.78, 0.98),
    "hair_shade": (0.8, 1.25),
    "part": (-1.0, 1.0),
    "beard_density": (0.45, 1.0),
    "glasses_size": (0.85, 1.15),
    "teeth": (0.86, 1.0),
    "shoulders": (1.45, 1.85),
}
"""Lowest and highest value of each numeric parameter; draws are uniform between."""

HAIR_STYLES: Mapping[str, tuple[float, float]] = {
    "bald": (1.0, 0.05),
    "buzz": (1.2, 0.15),
    "crop": (1.4, 0.3),
    "parted": (1.4, 0.4),
    "quiff": (1.2, 0.2),
    "receding": (0.8, 0.0),
    "curly": (1.1, 0.9),
    "afro": (0.6, 0.8),
    "long": (0.3, 1.5),
    "wavy": (0.3, 1.5),
    "bob": (0.0, 1.4),
    "bun": (0.2, 1.2),
    "ponytail": (0.1, 1.2),
    "scarf": (0.0, 0.8),
}
"""How often a masculine and a feminine presentation wear each style."""

FACIAL_HAIR: Mapping[str, float] = {
    "none": 3.0,
    "stubble": 1.2,
    "moustache": 0.7,
    "goatee": 0.8,
    "beard": 1.2,
    "full beard": 0.7,
}
"""How often a masculine presentation wears each kind; the feminine one wears none."""

GLASSES: Mapping[str, float] = {"none": 5.0, "round": 1.0, "square": 1.0, "half-rim": 0.7, "large": 0.7}
CLOTHES: tuple[str, ...] = ("crew", "v-neck", "shirt", "turtleneck", "jacket", "hood")

_DARK_HAIR = ("black", "dark brown", "grey", "white")
_DARK_EYES = ("dark", "brown", "hazel")


@dataclass(frozen=True, slots=True)
class Identity:
    """Looks of one person; `RANGES` bounds the numbers.

    Args:
        head_width: half width of the head at the temples.
        crown: height of the skull above the eyes.
        forehead: added to the half width of the forehead.
        cheekbone: added to the half width at the cheekbones.
        jaw_width: half width between the angles of the jaw.
        jaw_height: added to the height of the angles of the jaw; lower is squarer.
        chin_length: from the eyes to the chin.
        chin_width: half width of the chin; small is pointed.
        tone: of the skin, 0 lightest to 1 darkest.
        undertone: -1 rosy to 1 olive.
        freckles: density, none below 0.
        moles: 0 to 1, up to five.
        lines: 0 smooth to 1 lined by age.
        blush: redness of the cheeks, 0 to 1.
        gloss: of the skin, 0 to 1.
        eye_spacing: between the pupils.
        eye_width: half width of the opening of an eye.
        eye_open: height of the upper lid over the line of the corners.
        eye_tilt: by which the outer corner is higher than the inner.
        lid_fold: height of the fold over the upper lid.
        eye_bags: 0 to 1.
        iris_size: radius.
        brow_thickness: at the inner end.
        brow_arch: height of the arch.
        brow_height: of the inner end over the eyes.
        brow_inner: of the inner end from the middle of the face.
        brow_slope: by which the outer end is higher than the inner.
        nose_length: from the eyes to the base of the nose.
        nose_width: half width at the wings.
        nose_bridge: height of the bridge as a factor.
        nose_tip: size of the tip as a factor.
        nostril: half width of a nostril.
        lip_upper: thickness.
        lip_lower: thickness.
        lip_width: half width of the mouth.
        cupid_bow: depth of the bow as a share of the upper lip.
        mouth_height: from the eyes to the line between the lips.
        lip_red: redness, 0 to 1.
        ear_size: half height.
        ear_angle: 0 flat to 1 protruding.
        hair_volume: as a factor.
        hairline: height over the eyes.
        hair_shade: factor on the brightness of the hair.
        part: -1 at the image's left to 1 at the right.
        beard_density: 0 to 1.
        glasses_size: as a factor.
        teeth: brightness, 0 to 1.
        shoulders: half width.
        hair: a key of `HAIR_STYLES`.
        hair_colour: a key of `palette.HAIR`.
        iris: a key of `palette.IRIS`.
        facial_hair: a key of `FACIAL_HAIR`.
        glasses: a key of `GLASSES`.
        glasses_colour: index into `palette.FRAMES`.
        clothes: one of `CLOTHES`.
        cloth: index into `palette.CLOTH`.
        second_cloth: of shirts under jackets and of scarves; index into `palette.CLOTH`.
        makeup: 0 none, 1 lashes and lips made up.
        key: seeds what has no parameter: places of moles, strands of hair.
    """

    head_width: float
    crown: float
    forehead: float
    cheekbone: float
    jaw_width: float
    jaw_height: float
    chin_length: float
    chin_width: float
    tone: float
    undertone: float
    freckles: float
    moles: float
    lines: float
    blush: float
    gloss: float
    eye_spacing: float
    eye_width: float
    eye_open: float
    eye_tilt: float
    lid_fold: float
    eye_bags: float
    iris_size: float
    brow_thickness: float
    brow_arch: float
    brow_height: float
    brow_inner: float
    brow_slope: float
    nose_length: float
    nose_width: float
    nose_bridge: float
    nose_tip: float
    nostril: float
    lip_upper: float
    lip_lower: float
    lip_width: float
    cupid_bow: float
    mouth_height: float
    lip_red: float
    ear_size: float
    ear_angle: float
    hair_volume: float
    hairline: float
    hair_shade: float
    part: float
    beard_density: float
    glasses_size: float
    teeth: float
    shoulders: float
    hair: str
    hair_colour: str
    iris: str
    facial_hair: str
    glasses: str
    glasses_colour: int
    clothes: str
    cloth: int
    second_cloth: int
    makeup: int
    key: int


def identity_of(speaker: int, seed: int = 0) -> Identity:
    """The looks of the person of this index.

    Args:
        speaker: index, 0 or more.
        seed: of the population.
    """
    draw = generator(seed, 21, speaker)
    numbers = {name: float(draw.uniform(low, high)) for name, (low, high) in RANGES.items()}
    return Identity(**numbers, **_kinds(draw, numbers["tone"]))  # type: ignore[arg-type]


def _kinds(draw: np.random.Generator, tone: float) -> dict[str, str | int]:
    """What is of a kind rather than a number; hair and eyes follow the skin's tone as they do in people."""
    feminine = bool(draw.random() < 0.5)
    styles = {name: odds[int(feminine)] for name, odds in HAIR_STYLES.items()}
    beards = {"none": 1.0} if feminine else FACIAL_HAIR
    hair = [name for name in HAIR if tone < 0.5 or name in _DARK_HAIR]
    eyes = [name for name in IRIS if tone < 0.45 or name in _DARK_EYES]
    return {
        "hair": _pick(draw, styles),
        "hair_colour": _pick(draw, {name: 0.45 if name in ("grey", "white") else 1.0 for name in hair}),
        "iris": _pick(draw, dict.fromkeys(eyes, 1.0)),
        "facial_hair": _pick(draw, beards),
        "glasses": _pick(draw, GLASSES),
        "glasses_colour": int(draw.integers(len(FRAMES))),
        "clothes": CLOTHES[int(draw.integers(len(CLOTHES)))],
        "cloth": int(draw.integers(len(CLOTH))),
        "second_cloth": int(draw.integers(len(CLOTH))),
        "makeup": int(feminine and draw.random() < 0.6),
        "key": int(draw.integers(2**31)),
    }


def _pick(draw: np.random.Generator, odds: Mapping[str, float]) -> str:
    edges = np.cumsum(list(odds.values()))
    return list(odds)[int(np.searchsorted(edges, draw.random() * edges[-1], side="right"))]


def traits(who: Identity) -> NDArray[np.float64]:
    """The numeric parameters in the order of `RANGES`, (48,), each from -1 (lowest) to 1 (highest)."""
    return np.array(
        [2 * (getattr(who, name) - low) / (high - low) - 1 for name, (low, high) in RANGES.items()]
    )


def blend(first: Identity, second: Identity, share: float) -> Identity:
    """A person between two others.

    Args:
        first: all of it at ``share`` 0.
        second: all of it at ``share`` 1.
        share: numbers are interpolated; kinds change over at 0.5.
    """
    near = second if share >= 0.5 else first

    def value(name: str) -> float | str | int:
        if name not in RANGES:
            kind: str | int = getattr(near, name)
            return kind
        return float((1 - share) * getattr(first, name) + share * getattr(second, name))

    return Identity(**{item.name: value(item.name) for item in fields(Identity)})  # type: ignore[arg-type]

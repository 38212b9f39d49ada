"""Who is shown: shapes, colours and voice of one rendered person, from a seed and an index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
"""RGB, 0 to 255."""

SKIN_LIGHT: Colour = (250.0, 212.0, 184.0)
SKIN_DEEP: Colour = (158.0, 109.0, 80.0)
HAIR: tuple[Colour, ...] = (
    (36, 30, 34),
    (72, 46, 34),
    (98, 48, 26),
    (124, 128, 140),
    (44, 84, 104),
    (84, 62, 96),
    (222, 222, 220),
)
IRIS: tuple[Colour, ...] = ((78, 48, 30), (58, 104, 140), (70, 112, 74), (96, 92, 88))
TRAITS = 20
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)
_PHI = np.sqrt(np.array(_PRIMES, np.float64)) % 1.0


@dataclass(frozen=True, slots=True)
class Identity:
    """One person. Lengths are in face units: the mean distance between two eyes is 1.

    Args:
        skin, hair, brow, iris, clothes, backdrop: colours, RGB 0 to 255.
        eye_distance: between the eye centres.
        eye_size: half-width of an eye.
        brow_thickness, brow_height: of the resting brow, height above the eye centre.
        face_width: half-width of the face at the cheeks.
        jaw: 0 pointed to 1 square.
        chin: of the chin below the eye line.
        nose_length: of the nose tip below the eye line.
        mouth_height: of the mouth below the eye line.
        mouth_width: half-width of the resting mouth.
        lip: fullness, 1 on average.
        hair_style: 0 short, 1 side parting, 2 long.
        expressivity: how far this person's muscles go, 1 on average.
        pitch: mean fundamental frequency of the voice in Hz.
        tract: factor on formants.
        rate: speaking rate, 1 on average.
    """

    skin: Colour
    hair: Colour
    brow: Colour
    iris: Colour
    clothes: Colour
    backdrop: Colour
    eye_distance: float
    eye_size: float
    brow_thickness: float
    brow_height: float
    face_width: float
    jaw: float
    chin: float
    nose_length: float
    mouth_height: float
    mouth_width: float
    lip: float
    hair_style: int
    expressivity: float
    pitch: float
    tract: float
    rate: float


def identity_of(speaker: int, seed: int = 0) -> Identity:
    """The person of this index. Neighbouring indices are spread over the trait space, so few look alike.

    Args:
        speaker: index, 0 or more.
        seed: of the population.
    """
    trait = _traits(speaker, seed)
    hair = HAIR[int(trait[1] * len(HAIR))]
    voice = trait[17]
    return Identity(
        skin=_mix(SKIN_LIGHT, SKIN_DEEP, trait[0]),
        hair=hair,
        brow=_dark(hair),
        iris=IRIS[int(trait[2] * len(IRIS))],
        clothes=_cool(trait[3], 0.30 + 0.35 * trait[4]),
        backdrop=_cool(trait[5], 0.60 + 0.25 * trait[6]),
        eye_distance=0.93 + 0.14 * trait[7],
        eye_size=0.225 + 0.06 * trait[8],
        brow_thickness=0.07 + 0.06 * trait[9],
        brow_height=0.37 + 0.04 * trait[10],
        face_width=1.02 + 0.16 * trait[11],
        jaw=float(trait[12]),
        chin=1.66 + 0.16 * trait[13],
        nose_length=0.62 + 0.12 * trait[14],
        mouth_height=1.10 + 0.12 * trait[15],
        mouth_width=0.38 + 0.08 * trait[16],
        lip=0.80 + 0.45 * trait[18],
        hair_style=int(trait[19] * 3),
        expressivity=0.88 + 0.24 * trait[4],
        pitch=95.0 + 130.0 * voice,
        tract=0.95 + 0.15 * voice,
        rate=0.92 + 0.16 * trait[6],
    )


def generator(*key: int) -> np.random.Generator:
    """A random stream of its own for each key, the same on every platform."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def _traits(speaker: int, seed: int) -> NDArray[np.float64]:
    """(TRAITS,) in [0, 1): an additive recurrence over the index, with a seeded start and a little jitter."""
    start = generator(seed, 1).random(TRAITS)
    jitter = 0.08 * generator(seed, 2, speaker).random(TRAITS)
    return np.asarray((start + speaker * _PHI + jitter) % 1.0)


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (a + (b - a) * float(share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _dark(colour: Colour) -> Colour:
    """The same hue at a luma of at most 58: brows are always darker than any skin."""
    luma = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    factor = min(1.0, 58.0 / luma)
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _cool(hue: float, value: float) -> Colour:
    """A muted colour between green-grey and violet-grey: never warm, so that it is never taken for skin."""
    base = 255.0 * value
    return base * (0.78 + 0.06 * hue), base * (0.98 - 0.14 * hue), base * (0.94 + 0.06 * hue)

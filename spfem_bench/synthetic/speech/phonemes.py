"""The phonemes of American English: how long each lasts, how it is made, where its formants lie.

Durations: inherent and minimum, in milliseconds, as in the rule system of MITalk (Allen, Hunnicutt and Klatt
1987, after Klatt 1976 and 1979). Formants of vowels: men's means of Peterson and Barney (1952), diphthongs as
glides between them; of consonants: loci after Klatt (1980), rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["vowel", "glide", "liquid", "nasal", "stop", "fricative", "affricate", "aspirate", "silence"]
Formants = tuple[float, float, float]

SILENCE = "SIL"


@dataclass(frozen=True, slots=True)
class Phoneme:
    """One phoneme.

    Args:
        kind: manner of articulation.
        inherent: duration where nothing shortens or lengthens it, in seconds.
        minimum: it is never shorter at an ordinary rate, in seconds.
        voiced: whether the vocal folds vibrate.
        formants: F1, F2, F3 in Hz of a man's voice, at the start.
        glide: the same at the end; equal to ``formants`` where the sound is steady.
        hold: 0 to 1, how far the sound keeps its own formants beside its neighbours' (1 a vowel).
    """

    kind: Kind
    inherent: float
    minimum: float
    voiced: bool
    formants: Formants
    glide: Formants
    hold: float


def _vowel(inherent: int, minimum: int, formants: Formants, glide: Formants | None = None) -> Phoneme:
    return Phoneme("vowel", inherent / 1e3, minimum / 1e3, True, formants, glide or formants, 1.0)


def _consonant(
    kind: Kind, durations: tuple[int, int], formants: Formants, hold: float, voiced: bool = True
) -> Phoneme:
    return Phoneme(kind, durations[0] / 1e3, durations[1] / 1e3, voiced, formants, formants, hold)


PHONEMES: Mapping[str, Phoneme] = {
    "AA": _vowel(240, 100, (730, 1090, 2440)),
    "AE": _vowel(230, 80, (660, 1720, 2410)),
    "AH": _vowel(140, 60, (620, 1190, 2390)),
    "AO": _vowel(240, 100, (570, 840, 2410)),
    "AW": _vowel(260, 100, (730, 1250, 2440), (440, 900, 2300)),
    "AY": _vowel(250, 150, (730, 1150, 2440), (400, 1950, 2600)),
    "EH": _vowel(150, 70, (530, 1840, 2480)),
    "ER": _vowel(180, 80, (490, 1350, 1690)),
    "EY": _vowel(190, 100, (480, 1900, 2520), (330, 2200, 2750)),
    "IH": _vowel(135, 40, (390, 1990, 2550)),
    "IY": _vowel(155, 55, (270, 2290, 3010)),
    "OW": _vowel(220, 80, (520, 950, 2380), (370, 820, 2280)),
    "OY": _vowel(280, 150, (560, 850, 2410), (390, 1900, 2500)),
    "UH": _vowel(160, 60, (440, 1020, 2240)),
    "UW": _vowel(210, 70, (300, 870, 2240)),
    "W": _consonant("glide", (80, 60), (290, 640, 2150), 0.9),
    "Y": _consonant("glide", (80, 40), (260, 2200, 3000), 0.9),
    "R": _consonant("liquid", (80, 30), (320, 1080, 1450), 0.85),
    "L": _consonant("liquid", (80, 40), (340, 1050, 2800), 0.75),
    "M": _consonant("nasal", (70, 60), (280, 1000, 2200), 0.45),
    "N": _consonant("nasal", (60, 50), (280, 1650, 2600), 0.6),
    "NG": _consonant("nasal", (95, 60), (280, 2000, 2750), 0.5),
    "P": _consonant("stop", (90, 50), (300, 950, 2150), 0.45, voiced=False),
    "B": _consonant("stop", (85, 60), (220, 950, 2150), 0.45),
    "T": _consonant("stop", (75, 50), (300, 1750, 2600), 0.6, voiced=False),
    "D": _consonant("stop", (75, 50), (220, 1750, 2600), 0.6),
    "K": _consonant("stop", (80, 60), (300, 1900, 2500), 0.4, voiced=False),
    "G": _consonant("stop", (80, 60), (220, 1900, 2500), 0.4),
    "F": _consonant("fricative", (100, 80), (340, 1100, 2080), 0.45, voiced=False),
    "V": _consonant("fricative", (60, 40), (260, 1100, 2080), 0.45),
    "TH": _consonant("fricative", (90, 60), (320, 1350, 2540), 0.55, voiced=False),
    "DH": _consonant("fricative", (50, 30), (270, 1350, 2540), 0.55),
    "S": _consonant("fricative", (105, 60), (320, 1600, 2530), 0.65, voiced=False),
    "Z": _consonant("fricative", (75, 40), (260, 1600, 2530), 0.65),
    "SH": _consonant("fricative", (105, 80), (300, 1840, 2750), 0.7, voiced=False),
    "ZH": _consonant("fricative", (70, 40), (260, 1840, 2750), 0.7),
    "CH": _consonant("affricate", (120, 80), (300, 1800, 2750), 0.7, voiced=False),
    "JH": _consonant("affricate", (100, 70), (260, 1800, 2750), 0.7),
    "HH": _consonant("aspirate", (80, 20), (450, 1400, 2450), 0.0, voiced=False),
    SILENCE: Phoneme("silence", 0.0, 0.0, False, (500, 1500, 2500), (500, 1500, 2500), 0.0),
}
"""All phonemes, by their ARPAbet symbols without stress."""

SYMBOLS: tuple[str, ...] = tuple(PHONEMES)
"""Order of the phonemes wherever they are numbered; silence is last."""

NUMBER: Mapping[str, int] = {symbol: place for place, symbol in enumerate(SYMBOLS)}
"""Number of each phoneme."""


def is_vowel(symbol: str) -> bool:
    """Whether this is a vowel or diphthong."""
    return PHONEMES[symbol].kind == "vowel"

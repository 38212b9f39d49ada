"""What an emotion does to a voice, and whose voice it is.

Directions of the emotional changes after Murray and Arnott (1993, table 1) and Scherer (2003, table 2); the
sizes are this project's, at an intensity of 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from spfem_bench.errors import UsageError
from spfem_bench.synthetic.draws import generator


@dataclass(frozen=True, slots=True)
class Voice:
    """How one person sounds.

    Args:
        pitch: mean fundamental frequency in Hz.
        tract: factor of all formants: 1 for the men's means of the tables, up to about 1.2 for a short tract.
        breathiness: 0 to 1, share of breath noise and of an open glottis.
        jitter: spread of the period from one to the next, as a share.
        shimmer: spread of the amplitude, as a share.
        tilt: dB by which 3 kHz is weaker than the plain glottal pulse makes it.
        rate: speaking rate, 1 on average.
        lilt: factor of the pitch contour's range.
    """

    pitch: float
    tract: float
    breathiness: float
    jitter: float
    shimmer: float
    tilt: float
    rate: float
    lilt: float


@dataclass(frozen=True, slots=True)
class Prosody:
    """What the emotion changes; the defaults change nothing.

    Args:
        pitch: semitones added to the mean.
        reach: factor of the pitch contour's range.
        final: semitones by which the end of the sentence rises (negative: falls further).
        tempo: factor of the speaking rate.
        loudness: dB.
        tilt: dB at 3 kHz taken away (negative: a brighter, tenser voice).
        breath: added to the voice's breathiness.
        tremor: semitones of a 6 Hz wavering.
        spread: share by which smiling lips raise the formants.
    """

    pitch: float = 0.0
    reach: float = 1.0
    final: float = 0.0
    tempo: float = 1.0
    loudness: float = 0.0
    tilt: float = 0.0
    breath: float = 0.0
    tremor: float = 0.0
    spread: float = 0.0


_FULL: Mapping[str, Prosody] = {
    "neutral": Prosody(),
    "angry": Prosody(3.0, 1.5, -1.0, 1.08, 7.0, -7.0, -0.05, 0.0, 0.0),
    "disgusted": Prosody(-1.5, 1.1, -2.0, 0.86, -1.5, 1.0, 0.05, 0.0, -0.01),
    "fear": Prosody(5.0, 1.2, 0.5, 1.16, 1.0, -1.0, 0.15, 0.5, 0.0),
    "happy": Prosody(3.5, 1.7, 0.5, 1.06, 3.5, -3.0, 0.05, 0.0, 0.03),
    "sad": Prosody(-1.5, 0.55, -1.0, 0.84, -5.0, 4.0, 0.15, 0.1, 0.0),
    "surprised": Prosody(4.5, 1.8, 4.0, 0.97, 3.0, -2.0, 0.1, 0.0, 0.0),
}
_DEGREE = (0.0, 0.45, 0.72, 1.0)


def prosody_of(emotion: str, intensity: int = 3) -> Prosody:
    """The prosody of an emotion.

    Args:
        emotion: one of the seven of `spfem_bench.datasets.records.SPFEM_EMOTIONS`.
        intensity: 1 to 3.

    Raises:
        UsageError: there is no such emotion or intensity.
    """
    if emotion not in _FULL or not 1 <= intensity <= 3:
        known = ", ".join(_FULL)
        raise UsageError(
            f"no prosody for {emotion!r} at intensity {intensity}; give one of {known} and 1, 2 or 3"
        )
    full, rest, share = _FULL[emotion], Prosody(), _DEGREE[intensity]
    values = {f.name: (getattr(rest, f.name), getattr(full, f.name)) for f in fields(Prosody)}
    return Prosody(**{name: low + share * (high - low) for name, (low, high) in values.items()})


def voice_of(speaker: int, seed: int = 0) -> Voice:
    """The voice of the person of this index.

    Pitch and length of the vocal tract go together, as in people: low voices about 95 to 140 Hz with a long
    tract, high ones about 170 to 240 Hz with a short one (Peterson and Barney 1952: women's formants are on
    average about 1.17 times men's).

    Args:
        speaker: index, 0 or more.
        seed: of the population.
    """
    draw = generator(seed, 41, speaker)
    high = bool(draw.random() < 0.5)
    bend = np.clip(draw.standard_normal(5), -2.0, 2.0)
    return Voice(
        pitch=float((205.0 if high else 118.0) * np.exp(0.10 * bend[0])),
        tract=float((1.15 if high else 1.0) * np.exp(0.03 * bend[1])),
        breathiness=float((0.22 if high else 0.12) + 0.1 * draw.random()),
        jitter=float(0.004 + 0.006 * draw.random()),
        shimmer=float(0.02 + 0.04 * draw.random()),
        tilt=float(2.0 * bend[2]),
        rate=float(np.exp(0.08 * bend[3])),
        lilt=float(np.exp(0.2 * bend[4])),
    )

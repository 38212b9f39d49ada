"""A simple voice: a sentence is a timeline of syllables, sung by harmonics under three formants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.identity import Identity, generator

RATE = 16_000
"""Sampling rate of every rendered voice, in Hz."""

VOWELS = np.array(
    [(750, 1250, 2600), (480, 1900, 2550), (290, 2300, 3000), (470, 880, 2500), (310, 750, 2400)], np.float64
)
"""(5, 3) formants in Hz of a, e, i, o, u (rounded means of an adult voice, Peterson and Barney 1952)."""

_HARMONICS = 36
_CONTROL = 0.005


@dataclass(frozen=True, slots=True)
class Syllable:
    """Seconds from the sentence's start; ``onset`` 0 stop, 1 hiss, 2 nasal; ``vowel`` a row of `VOWELS`."""

    start: float
    end: float
    onset: int
    vowel: int
    stress: float


def sentence(index: int, seconds: float, rate: float = 1.0, seed: int = 0) -> tuple[Syllable, ...]:
    """The words of this index: the same syllables for everyone, at the speaker's own rate.

    Args:
        index: which sentence.
        seconds: length to fill, with 0.12 s of silence before and after.
        rate: the speaker's speaking rate.
        seed: of the population of sentences.
    """
    draw = generator(seed, 3, index)
    syllables: list[Syllable] = []
    time, before = 0.12, -1
    while True:
        vowel = int((before + 1 + draw.integers(len(VOWELS) - 1)) % len(VOWELS))
        length = (0.15 + 0.14 * draw.random()) / rate
        pause = (0.14 if draw.random() < 0.22 else 0.02) / rate
        onset, stress = int(draw.integers(3)), 0.65 + 0.35 * draw.random()
        if time + length > seconds - 0.12:
            return tuple(syllables)
        syllables.append(Syllable(time, time + length, onset, vowel, stress))
        time, before = time + length + pause, vowel


def speak(
    who: Identity, syllables: tuple[Syllable, ...], seconds: float, seed: int = 0
) -> NDArray[np.float32]:
    """The sentence in this person's voice: (N,) float32 mono in [-1, 1] at `RATE`.

    Args:
        who: gives pitch and length of the vocal tract.
        syllables: from `sentence`.
        seconds: length of the result.
        seed: of the noise in hisses and stops.
    """
    count = round(seconds * RATE)
    time = np.arange(count) / RATE
    control = np.arange(0.0, seconds + _CONTROL, _CONTROL)
    voiced, hiss, formants = _controls(syllables, control)
    pitch = who.pitch * (1.06 - 0.12 * control / seconds) * (1 + 0.03 * np.sin(2 * np.pi * 2.1 * control))
    tone = _harmonics(time, control, pitch, formants * who.tract) * np.interp(time, control, voiced)
    noise = np.diff(generator(seed, 4).standard_normal(count + 1)) * np.interp(time, control, hiss)
    wave = tone / max(float(np.abs(tone).max()), 1e-9) + 0.09 * noise
    return np.asarray(np.clip(0.6 * wave, -1.0, 1.0), np.float32)


def _controls(
    syllables: tuple[Syllable, ...], control: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Loudness of voice and of hiss (C,), and formants (C, 3), at the control times."""
    voiced, hiss = np.zeros_like(control), np.zeros_like(control)
    knots: list[float] = []
    rows: list[NDArray[np.float64]] = []
    for item in syllables:
        onset = item.start + 0.28 * (item.end - item.start)
        hiss[(control >= item.start) & (control < onset)] = (0.5, 1.0, 0.0)[item.onset]
        body = (control >= onset) & (control < item.end)
        voiced[body] = item.stress * np.sin(np.pi * (control[body] - onset) / (item.end - onset)) ** 0.5
        if item.onset == 2:
            voiced[(control >= item.start) & (control < onset)] = 0.22
        knots += [onset, item.end]
        rows += [VOWELS[item.vowel], VOWELS[item.vowel]]
    table = np.array(rows) if rows else VOWELS[:1]
    formants = np.stack([np.interp(control, knots or [0.0], table[:, k]) for k in range(3)], axis=1)
    return _smooth(voiced, 7), _smooth(hiss, 5), formants


def _harmonics(
    time: NDArray[np.float64],
    control: NDArray[np.float64],
    pitch: NDArray[np.float64],
    formants: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The sum of the first harmonics, each as loud as the formants let it be."""
    f0 = np.interp(time, control, pitch)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    wave = np.zeros_like(time)
    for k in range(1, _HARMONICS + 1):
        hertz = k * pitch[:, None]
        gain = (np.array([1.0, 0.6, 0.25]) / (1 + ((hertz - formants) / 90.0) ** 2)).sum(axis=1)
        gain = np.where(k * pitch < 0.45 * RATE, gain + 0.004, 0.0)
        wave += np.interp(time, control, gain) * np.sin(k * phase)
    return wave


def _smooth(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    return np.convolve(values, np.hanning(width + 2)[1:-1] / np.hanning(width + 2).sum(), mode="same")

"""The voice: glottal pulses and noise through a vocal tract, from the same timeline that moves the mouth.

Source and filter after Klatt (1980): a pulse by Rosenberg (1971, shape C) with jitter, shimmer and breath
goes through five resonances in cascade and, in nasals, a pole and a zero more; noise of fricatives and bursts
has a spectrum of its own. The filters change every 5 ms; they are applied to overlapping windows in the
frequency domain, which makes a voice some hundred times faster than it is spoken.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.speech.controls import STEP, Controls, controls
from spfem_bench.synthetic.speech.prosody import Prosody, Voice, prosody_of, voice_of
from spfem_bench.synthetic.speech.timeline import Timeline

__all__ = ["RATE", "Prosody", "Voice", "prosody_of", "speak", "voice_of"]

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

RATE = 16_000
"""Sampling rate of every rendered voice, in Hz."""

LEVEL = 0.07
"""Root mean square of the voiced stretches of a neutral voice, full scale being 1."""

_FLOOR = 3e-4
"""Root mean square of the microphone's noise, about -70 dB of full scale: no silence is digital zero."""

_HOP = round(STEP * RATE)
_WINDOW = 4 * _HOP
_LENGTH = 2 * _WINDOW
_HERTZ = np.fft.rfftfreq(_LENGTH, 1.0 / RATE)
_BANDWIDTHS = (70.0, 100.0, 160.0, 220.0, 300.0)
_UPPER = (3500.0, 4500.0)
_NASAL_POLE = 270.0
_HIGHER_POLES = 8.0
"""dB at 3 kHz that the resonances above the fifth would add (Fant 1960): the cascade leaves them out."""


def speak(spoken: Timeline, voice: Voice, prosody: Prosody, key: tuple[int, ...]) -> NDArray[np.float32]:
    """One take, said in one voice with one emotion.

    Args:
        spoken: what is said when; the prosody's tempo is already in it.
        voice: whose voice.
        prosody: what the emotion does.
        key: of the take: seeds noise, jitter and the accents' heights.

    Returns:
        (N,) float32 mono in [-1, 1] at `RATE`, N the timeline's seconds times `RATE`, rounded.
    """
    count = round(spoken.seconds * RATE)
    slow = controls(spoken, voice, prosody, key)
    breathiness = float(np.clip(voice.breathiness + prosody.breath, 0.02, 0.6))
    tone, opening = _pulses(slow, voice, breathiness, count, generator(*key, 2))
    noise = generator(*key, 3).standard_normal((3, count))
    time = np.arange(count) / RATE
    breath = noise[0] * (0.10 * breathiness * opening + np.interp(time, slow.time, slow.breath))
    hiss = noise[1] * np.interp(time, slow.time, slow.hiss)
    tract = _tract(slow, voice, breathiness, voice.tilt + prosody.tilt)
    voiced = _filtered(tone + 0.35 * breath, tract)
    scale = LEVEL * 10.0 ** (prosody.loudness / 20.0) / _level(voiced, slow.voicing)
    hissed = _filtered(hiss, _constriction(slow)) * LEVEL * 10.0 ** (0.7 * prosody.loudness / 20.0)
    return np.asarray(_limited(scale * voiced + 2.2 * hissed + _FLOOR * noise[2]), np.float32)


def _pulses(
    slow: Controls, voice: Voice, breathiness: float, count: int, draw: np.random.Generator
) -> tuple[Floats, Floats]:
    """(N,) change of the glottal flow from sample to sample, and how far the glottis is open."""
    time = np.arange(count) / RATE
    pitch = np.interp(time, slow.time, slow.pitch)
    cycles = np.cumsum(pitch) / RATE
    whole = np.floor(cycles)
    shimmer = 1.0 + voice.shimmer * np.clip(draw.standard_normal(int(whole[-1]) + 2), -2.5, 2.5)
    opening = _rosenberg(cycles - whole, 0.36 + 0.25 * breathiness, 0.12 + 0.2 * breathiness)
    strength = np.interp(time, slow.time, slow.voicing)
    flow = opening * shimmer[whole.astype(np.int64)] * strength
    return np.diff(flow, prepend=0.0) * (RATE / pitch) / 20.0, opening * strength


def _rosenberg(phase: Floats, rise: float, fall: float) -> Floats:
    """Glottal flow, 0 to 1, at phases of a cycle: opens over the share ``rise``, closes over ``fall``."""
    opening = 0.5 - 0.5 * np.cos(np.pi * phase / rise)
    closing = np.cos(0.5 * np.pi * np.minimum((phase - rise) / fall, 1.0))
    return np.where(phase < rise, opening, closing)


def _tract(slow: Controls, voice: Voice, breathiness: float, tilt: float) -> Complex:
    """(C, F) response of the vocal tract, lips and glottal tilt at each control instant."""
    upper = np.broadcast_to(np.array(_UPPER) * voice.tract, (len(slow.time), 2))
    formants = np.concatenate([slow.formants, upper], axis=1)
    widths = np.array(_BANDWIDTHS) * (1.0 + 0.8 * breathiness)
    response = np.ones((len(slow.time), len(_HERTZ)), np.complex128)
    for k in range(formants.shape[1]):
        response *= _resonance(formants[:, k], widths[k])
    pole = _resonance(np.full(len(slow.time), _NASAL_POLE), 100.0)
    nasal = pole / _resonance(slow.zero, 120.0)
    response *= 1.0 + slow.nasal[:, None] * (nasal - 1.0)
    response *= 1.0 - slow.bar[:, None] * (1.0 - 1.0 / (1.0 + (_HERTZ / 350.0) ** 2))
    return np.asarray(
        response * 10.0 ** ((_HIGHER_POLES - tilt) / 20.0 * np.minimum(_HERTZ / 3000.0, 1.4)), np.complex128
    )


def _resonance(frequency: Floats, width: float) -> Complex:
    """(C, F) response of a resonance of these frequencies and bandwidth in Hz; 1 at 0 Hz."""
    square = frequency[:, None] ** 2
    return np.asarray(square / (square - _HERTZ**2 + 1j * _HERTZ * width), np.complex128)


def _constriction(slow: Controls) -> Complex:
    """(C, F) spectrum of the noise at each control instant, of unit energy."""
    shape = np.exp(-0.5 * ((_HERTZ - slow.centre[:, None]) / slow.spread[:, None]) ** 2)
    return np.asarray(shape / np.sqrt((shape**2).mean(axis=1, keepdims=True)), np.complex128)


def _filtered(source: Floats, response: Complex) -> Floats:
    """The source through a filter that changes with time: windows of 20 ms, one every control instant."""
    count, blocks = len(source), len(response)
    padded = np.zeros((blocks + 4) * _HOP)
    padded[2 * _HOP : 2 * _HOP + count] = source
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:blocks]
    taper = 0.25 - 0.25 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    pieces = np.fft.irfft(np.fft.rfft(windows * taper, _LENGTH) * response, _LENGTH)
    shifts = _LENGTH // _HOP
    result = np.zeros((blocks + shifts, _HOP))
    for shift in range(shifts):
        result[shift : shift + blocks] += pieces[:, shift * _HOP : (shift + 1) * _HOP]
    return result.ravel()[2 * _HOP : 2 * _HOP + count]


def _level(wave: Floats, voicing: Floats) -> float:
    """Root mean square where the voice is on."""
    count = len(wave)
    on = np.repeat(voicing > 0.3, _HOP)[:count]
    return float(np.sqrt(np.mean(wave[on[: len(wave)]] ** 2))) if on.any() else 1.0


def _limited(wave: Floats) -> Floats:
    """Peaks above 0.7 bent towards 1, so that no voice clips."""
    size = np.abs(wave)
    bent = 0.7 + 0.3 * np.tanh((size - 0.7) / 0.3)
    return np.where(size > 0.7, np.sign(wave) * bent, wave)

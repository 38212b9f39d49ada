"""What moves the face over time: the mouth by the audio, the head and the lids by slow seeded curves."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.identity import generator

_WINDOW = 1024
_SMOOTH = np.array([0.25, 0.5, 0.25])


@dataclass(frozen=True)
class Motion:
    """Curves over the frames of a clip, the same for every emotion.

    Args:
        opening: (T,) 0 closed to 1, how far the audio opens the mouth.
        spread: (T,) -1 rounded to 1 spread, by the balance of high and low second formants.
        blink: (T,) 0 open to 1 closed.
        gaze: (T, 2) horizontal and vertical, in eye half-widths.
        shift: (T, 2) of the head, in face units.
        roll: (T,) of the head in degrees, clockwise in the image.
        scale: (T,) of the head, 1 on average.
    """

    opening: NDArray[np.float64]
    spread: NDArray[np.float64]
    blink: NDArray[np.float64]
    gaze: NDArray[np.float64]
    shift: NDArray[np.float64]
    roll: NDArray[np.float64]
    scale: NDArray[np.float64]


def motion(audio: NDArray[np.float32], rate: int, fps: Fraction, frames: int, key: tuple[int, ...]) -> Motion:
    """All curves of a clip.

    Args:
        audio: (N,) mono in [-1, 1]; shorter than the clip means silence at its end.
        rate: of ``audio`` in Hz.
        fps: frames per second.
        frames: T.
        key: seeds the head, the blinks and the gaze.
    """
    opening, spread = mouth(audio, rate, fps, frames)
    time = np.arange(frames) / float(fps)
    draw = generator(*key)
    wander = np.stack([_wander(time, draw) for _ in range(6)], axis=1)
    return Motion(
        opening=opening,
        spread=spread,
        blink=_blinks(time, draw),
        gaze=wander[:, :2] * (0.16, 0.06),
        shift=wander[:, 2:4] * (0.07, 0.05),
        roll=2.6 * wander[:, 4],
        scale=1.0 + 0.02 * wander[:, 5],
    )


def mouth(
    audio: NDArray[np.float32], rate: int, fps: Fraction, frames: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Opening in [0, 1] and spread in [-1, 1] at each frame, (T,) each, from the audio alone.

    Opening is the loudness below 3.5 kHz in a Hann window of 1024 samples around the frame's time, over the
    clip's 95th percentile, raised where the first formant is high. Spread compares the bands of front and
    back vowels' second formant.
    """
    power = _power(audio, rate, fps, frames)
    hertz = np.fft.rfftfreq(_WINDOW, 1.0 / rate)

    def band(low: float, high: float) -> NDArray[np.float64]:
        return np.asarray(power[:, (hertz >= low) & (hertz < high)].sum(axis=1))

    loud = np.sqrt(band(150, 3500))
    top = float(np.percentile(loud, 95)) if frames else 0.0
    if top < 1e-3:
        return np.zeros(frames), np.zeros(frames)
    level = np.clip(loud / top, 0.0, 1.0) ** 0.7
    tiny = 1e-4 * top**2
    open_share = band(560, 1100) / (band(200, 1100) + tiny)
    balance = np.log((band(1600, 2800) + tiny) / (band(620, 1200) + tiny))
    opening = level * (0.5 + 0.5 * open_share)
    return _soft(np.clip(opening, 0.0, 1.0)), _soft(np.tanh(0.7 * balance) * level)


def _power(audio: NDArray[np.float32], rate: int, fps: Fraction, frames: int) -> NDArray[np.float64]:
    """(T, F) power spectra around each frame's time."""
    padded = np.pad(np.asarray(audio, np.float64), (_WINDOW // 2, _WINDOW))
    window = np.hanning(_WINDOW)
    spectra = np.zeros((frames, _WINDOW // 2 + 1))
    for i in range(frames):
        start = min(int(i * rate / fps), len(padded) - _WINDOW)
        spectra[i] = np.abs(np.fft.rfft(padded[start : start + _WINDOW] * window)) ** 2
    return spectra / _WINDOW


def _soft(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.convolve(np.pad(values, 1, mode="edge"), _SMOOTH, mode="valid")


def _wander(time: NDArray[np.float64], draw: np.random.Generator) -> NDArray[np.float64]:
    """A slow curve of about unit size: three sines of seeded phase."""
    phase = draw.random(3) * 2 * np.pi
    speed = np.array([0.21, 0.43, 0.77]) * (0.8 + 0.4 * draw.random(3))
    return np.asarray(
        (np.array([0.6, 0.3, 0.15]) * np.sin(2 * np.pi * speed * time[:, None] + phase)).sum(axis=1)
    )


def _blinks(time: NDArray[np.float64], draw: np.random.Generator) -> NDArray[np.float64]:
    """Blinks of 0.2 s, every 1.6 to 4 s."""
    closed = np.zeros_like(time)
    at = 0.5 + 1.5 * draw.random()
    while len(time) and at < time[-1]:
        closed = np.maximum(closed, np.clip(1.35 - np.abs(time - at) / 0.075, 0.0, 1.0))
        at += 1.6 + 2.4 * draw.random()
    return closed

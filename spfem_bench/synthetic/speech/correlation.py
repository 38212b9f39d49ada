"""How tightly mouth and sound belong together.

``python -m spfem_bench.synthetic.speech.correlation`` prints it.

Over the voiced frames (25 a second) of neutral sentences, for each speaker Pearson's correlation

- of the jaw's opening with the level of the 40 ms of sound around the frame, in dB and as an amplitude,
- of the lips' width with the second formant: as synthesised, and as found in the sound by linear prediction.

A speaker is the unit: the mean over speakers with its 95% t interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.speech.controls import formant_tracks
from spfem_bench.synthetic.speech.phonemes import PHONEMES, SYMBOLS
from spfem_bench.synthetic.speech.prosody import prosody_of, voice_of
from spfem_bench.synthetic.speech.sentences import SENTENCES, sentence_of
from spfem_bench.synthetic.speech.timeline import phoneme_at, timeline
from spfem_bench.synthetic.speech.visemes import articulate
from spfem_bench.synthetic.speech.voice import RATE, speak

Floats = NDArray[np.float64]

_FRAME = 0.04
_LPC_RATE = 10_000
_VOICED = np.array([PHONEMES[symbol].voiced for symbol in SYMBOLS])


@dataclass(frozen=True, slots=True)
class Link:
    """One correlation: mean over speakers, the half-width of its 95% t interval, and what it rests on."""

    mean: float
    half: float
    speakers: int
    frames: int


def measure(speakers: Sequence[int], sentences: int = 12, seed: int = 0) -> Mapping[str, Link]:
    """The correlations, by name.

    Args:
        speakers: at least two indices of people.
        sentences: for each, drawn from the bank without repetition.
        seed: of the people and the draw.
    """
    rows = [_of_speaker(speaker, sentences, seed) for speaker in speakers]
    frames = sum(len(row["jaw"]) for row in rows)
    pairs = {
        "jaw, level in dB": ("jaw", "decibels"),
        "jaw, amplitude": ("jaw", "amplitude"),
        "width, true F2": ("width", "f2"),
        "width, F2 by linear prediction": ("width", "f2-found"),
    }
    return {name: _link([_pearson(row[a], row[b]) for row in rows], frames) for name, (a, b) in pairs.items()}


def level(wave: NDArray[np.float32], times: Floats) -> Floats:
    """(T,) root mean square of the 40 ms of sound around each time."""
    windows = _windows(np.asarray(wave, np.float64), RATE, times)
    return np.asarray(np.sqrt((windows**2).mean(axis=1)), np.float64)


def formants_by_prediction(wave: NDArray[np.float32], times: Floats, order: int = 12) -> Floats:
    """(T, 2) F1 and F2 in Hz by linear prediction at 10 kHz (autocorrelation method); NaN where not found.

    Poles between 150 and 4000 Hz with a bandwidth under 500 Hz count as formants.
    """
    from scipy.signal import resample_poly

    slow: Floats = resample_poly(np.asarray(wave, np.float64), _LPC_RATE // 2000, RATE // 2000)
    sharp = np.append(slow[:1], slow[1:] - 0.97 * slow[:-1])
    windows = _windows(sharp, _LPC_RATE, times) * np.hamming(round(_FRAME * _LPC_RATE))
    return np.array([_poles(window, order) for window in windows])


def _of_speaker(speaker: int, sentences: int, seed: int) -> dict[str, Floats]:
    chosen = generator(seed, 43, speaker).permutation(SENTENCES)[:sentences]
    clips = [_of_clip(speaker, int(index), seed) for index in chosen]
    return {name: np.concatenate([clip[name] for clip in clips]) for name in clips[0]}


def _of_clip(speaker: int, index: int, seed: int) -> dict[str, Floats]:
    voice, prosody = voice_of(speaker, seed), prosody_of("neutral")
    spoken = timeline(sentence_of(index), voice.rate, prosody.tempo, (seed, speaker, index))
    wave = speak(spoken, voice, prosody, (seed, speaker, index))
    times = np.arange(0.5 * _FRAME, spoken.seconds - 0.5 * _FRAME, _FRAME)
    times = times[_VOICED[phoneme_at(spoken, times)]]
    mouth, loud = articulate(spoken, times), level(wave, times)
    return {
        "jaw": mouth.jaw,
        "width": mouth.width,
        "amplitude": loud,
        "decibels": 20.0 * np.log10(np.maximum(loud, 1e-5)),
        "f2": formant_tracks(spoken, times)[:, 1] * voice.tract,
        "f2-found": formants_by_prediction(wave, times)[:, 1],
    }


def _windows(wave: Floats, rate: int, times: Floats) -> Floats:
    size = round(_FRAME * rate)
    starts = np.clip(np.round(times * rate).astype(np.int64) - size // 2, 0, len(wave) - size)
    return np.asarray(wave[starts[:, None] + np.arange(size)], np.float64)


def _poles(window: Floats, order: int) -> tuple[float, float]:
    from scipy.linalg import solve_toeplitz

    lags = np.array([window[: len(window) - k] @ window[k:] for k in range(order + 1)])
    lags[0] = lags[0] * 1.0001 + 1e-12
    roots = np.roots(np.append(1.0, -solve_toeplitz(lags[:-1], lags[1:])))
    roots = roots[roots.imag > 0]
    hertz = np.angle(roots) * _LPC_RATE / (2 * np.pi)
    width = -np.log(np.abs(roots)) * _LPC_RATE / np.pi
    found = np.sort(hertz[(hertz > 150) & (hertz < 4000) & (width < 500)])
    return (float(found[0]), float(found[1])) if len(found) > 1 else (np.nan, np.nan)


def _pearson(a: Floats, b: Floats) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[both], b[both])[0, 1])


def _link(values: list[float], frames: int) -> Link:
    from scipy.stats import t

    spread = float(np.std(values, ddof=1)) / len(values) ** 0.5
    return Link(float(np.mean(values)), float(t.ppf(0.975, len(values) - 1)) * spread, len(values), frames)


def main() -> None:
    """Print the correlations."""
    parser = argparse.ArgumentParser(description="Correlation of the rendered mouth with the rendered voice.")
    parser.add_argument("--speakers", type=int, default=16)
    parser.add_argument("--sentences", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for name, link in measure(range(asked.speakers), asked.sentences, asked.seed).items():
        interval = f"{link.mean:.3f} +- {link.half:.3f}"
        print(f"{name:32s} {interval}  ({link.speakers} speakers, {link.frames} voiced frames)")


if __name__ == "__main__":
    main()

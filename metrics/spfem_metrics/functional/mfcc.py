"""Mel-frequency cepstra as python_speech_features 0.6 computes them by default, which is what SyncNet hears.

Pre-emphasis 0.97 that keeps the first sample; frames of 400 samples, the last filled up with zeros; no taper;
power spectrum ``|rfft_512|^2 / 512``; 26 triangular filters from 0 to 8000 Hz, mel = 2595 log10(1 + f / 700),
their corners rounded down to bins ``floor(513 f / 16000)``, not normalised; natural logarithm, with 0
replaced by the float64 epsilon; orthonormal DCT-II, the first 13; lifter ``1 + 11 sin(pi n / 22)``;
coefficient 0 is replaced by the logarithm of the frame's whole power.

Samples are taken at the scale they come in. From int16 to [-1, 1] only coefficient 0 changes, by
``-2 ln 32768 = -20.794`` (the others too where a filter is empty), so that the scale must be stated.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from spfem_metrics.errors import InputError

Samples = NDArray[np.int16] | NDArray[np.float32] | NDArray[np.float64]
Floats = NDArray[np.float64]

RATE = 16000
"""Hz of the samples."""
COEFFICIENTS = 13
FRAME = 400
"""Samples in a frame, 25 ms."""

_FFT, _FILTERS, _LIFTER, _EMPHASIS = 512, 26, 22, 0.97
_BLOCK = 4096


def mfcc(samples: Samples, winstep: float = 0.01) -> Floats:
    """Cepstra at even steps.

    Args:
        samples: (N,) mono at 16 kHz, N >= 1, int16, float32 or float64.
        winstep: seconds from frame to frame, rounded to whole samples: 0.01 is 160, 1/120 is 133, not 133.3.

    Returns:
        (M, 13) float64, M = 1 + ceil((N - 400) / step), at least 1.

    Raises:
        InputError: another shape or type of samples, or a step under one sample.
    """
    step = hop(winstep)
    return mfcc_at(samples, step * np.arange(frame_count(len(samples), step)))


def hop(winstep: float) -> int:
    """Samples from frame to frame, halves rounded up.

    Raises:
        InputError: less than one.
    """
    step = math.floor(winstep * RATE + 0.5)
    if step < 1:
        raise InputError(f"a step of {winstep} s is under one sample at {RATE} Hz")
    return step


def frame_count(length: int, step: int) -> int:
    """Frames that `mfcc` makes of so many samples."""
    return 1 + max(0, -(-(length - FRAME) // step))


def mfcc_at(samples: Samples, starts: NDArray[np.int64]) -> Floats:
    """Cepstra of the frames that begin at given samples.

    Args:
        samples: as for `mfcc`.
        starts: (M,) index of each frame's first sample, none negative; beyond the end there are zeros.

    Returns:
        (M, 13) float64.

    Raises:
        InputError: another shape or type of samples, or a negative start.
    """
    if samples.ndim != 1 or not len(samples) or samples.dtype not in (np.int16, np.float32, np.float64):
        raise InputError(f"mfcc reads (N,) int16 or float, not {samples.shape} {samples.dtype}")
    if starts.min(initial=0) < 0:
        raise InputError(f"no frame can begin at sample {starts.min()}")
    wave = np.zeros(max(len(samples), int(starts.max(initial=0)) + FRAME))
    wave[: len(samples)] = _emphasised(samples)
    table = np.zeros((len(starts), COEFFICIENTS))
    for first in range(0, len(starts), _BLOCK):
        some = starts[first : first + _BLOCK]
        table[first : first + _BLOCK] = _cepstra(wave[some[:, None] + np.arange(FRAME)])
    return table


def _emphasised(samples: Samples) -> NDArray[np.floating]:
    """In the samples' own precision where they are floats, as the package does."""
    return np.append(samples[:1], samples[1:] - _EMPHASIS * samples[:-1])


def _cepstra(frames: Floats) -> Floats:
    power = np.abs(np.fft.rfft(frames, _FFT)) ** 2 / _FFT
    energies = np.log(_no_zeros(power @ _filters().T))
    found = np.asarray(dct(energies, norm="ortho")[:, :COEFFICIENTS] * _lifter(), np.float64)
    found[:, 0] = np.log(_no_zeros(power.sum(axis=1)))
    return found


def _no_zeros(values: Floats) -> Floats:
    return np.where(values == 0, np.finfo(np.float64).eps, values)


def _lifter() -> Floats:
    return 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / _LIFTER)


@cache
def _filters() -> Floats:
    """(26, 257) triangles of height 1 at their middle bins."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, _FILTERS + 2) / 2595) - 1)
    corners = np.floor((_FFT + 1) * hertz / RATE)
    bins = np.arange(_FFT // 2 + 1)
    low, mid, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = np.where((low <= bins) & (bins < mid), (bins - low) / (mid - low), 0.0)
    falling = np.where((mid <= bins) & (bins < high), (high - bins) / (high - mid), 0.0)
    return np.asarray(rising + falling, np.float64)

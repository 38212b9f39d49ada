"""The audio front end of the judge ``sync``: mel-frequency cepstra of 0.44 s windows.

Pre-emphasis 0.97, 25 ms Hann windows every 10 ms, 512-point power spectrum, 26 triangular mel filters from 0
to 8000 Hz (mel = 2595 log10(1 + f / 700)), natural log with a floor, orthonormal DCT-II, the first 13 (Davis
and Mermelstein 1980). This is SyncNet's front end (Chung and Zisserman 2016) but for the tapered window, the
floor and samples in [-1, 1].
Training and inference call the same `windows`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

RATE = 16000
"""Hz of the samples."""
COEFFICIENTS = 13
COLUMNS = 44
"""Columns of a window, 10 ms apart."""
SPAN = 7280
"""Samples that a window reads: 43 steps of 160 and one frame of 400, 0.455 s."""

_STEP, _FRAME, _FFT, _FILTERS = 160, 400, 512, 26
_FLOOR = 1e-6
_BLOCK = 4096


def windows(samples: NDArray[np.float32], times: NDArray[np.float64]) -> NDArray[np.float32]:
    """The cepstra of the windows that begin at given times.

    Args:
        samples: (N,) mono in [-1, 1] at 16 kHz.
        times: (A,) seconds, none negative; beyond the end there is silence.

    Returns:
        (A, 13, 44) float32, coefficient by column.
    """
    begins = np.rint(times * RATE).astype(np.int64)
    starts = begins[:, None] + _STEP * np.arange(COLUMNS)
    unique, place = np.unique(starts, return_inverse=True)
    table = _cepstra(_emphasised(samples, int(begins.max(initial=0)) + SPAN), unique)
    return np.ascontiguousarray(table[place.reshape(starts.shape)].transpose(0, 2, 1))


def covered(count: int, times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(A,) which windows lie wholly within ``count`` samples."""
    return np.asarray(np.rint(times * RATE) + SPAN <= count, np.bool_)


def _emphasised(samples: NDArray[np.float32], least: int) -> NDArray[np.float64]:
    wave = np.zeros(max(len(samples), least))
    wave[: len(samples)] = samples
    wave[1:] -= 0.97 * wave[:-1].copy()
    return wave


def _cepstra(wave: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    taper = np.hanning(_FRAME + 1)[:-1]
    table = np.zeros((len(starts), COEFFICIENTS), np.float32)
    for first in range(0, len(starts), _BLOCK):
        some = starts[first : first + _BLOCK]
        frames = wave[some[:, None] + np.arange(_FRAME)] * taper
        power = np.abs(np.fft.rfft(frames, _FFT)) ** 2 / _FFT
        energies = np.log(power @ mel_filters(_FILTERS, _FFT, RATE).T + _FLOOR)
        table[first : first + _BLOCK] = dct(energies, norm="ortho")[:, :COEFFICIENTS]
    return table


@cache
def mel_filters(count: int, fft: int, rate: int) -> NDArray[np.float64]:
    """Triangles of height 1, equally wide on the mel scale, from 0 Hz to half the rate.

    Args:
        count: of filters.
        fft: length of the transform.
        rate: of the samples in Hz.

    Returns:
        (count, fft // 2 + 1).
    """
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, count + 2) / 2595) - 1)
    bins = np.arange(fft // 2 + 1) * rate / fft
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(np.minimum((bins - low) / (mid - low), (high - bins) / (high - mid)), 0)

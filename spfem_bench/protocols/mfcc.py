"""Mel-frequency cepstral coefficients as ``python_speech_features`` 0.6 defines them, in float64.

Its defaults are kept: pre-emphasis 0.97, windows of 25 ms without taper, 512-point power spectrum / 512, 26
triangular mel filters (2595 log10(1 + f/700)) from 0 to half the rate on rounded-down bins, natural log,
orthonormal DCT-II, 13 coefficients, lifter 22, the first coefficient replaced by the log energy. One thing
differs: window i starts at ``round(i * hop * rate)`` instead of ``i * round(hop * rate)``, so that a hop of
1/30 s does not drift against the picture (with a hop of a whole number of samples both agree).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

RATE = 16000
COEFFICIENTS = 13
FILTERS = 26
FFT = 512
WINDOW = 400
PRE_EMPHASIS = 0.97
LIFTER = 22

Floats = NDArray[np.float64]


def mfcc(samples: NDArray[np.floating], hop: float = 0.01) -> Floats:
    """Coefficients of a signal.

    Args:
        samples: (N,) mono at 16 kHz, in any linear unit, N >= 1.
        hop: seconds from one window's start to the next.

    Returns:
        (F, 13) float64; the last windows are filled up with zeros.

    Raises:
        ValueError: no samples, or not one channel.
    """
    signal = np.asarray(samples, np.float64)
    if signal.ndim != 1 or not len(signal):
        raise ValueError(f"MFCC need samples of one channel, not an array of shape {signal.shape}")
    emphasised = np.append(signal[0], signal[1:] - PRE_EMPHASIS * signal[:-1])
    spectrum = np.abs(np.fft.rfft(_windows(emphasised, hop), FFT)) ** 2 / FFT
    cepstrum = dct(_log(spectrum @ _mel_filters().T), type=2, axis=1, norm="ortho")[:, :COEFFICIENTS]
    lifted = cepstrum * (1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER))
    lifted[:, 0] = _log(spectrum.sum(axis=1))
    return np.asarray(lifted, np.float64)


def _windows(signal: Floats, hop: float) -> Floats:
    """(F, 400) windows, the first at 0, until one reaches the end of the signal."""
    step = hop * RATE
    count = 1 + max(0, int(np.ceil((len(signal) - WINDOW) / step)))
    starts = np.floor(np.arange(count) * step + 0.5).astype(np.int64)
    padded = np.append(signal, np.zeros(max(0, int(starts[-1]) + WINDOW - len(signal))))
    windows: Floats = padded[starts[:, None] + np.arange(WINDOW)]
    return windows


@cache
def _mel_filters() -> Floats:
    """(26, 257) triangles."""
    mels = np.linspace(0.0, 2595 * np.log10(1 + RATE / 2 / 700), FILTERS + 2)
    bins = np.floor((FFT + 1) * 700 * (10 ** (mels / 2595) - 1) / RATE)
    low, peak, high = (edge[:, None] for edge in (bins[:-2], bins[1:-1], bins[2:]))
    k = np.arange(FFT // 2 + 1)
    rising = np.where((k >= low) & (k < peak), (k - low) / (peak - low), 0.0)
    falling = np.where((k >= peak) & (k < high), (high - k) / (high - peak), 0.0)
    return np.asarray(rising + falling, np.float64)


def _log(power: Floats) -> Floats:
    return np.log(np.where(power == 0, np.finfo(np.float64).eps, power))

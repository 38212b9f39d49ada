"""Audio as 16-bit PCM on the video's time base, streamed; everything else is derived from it.

Mono is the mean of the channels. Resampling is `scipy.signal.resample_poly` with its default Kaiser
window (beta 5), in float32: one definition, without a hidden state, on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
"""(N, C) int16 samples."""

BLOCK = 1024
"""Samples in one stored audio packet."""


@dataclass(frozen=True)
class PcmSource:
    """Sound that can be read any number of times, a piece at a time.

    Args:
        rate: samples per second.
        channels: of every piece.
        chunks: starts a reading and yields (n, channels) int16 pieces of any length.
    """

    rate: int
    channels: int
    chunks: Callable[[], Iterator[Pcm]]

    @classmethod
    def from_array(cls, samples: Pcm, rate: int) -> PcmSource:
        """Sound already in memory: (N, C) int16."""
        return cls(rate, samples.shape[1], lambda: iter((samples,)))

    def count(self) -> int:
        """Number of samples (of each channel); reads the sound once."""
        return sum(len(chunk) for chunk in self.chunks())

    def read(self) -> Pcm:
        """(N, C) int16, all of it in memory."""
        return np.concatenate([np.zeros((0, self.channels), np.int16), *self.chunks()])

    def fitted(self, duration: Fraction) -> PcmSource:
        """The same sound padded with silence, or cut, to ``duration`` seconds."""
        wanted = samples_in(duration, self.rate)
        return PcmSource(self.rate, self.channels, lambda: _fit(self.chunks(), wanted, self.channels))


def samples_in(duration: Fraction, rate: int) -> int:
    """Samples in ``duration`` seconds at ``rate`` Hz, to the nearest (halves to even)."""
    return round(duration * rate)


def fit_audio(samples: Pcm, rate: int, duration: Fraction) -> Pcm:
    """``samples`` (N, C) padded with zeros, or cut, to ``duration`` seconds."""
    return PcmSource.from_array(samples, rate).fitted(duration).read()


def mono(source: PcmSource, rate: int) -> NDArray[np.float32]:
    """(N,) float32 in [-1, 1] at ``rate`` Hz: the mean of the channels, resampled where the rates differ.

    N is ``ceil(samples * rate / source.rate)``.
    """
    pieces = [chunk.mean(axis=1, dtype=np.float32) / np.float32(32768) for chunk in source.chunks()]
    mixed = np.concatenate([np.zeros(0, np.float32), *pieces])
    if rate == source.rate or not len(mixed):
        return mixed
    from scipy.signal import resample_poly

    ratio = Fraction(rate, source.rate)
    resampled = resample_poly(mixed, ratio.numerator, ratio.denominator)
    return np.clip(np.asarray(resampled, np.float32), -1.0, 1.0)


def blocks(chunks: Iterator[Pcm], size: int = BLOCK) -> Iterator[Pcm]:
    """The same samples in pieces of exactly ``size`` (the last one shorter), however they came."""
    held: list[Pcm] = []
    have = 0
    for chunk in chunks:
        held.append(chunk)
        have += len(chunk)
        if have >= size:
            joined = np.concatenate(held)
            whole = have - have % size
            yield from (joined[at : at + size] for at in range(0, whole, size))
            held, have = [joined[whole:]], have - whole
    if have:
        yield np.concatenate(held)


def _fit(chunks: Iterator[Pcm], wanted: int, channels: int) -> Iterator[Pcm]:
    left = wanted
    for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk[:left])
        if not left:
            return
    while left:
        silence = np.zeros((min(left, BLOCK), channels), np.int16)
        yield silence
        left -= len(silence)

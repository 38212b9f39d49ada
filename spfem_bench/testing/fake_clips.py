"""A clip with a known face and voice: what an adapter is tried on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_bench.testing.fake_networks import Floats, seeded
from spfem_bench.testing.fakes import FPS
from spfem_metrics import FrameBatch


@dataclass(frozen=True)
class FakeClip:
    """A clip in memory that fits `spfem_metrics.Media` and `spfem_baselines.SourceClip` by shape.

    Args:
        pixels: (T, H, W, 3) uint8 RGB; `frames` hands out views of it, so that a model that writes into its
            source is caught.
        samples: (N,) float32 mono in [-1, 1], or None.
        path: a lossless file with the same content, where one was written.
        rate: of ``samples``, in Hz.
    """

    pixels: NDArray[np.uint8]
    samples: Floats | None
    path: Path = field(default=Path("fake-clip-was-not-written.mkv"))
    rate: int = 16000

    @property
    def fps(self) -> Fraction:
        """Always `FPS`."""
        return Fraction(FPS)

    @property
    def frame_count(self) -> int:
        """T."""
        return len(self.pixels)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[2], self.pixels.shape[1]

    @property
    def times(self) -> NDArray[np.float64]:
        """(T,) seconds."""
        return np.arange(len(self.pixels)) / FPS

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[NDArray[np.uint8]]:
        """Chunks of at most 32 frames."""
        chosen = self.pixels[start:stop]
        yield from (chosen[first : first + 32] for first in range(0, len(chosen), 32))

    def batches(self, size: int = 32) -> Iterator[FrameBatch]:
        """All frames with their times, at most ``size`` at a time."""
        for start in range(0, len(self.pixels), size):
            yield FrameBatch(start, self.pixels[start : start + size], self.times[start : start + size])

    def audio(self, rate: int) -> Floats | None:
        """The samples at ``rate`` Hz."""
        if self.samples is None or rate == self.rate:
            return self.samples
        from scipy.signal import resample_poly

        ratio = Fraction(rate, self.rate)
        return np.asarray(resample_poly(self.samples, ratio.numerator, ratio.denominator), np.float32)


def fake_clip(name: str = "source", *, frames: int = 40, size: int = 96, audio: bool = True) -> FakeClip:
    """A drawn face whose mouth opens with the loudness of its voice.

    Args:
        name: decides skin, pitch and rhythm.
        frames: at 25 per second.
        size: of the square picture, in pixels; at least 32.
        audio: False leaves the audio out.
    """
    rng = seeded(f"clip {name}")
    skin = rng.integers(120, 230, 3)
    rhythm, pitch = rng.uniform(2.5, 4.0), rng.uniform(100, 220)
    loudness = 0.5 - 0.5 * np.cos(2 * np.pi * rhythm * np.arange(frames) / FPS)
    pixels = np.stack([_face(size, skin, level, 0.02 * np.sin(i / 5)) for i, level in enumerate(loudness)])
    return FakeClip(pixels, _voice(loudness, pitch) if audio else None)


def written(clip: FakeClip, folder: Path, name: str = "clip") -> FakeClip:
    """The clip with a lossless file of itself in ``folder``, for models that read files."""
    from spfem_bench.clips import write_lossless

    path = folder / f"{name}.mkv"
    write_lossless(path, clip.frames(), fps=clip.fps)
    return replace(clip, path=path)


def _face(size: int, skin: NDArray[np.int64], opening: float, sway: float) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:size, 0:size] / size
    x = x - 0.5 - sway
    image = np.full((size, size, 3), 60, np.uint8)
    image[(x / 0.3) ** 2 + ((y - 0.5) / 0.4) ** 2 < 1] = skin
    for side in (-0.12, 0.12):
        image[((x - side) / 0.04) ** 2 + ((y - 0.42) / 0.025) ** 2 < 1] = 20
    image[(x / 0.12) ** 2 + ((y - 0.7) / (0.01 + 0.06 * opening)) ** 2 < 1] = (120, 30, 40)
    return image


def _voice(loudness: NDArray[np.float64], pitch: float, rate: int = 16000) -> Floats:
    t = np.arange(len(loudness) * rate // FPS) / rate
    envelope = np.interp(t, np.arange(len(loudness)) / FPS, loudness)
    return (0.3 * envelope * np.sin(2 * np.pi * pitch * t)).astype(np.float32)

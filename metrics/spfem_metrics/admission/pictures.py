"""Real clips in memory, and the harm that is done to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.media import FrameBatch, Frames

Picture = NDArray[np.uint8]
Harm = Callable[[Picture, np.random.Generator], Picture]


@dataclass(frozen=True)
class Shot:
    """The first frames of a clip, without audio (a `spfem_metrics.Media`).

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        times: (T,) float64 seconds, the first at 0.
        fps: nominal.
    """

    frames: Frames
    times: NDArray[np.float64]
    fps: Fraction

    @property
    def frame_count(self) -> int:
        """T."""
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.frames.shape[2], self.frames.shape[1]

    def batches(self, size: int = 32) -> Iterator[FrameBatch]:
        """All frames in order, at most ``size`` at a time."""
        for start in range(0, len(self.frames), size):
            chosen = slice(start, start + size)
            yield FrameBatch(start, self.frames[chosen], self.times[chosen])

    def audio(self, rate: int) -> None:
        """None: no admission test listens."""


def read_shot(path: Path, limit: int) -> Shot:
    """Decode the first ``limit`` frames of a video.

    Raises:
        InputError: the file holds no frame.
    """
    import av

    with av.open(str(path)) as container:
        decoded = list(islice(container.decode(video=0), limit))
        rate = container.streams.video[0].average_rate
    if not decoded or rate is None:
        raise InputError(f"{path}: no video frame could be decoded")
    times = np.array([float(frame.time or 0.0) for frame in decoded])
    frames = np.stack([np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in decoded])
    return Shot(frames, times - times[0], Fraction(rate))


def harmed(shot: Shot, harm: Harm, seed: int = 0) -> Shot:
    """The clip with every frame changed; the same seed gives the same frames."""
    rng = np.random.Generator(np.random.PCG64(seed))
    return replace(shot, frames=np.stack([harm(frame, rng) for frame in shot.frames]))


def jpeg(quality: int) -> Harm:
    """Re-encoding of every frame."""

    def change(picture: Picture, rng: np.random.Generator) -> Picture:
        """One frame through the codec."""
        del rng
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)

    return change


def blur(sigma: float) -> Harm:
    """Gaussian blur, sigma in pixels."""

    def change(picture: Picture, rng: np.random.Generator) -> Picture:
        """One frame, blurred."""
        del rng
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)

    return change


def brightness(deviation: float) -> Harm:
    """Each frame brighter or darker as a whole, by a normal draw in grey levels."""

    def change(picture: Picture, rng: np.random.Generator) -> Picture:
        """One frame, shifted by its own draw."""
        shifted = picture.astype(np.float64) + rng.normal(0.0, deviation)
        return np.asarray(np.clip(np.rint(shifted), 0, 255), np.uint8)

    return change

"""What a clip shows and says, as two digests: equal for equal content, whatever the file and codec."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from spfem_bench.clips.sound import Pcm, PcmSource

NOTHING = hashlib.sha256(b"").hexdigest()
"""The digest of no audio, or of audio without a sample."""


class VideoHasher:
    """sha256 over ``"WxH"``, the frames' RGB bytes in order, and the float64 little-endian times."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._size: tuple[int, int] | None = None

    def add(self, image: NDArray[np.uint8]) -> None:
        """Take the next frame, (H, W, 3) uint8 RGB."""
        if self._size is None:
            self._size = (image.shape[1], image.shape[0])
            self._sha.update(f"{self._size[0]}x{self._size[1]}".encode())
        self._sha.update(np.ascontiguousarray(image).data)

    def finish(self, times: NDArray[np.float64]) -> str:
        """The digest, given the times of the frames taken."""
        self._sha.update(np.ascontiguousarray(times, "<f8").tobytes())
        return self._sha.hexdigest()


class AudioHasher:
    """sha256 over ``"RATExCHANNELS"`` and the int16 little-endian samples, channels interleaved."""

    def __init__(self, rate: int, channels: int) -> None:
        self._sha = hashlib.sha256(f"{rate}x{channels}".encode())
        self.samples = 0

    def add(self, samples: Pcm) -> None:
        """Take the next (n, channels) samples."""
        self._sha.update(np.ascontiguousarray(samples, "<i2").tobytes())
        self.samples += len(samples)

    def finish(self) -> str:
        """The digest; `NOTHING` where no sample came."""
        return self._sha.hexdigest() if self.samples else NOTHING


def audio_digest(sound: PcmSource | None) -> str:
    """Digest of a sound, `NOTHING` for None; reads it once."""
    if sound is None:
        return NOTHING
    hasher = AudioHasher(sound.rate, sound.channels)
    for chunk in sound.chunks():
        hasher.add(chunk)
    return hasher.finish()

"""The published ways of feeding SyncNet: ``official``, ``wav2lip``, ``ned30``; the caller gives the pictures.

All read windows of five pictures and 20 columns of cepstra, four columns to a picture whatever the clip's
rate, and stop five pictures before the end: 4L - 1 columns are too few for L - 4 windows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.extractor import Arrays
from spfem_metrics.functional.mfcc import RATE, mfcc
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.syncnet_crops import Frame
from spfem_metrics.networks.syncnet_towers import FRAMES, Lips, Picture, Towers, sound_windows

Rate = Literal["25fps", "as-is"]
Look = Callable[[Frame], Picture]
"""(H, W, 3) uint8 RGB -> (224, 224, 3) uint8 BGR."""
Floats = NDArray[np.float64]

PER_FRAME = 640
"""Samples to a picture at 25 frames/s."""
NED_FPS = 30


@dataclass(frozen=True)
class Sound:
    """What a protocol hears.

    Args:
        cepstra: (M, 13).
        frames: pictures that the sound lasts, by the protocol's count.
    """

    cepstra: Floats
    frames: int


@dataclass(frozen=True)
class Given:
    """A protocol.

    Args:
        look: begins a clip: gives what turns its frames, in order, into pictures.
        listen: (N,) float32 samples in [-1, 1] at 16 kHz -> what is heard.
        rate: ``25fps``: frames nearest to every 40 ms; ``as-is``: all frames, whatever their rate.
    """

    look: Callable[[Media], Look]
    listen: Callable[[NDArray[np.float32]], Sound]
    rate: Rate


class GivenPass:
    """Embeds a clip by a protocol.

    Arrays: ``video`` and ``audio`` (W, 1024) float32 of W windows, row i of the one that begins at picture i;
    ``pictures`` and ``samples`` (1,) int64, how many there were (of samples 0 without sound).
    """

    def __init__(self, media: Media, protocol: Given, towers: Towers) -> None:
        samples = media.audio(RATE)
        self._samples = 0 if samples is None else len(samples)
        times = media.times
        self._shown = shown(times) if protocol.rate == "25fps" else np.ones(len(times), np.int64)
        sound = protocol.listen(samples) if samples is not None and len(samples) else None
        self._windows = 0 if sound is None else max(0, min(self._pictures, sound.frames) - FRAMES)
        self._cepstra = np.zeros((0, 13)) if sound is None else sound.cepstra
        self._look, self._lips, self._towers = protocol.look(media), Lips(towers), towers
        self._left = self._windows + FRAMES - 1 if self._windows else 0

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Take the next frames; those after the last window are not looked at."""
        del upstream
        for image, times in zip(batch.images, self._shown[batch.start :], strict=False):
            for _ in range(min(int(times), self._left)):
                self._lips.add(self._look(image))
                self._left -= 1

    def finish(self) -> Arrays:
        """The clip's arrays."""
        video, valid = self._lips.finish()
        audio = self._towers.audio(sound_windows(self._cepstra, self._windows))
        pictures, samples = (np.array([n], np.int64) for n in (self._pictures, self._samples))
        return {"video": video[valid], "audio": audio, "pictures": pictures, "samples": samples}

    @property
    def _pictures(self) -> int:
        return int(self._shown.sum())


def nearest(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """The frames that stand for every 40 ms of a clip.

    Args:
        times: (T,) seconds, the first at 0, increasing.

    Returns:
        (R,) indices, not decreasing: the frame nearest to each instant, of equally near ones the earlier. The
        last instant lies at most half a frame, and 20 ms, after the last frame. At 25 frames/s each frame
        stands for itself.
    """
    if not len(times):
        return np.zeros(0, np.int64)
    tail = min(0.02, times[-1] / (len(times) - 1) / 2) if len(times) > 1 else 0.02
    instants = np.arange(int((times[-1] + tail) * 25 + 1e-6) + 1) / 25
    middles = (times[1:] + times[:-1]) / 2
    return np.searchsorted(middles + 1e-9, instants).astype(np.int64)


def shown(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """(T,) how often each frame stands for an instant of `nearest`."""
    return np.bincount(nearest(times), minlength=len(times)).astype(np.int64)


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """What a 16-bit file of the samples holds: 32768 x, rounded; its own samples where they came from one."""
    return np.clip(np.rint(samples.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)


def hear_int16(samples: NDArray[np.float32]) -> Sound:
    """As syncnet_python does: int16, unscaled, 100 columns a second."""
    return Sound(mfcc(to_int16(samples)), len(samples) // PER_FRAME)


def hear_ned30(samples: NDArray[np.float32], skip_frame: int) -> Sound:
    """As the papers' script does: floats, less the first frames' sound, a column every 133 samples."""
    heard = samples[RATE // NED_FPS * skip_frame :]
    if not len(heard):
        return Sound(np.zeros((0, 13)), 0)
    cepstra = mfcc(heard, 1 / (4 * NED_FPS))
    return Sound(cepstra, len(cepstra) // 4)

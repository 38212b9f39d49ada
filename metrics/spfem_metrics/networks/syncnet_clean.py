"""The protocol ``clean``: SyncNet's windows without the published chain's accidents.

Frames are the clip's own; those nearest to every 40 ms are looked at, so that the network sees the 25
frames/s it was trained on whatever the clip's rate. Row r belongs to the r-th of these instants, and its
window of sound begins at the own time of the frame that stands for it. What was not seen or heard is said to
be so.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Items

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.extractor import Arrays
from spfem_metrics.functional.mfcc import COEFFICIENTS, FRAME, RATE, mfcc_at
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.syncnet_crops import Edges, FollowedFace
from spfem_metrics.networks.syncnet_given import nearest
from spfem_metrics.networks.syncnet_towers import COLUMNS, WIDTH, Flags, Lips, Picture, Rows, Towers

STEP = 160
SPAN = (COLUMNS - 1) * STEP + FRAME
"""Samples that a window of sound reads: 3440, 0.215 s."""


class CleanPass:
    """Follows the face and embeds it, and the sound at the end.

    Arrays over R instants 40 ms apart: ``video`` and ``audio`` (R, 1024) float32, zeros where not valid;
    ``video_valid`` (R,) bool: five pictures from here on show one track; ``audio_valid`` (R,) bool: 0.215 s
    of sound are there.
    """

    def __init__(self, media: Media, edges: Edges, towers: Towers) -> None:
        self._media, self._towers = media, towers
        self._picks = nearest(media.times)
        self._shown = np.bincount(self._picks, minlength=len(media.times))
        self._face, self._lips = FollowedFace(edges), Lips(towers)

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Follow the face through the next frames."""
        faces = upstream["faces"]
        rows = zip(batch.images, faces["track"], faces["raw_box"], self._shown[batch.start :], strict=False)
        for image, track, box, times in rows:
            for _ in range(int(times)):
                self._take(self._face.push(image, int(track), box.astype(np.float64)))

    def finish(self) -> Arrays:
        """The clip's arrays."""
        self._take(self._face.finish())
        video, seen = self._lips.finish()
        audio, heard = self._sound()
        return {"video": video, "video_valid": seen, "audio": audio, "audio_valid": heard}

    def _take(self, crops: Items[tuple[Picture | None, int]]) -> None:
        for crop, track in crops:
            self._lips.add(crop, track)

    def _sound(self) -> tuple[Rows, Flags]:
        rows = np.zeros((len(self._picks), WIDTH), np.float32)
        samples = self._media.audio(RATE)
        if samples is None or not len(samples):
            return rows, np.zeros(len(rows), np.bool_)
        begins = np.rint(self._media.times[self._picks] * RATE).astype(np.int64)
        heard = np.asarray(begins + SPAN <= len(samples), np.bool_)
        rows[heard] = self._towers.audio(windows_at(samples, begins[heard]))
        return rows, heard


def windows_at(samples: NDArray[np.float32], begins: NDArray[np.int64]) -> Rows:
    """Cepstra of the windows of sound that begin at given samples, at int16's level without its rounding.

    Args:
        samples: (N,) in [-1, 1] at 16 kHz.
        begins: (A,) index of each window's first sample.

    Returns:
        (A, 13, 20) float32, coefficient by column.
    """
    starts = begins[:, None] + STEP * np.arange(COLUMNS)
    unique, place = np.unique(starts, return_inverse=True)
    if not len(unique):
        return np.zeros((0, COEFFICIENTS, COLUMNS), np.float32)
    table = mfcc_at(samples.astype(np.float64) * 32768, unique)
    return np.ascontiguousarray(table[place.reshape(starts.shape)].transpose(0, 2, 1), np.float32)

"""Lip-sync on rendered faces: the extractor ``sync``, two sequences of embeddings for LSE-C and LSE-D.

A window of pictures is eleven lower faces 40 ms apart, one of sound is 0.44 s; row i of both begins at
frame i. At other rates than 25 frames/s the pictures are the frames nearest to those instants, and the sound
is cut at the frame's own time, so that the network always sees 25 frames/s, while rows and offsets count the
clip's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.extractor import Arrays
from spfem_metrics.media import FrameBatch, Media
from spfem_metrics.networks.chunks import CHUNK, Chunked, checked_chunk, prepared, run
from spfem_metrics.networks.files import digest8
from spfem_metrics.synthetic.cutting import RULE, lower_face
from spfem_metrics.synthetic.nets import speech
from spfem_metrics.synthetic.nets.files import filled, judge_file
from spfem_metrics.synthetic.nets.speech import COEFFICIENTS, COLUMNS

if TYPE_CHECKING:
    import torch

    from spfem_metrics.synthetic.nets.sync import Sync

FRAMES = 11
"""Pictures in a window."""
INTERVAL = 0.04
"""Seconds between them."""
WIDTH = 128
"""D of an embedding."""

Flags = NDArray[np.bool_]
Rows = NDArray[np.float32]


def sync(*, weights: Mapping[str, Path], device: str = "cpu", chunk: int = CHUNK) -> SyncEmbeddings:
    """The extractor ``sync``; it needs ``faces``.

    Args:
        weights: empty for the shipped network, or ``model``: another file of it.
        device: a torch device.
        chunk: windows in a batch; it enters the definition.

    Raises:
        DefinitionError: another key, or an impossible ``chunk``.
        WeightsError: the file is not there or, with the first clip, of another network.
    """
    return SyncEmbeddings(judge_file(weights, "sync"), device, checked_chunk(chunk))


@dataclass(frozen=True)
class SyncEmbeddings:
    """Embeddings of windows, row i of the window that begins at frame i.

    Arrays: ``video`` and ``audio`` (T, 128) float32 of unit length, ``video_valid`` and ``audio_valid`` (T,)
    bool; rows that are not valid are zeros. A video row is valid where all its pictures exist and show the
    same tracked face, an audio row where its 0.455 s of sound exist; without audio none is. The distance the
    network was trained for is Euclidean, without an epsilon, and lies in 0..2.
    """

    model: Path
    device: str = "cpu"
    chunk: int = CHUNK
    name: str = "sync"
    requires: tuple[str, ...] = ("faces",)

    @cached_property
    def definition(self) -> str:
        """Network, digest, crop, windows, front end, chunk."""
        rule = f"{RULE},win{FRAMES}x40ms,nearest-frame,mfcc{COEFFICIENTS}x{COLUMNS}@16k,l2"
        return f"judge-sync@{digest8(self.model)},{rule},chunk{self.chunk}"

    def start(self, media: Media) -> SyncPass:
        """Begin a clip; the first loads the network."""
        video = Chunked(_video_forward(self.network), self.device, WIDTH, self.chunk)
        return SyncPass(media, video, self._audio)

    @cached_property
    def network(self) -> Sync:
        """The judge on its device, for inference."""
        from spfem_metrics.synthetic.nets.sync import Sync

        network = filled(Sync(), self.model)
        prepared(network, self.device)
        return network

    def _audio(self, windows: Rows) -> Rows:
        starts = range(0, len(windows), self.chunk)
        parts = [run(self.network.audio, windows[at : at + self.chunk], self.device) for at in starts]
        return np.concatenate([np.zeros((0, WIDTH), np.float32), *parts])


class SyncPass:
    """Cuts lower faces as frames come, and the sound at the end.

    Args:
        media: the clip.
        video: collects windows of pictures.
        audio: (A, 13, 44) cepstra -> (A, 128).
    """

    def __init__(self, media: Media, video: Chunked, audio: Callable[[Rows], Rows]) -> None:
        self._media, self._video, self._audio = media, video, audio
        self._windows = Windows(media.times, video.add)

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Cut the lower faces of the next frames."""
        faces = upstream["faces"]
        for image, points, track in zip(batch.images, faces["landmarks"], faces["track"], strict=True):
            face = lower_face(image, points.astype(np.float64)) if track else None
            self._windows.push(face, int(track))

    def finish(self) -> Arrays:
        """The clip's arrays."""
        video, seen = self._video.finish()
        audio, heard = self._sound()
        return {"video": video, "video_valid": seen, "audio": audio, "audio_valid": heard}

    def _sound(self) -> tuple[Rows, Flags]:
        times = self._media.times
        rows, samples = np.zeros((len(times), WIDTH), np.float32), self._media.audio(speech.RATE)
        if samples is None:
            return rows, np.zeros(len(times), np.bool_)
        heard = speech.covered(len(samples), times)
        rows[heard] = self._audio(speech.windows(samples, times[heard]))
        return rows, heard


class Windows:
    """Makes windows of eleven pictures from faces that come one by one.

    Args:
        times: (T,) seconds of the clip's frames.
        take: given each frame's (11, 64, 64, 3) window in order, None where there is none.
    """

    def __init__(self, times: NDArray[np.float64], take: Callable[[NDArray[np.uint8] | None], None]) -> None:
        self._members, self._exists = members(times)
        self._take = take
        self._faces: dict[int, tuple[NDArray[np.uint8] | None, int]] = {}
        self._pushed = self._given = 0

    def push(self, face: NDArray[np.uint8] | None, track: int) -> None:
        """The next frame's lower face, None without one, and the track it belongs to."""
        self._faces[self._pushed] = (face, track)
        self._pushed += 1
        while self._given < self._pushed and self._ready(self._given):
            self._take(self._window(self._given))
            self._faces.pop(self._given)
            self._given += 1

    def _ready(self, index: int) -> bool:
        return not self._exists[index] or int(self._members[index, -1]) < self._pushed

    def _window(self, index: int) -> NDArray[np.uint8] | None:
        if not self._exists[index]:
            return None
        faces, tracks = zip(*(self._faces[int(member)] for member in self._members[index]), strict=True)
        whole = len(set(tracks)) == 1 and all(face is not None for face in faces)
        return np.stack(faces) if whole else None


def members(times: NDArray[np.float64]) -> tuple[NDArray[np.int64], Flags]:
    """Which frames each window shows.

    Args:
        times: (T,) seconds, increasing.

    Returns:
        (T, 11) indices of the frames nearest to 0, 40, ... 400 ms after each frame, of equally near ones the
        earlier, and (T,) whether the clip lasts that long (to within half an interval).
    """
    wanted = times[:, None] + INTERVAL * np.arange(FRAMES)
    after = np.clip(np.searchsorted(times, wanted - 1e-6), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    nearer = wanted - times[before] <= times[after] - wanted + 1e-6
    exists = wanted[:, -1] <= times[-1] + INTERVAL / 2 if len(times) else np.zeros(0, np.bool_)
    return np.where(nearer, before, after).astype(np.int64), np.asarray(exists, np.bool_)


def _video_forward(network: Sync) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(windows: torch.Tensor) -> torch.Tensor:
        """(N, 11, 64, 64, 3) uint8 -> (N, 128)."""
        return network.video(windows.permute(0, 1, 4, 2, 3).float() * (2 / 255) - 1)

    return forward

"""Writing a clip without loss: FFV1 in RGB and 16-bit PCM in Matroska, with its record beside it.

Equal input gives equal bytes, on any day and in any process: one encoder thread, a fixed number of slices,
key frames only, fixed audio packets, and a muxer that writes no dates and no random identifiers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import ArrayLike, NDArray

from spfem_baselines import Space
from spfem_bench.clips.checking import checked_images, checked_map, checked_rate, checked_times
from spfem_bench.clips.digest import NOTHING, AudioHasher, VideoHasher
from spfem_bench.clips.muxing import Pictures, Sound, audio_frames, mux, peeked
from spfem_bench.clips.picture import Image
from spfem_bench.clips.sink import whole_file
from spfem_bench.clips.sound import Pcm, PcmSource, blocks
from spfem_bench.clips.stored import StoredMeta, record_path, to_json
from spfem_bench.clips.timing import regular_times, timeline_from
from spfem_bench.clips.types import AudioInfo, ContentDigest
from spfem_bench.errors import UsageError

TICK = Fraction(1, 1000)
"""Matroska's clock in seconds; the record keeps the exact times."""

_SMALLEST_SLICED = 16
"""Pixels a side below which FFV1 gets one slice: it refuses to cut very small frames."""


def write_lossless(
    path: Path | str,
    chunks: Iterable[NDArray[np.uint8]],
    *,
    fps: Fraction,
    times: NDArray[np.float64] | None = None,
    audio: PcmSource | None = None,
    frame_map: ArrayLike | None = None,
    space: Space = "frame",
) -> StoredMeta:
    """Store frames and sound exactly; frames are taken one chunk at a time.

    Args:
        path: ends in ``.mkv``; an older clip and record of that name are replaced.
        chunks: (N, H, W, 3) uint8 RGB, all of one size.
        fps: exact rate.
        times: (T,) seconds of every frame from 0, increasing; None for ``i / fps``.
        audio: sound that starts with the first frame; `PcmSource.fitted` makes it as long as the video.
        frame_map: (T,) for each frame the source frame it stands for, None for frame i = source frame i.
        space: what of its source's frame the clip shows.

    Returns:
        The record, as written beside the video.

    Raises:
        UsageError: frames, times or map are not as said above; nothing is stored.
        StorageError: the disk is full or the folder read-only; nothing is stored.
    """
    video = _target(path)
    rate = checked_rate(fps)
    tape = _Tape(rate, times)
    sound = _SoundTape(audio)
    with whole_file(video) as sink:
        first, images = peeked(checked_images(chunks))
        if first is None:
            raise UsageError("there are no frames to store")
        mux(sink, "matroska", _pictures(first, rate, tape.frames(images)), sound.track())
        final = tape.finish()
        record = StoredMeta(
            size=(first.shape[1], first.shape[0]),
            frame_count=len(final),
            fps=rate,
            times=None if timeline_from(final, rate).regular else tuple(final.tolist()),
            frame_map=checked_map(frame_map, len(final)),
            audio=sound.info(),
            digest=ContentDigest(tape.hasher.finish(final), sound.digest()),
            space=space,
        )
        # From here to the end a video without a record is an unfinished one, never one with an old record.
        record_path(video).unlink(missing_ok=True)
    with whole_file(record_path(video)) as sink:
        sink.write(to_json(record).encode())
    return record


def _target(path: Path | str) -> Path:
    video = Path(path)
    if video.suffix != ".mkv":
        raise UsageError(f"{video} must end in .mkv: lossless clips are Matroska files")
    return video


class _Tape:
    """Counts, times and hashes the frames that pass to the encoder."""

    def __init__(self, fps: Fraction, times: NDArray[np.float64] | None) -> None:
        self._fps = fps
        self._times = None if times is None else checked_times(times)
        self._count = 0
        self.hasher = VideoHasher()

    def frames(self, images: Iterator[Image]) -> Iterator[av.VideoFrame]:
        """Encoder frames on Matroska's clock, whose stamps must differ."""
        last = -1
        for image in images:
            self.hasher.add(image)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            last = max(last + 1, round(self._seconds(self._count) / TICK))
            frame.pts, frame.time_base = last, TICK
            self._count += 1
            yield frame

    def finish(self) -> NDArray[np.float64]:
        """(T,) the times of the frames that passed."""
        if self._times is None:
            return regular_times(self._count, self._fps)
        if len(self._times) != self._count:
            raise UsageError(f"{len(self._times)} times were given for {self._count} frames")
        return self._times

    def _seconds(self, at: int) -> Fraction:
        if self._times is None:
            return at / self._fps
        if at >= len(self._times):
            raise UsageError(f"{len(self._times)} times were given, frames go on")
        return Fraction(float(self._times[at]))


class _SoundTape:
    """Hashes the sound that passes to the encoder."""

    def __init__(self, source: PcmSource | None) -> None:
        self._source = source
        self._hasher = None if source is None else AudioHasher(source.rate, source.channels)

    def track(self) -> Sound | None:
        """A PCM stream; None without a sample, since Matroska cannot hold an empty one."""
        if self._source is None:
            return None
        first, pieces = peeked(blocks(self._source.chunks()))
        if first is None:
            return None
        rate, channels = self._source.rate, self._source.channels
        return Sound("pcm_s16le", rate, channels, audio_frames(self._tapped(pieces), rate))

    def info(self) -> AudioInfo | None:
        """What passed."""
        if self._source is None or self._hasher is None or not self._hasher.samples:
            return None
        return AudioInfo(self._source.rate, self._source.channels, self._hasher.samples)

    def digest(self) -> str:
        """The digest of what passed."""
        return NOTHING if self._hasher is None else self._hasher.finish()

    def _tapped(self, pieces: Iterator[Pcm]) -> Iterator[Pcm]:
        for piece in pieces:
            if self._hasher is not None:
                self._hasher.add(piece)
            yield piece


def _pictures(image: Image, fps: Fraction, frames: Iterator[av.VideoFrame]) -> Pictures:
    height, width = image.shape[:2]
    slices = 4 if min(width, height) >= _SMALLEST_SLICED else 1
    options = {"level": "3", "slices": str(slices), "slicecrc": "1", "g": "1"}
    return Pictures("ffv1", fps, (width, height), "bgr0", TICK, options, frames)

"""`Clip`: one video with its sound on one time base, read lazily as often as wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_bench.clips.digest import VideoHasher, audio_digest
from spfem_bench.clips.index import VideoIndex, index_video
from spfem_bench.clips.reading import ChoosingReader, FrameReader, VideoFrames, find_sound
from spfem_bench.clips.sound import Pcm, PcmSource, mono
from spfem_bench.clips.stored import StoredMeta, read_meta
from spfem_bench.clips.timing import Timeline, timeline_of
from spfem_bench.clips.types import AudioInfo, ClipInfo, ContentDigest
from spfem_bench.errors import ClipError, IntegrityError, UsageError
from spfem_metrics.media import FrameBatch, Frames

CHUNK = 32
"""Most frames in memory at once while reading."""


@dataclass(frozen=True, eq=False)
class Clip:
    """Video and sound whose first frame is at 0 s. Fits `spfem_metrics` Media and a model's SourceClip.

    Nothing is kept in memory but the frame times, and that a stored clip was found whole; every reading opens
    the file anew.

    Args:
        path: the file, or the folder of frames.
        size: (width, height) in pixels, as displayed.
        timeline: rate and times of the frames.
        reader: gives the frames.
        sound: the sound, starting with the first frame; None without an audio stream.
        stored: the record written beside a lossless clip, None for any other.
    """

    path: Path
    size: tuple[int, int]
    timeline: Timeline
    reader: FrameReader
    sound: PcmSource | None = None
    stored: StoredMeta | None = None
    _found_whole: list[bool] = field(default_factory=list, init=False, repr=False)

    @property
    def fps(self) -> Fraction:
        """Nominal frames per second (the mean rate where the spacing varies)."""
        return self.timeline.fps

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return len(self.timeline.times)

    @property
    def times(self) -> NDArray[np.float64]:
        """(T,) float64 presentation times in seconds, the first at 0."""
        return self.timeline.times

    @cached_property
    def info(self) -> ClipInfo:
        """Everything about the clip; the first look decodes the sound once to count its samples."""
        sound = self.sound
        audio = None if sound is None else AudioInfo(sound.rate, sound.channels, sound.count())
        line = self.timeline
        return ClipInfo(self.size, self.frame_count, line.fps, line.variable, line.duration, audio)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Frames ``start`` to ``stop`` in chunks (N, H, W, 3) uint8 RGB, at most 32, C-contiguous, owned.

        Raises:
            ClipError: a frame cannot be decoded; all frames of a stored clip are read, and are not what was
                stored (FFmpeg hides damage to FFV1 behind the frame before).
            UsageError: ``start`` is negative.
        """
        return self._chunks(start, stop, CHUNK)

    def batches(self, size: int = CHUNK) -> Iterator[FrameBatch]:
        """All frames in order with their times, at most ``size`` at a time; raises as `frames` does."""
        start = 0
        for images in self._chunks(0, None, size):
            yield FrameBatch(start, images, self.times[start : start + len(images)])
            start += len(images)

    def chosen(self, frames: NDArray[np.int64], size: int = CHUNK) -> Iterator[Frames]:
        """The frames of numbers that increase, at most ``size`` at a time: the bytes that `frames` gives.

        What lies between is not decoded, or not converted, where that does not move them. A stored clip is
        checked by all of its frames, so the first time all of them are read.

        Raises:
            ClipError: as `frames`.
            UsageError: numbers that do not increase, are negative or beyond the end.
        """
        if len(frames) and (frames[0] < 0 or frames[-1] >= self.frame_count or (np.diff(frames) <= 0).any()):
            raise UsageError(f"{self.path}: frames are chosen by increasing numbers below {self.frame_count}")
        if len(frames) == self.frame_count:
            return self._chunks(0, None, size)
        return chunked(self._some(frames), len(frames), size, self.size) if len(frames) else iter(())

    def _some(self, frames: NDArray[np.int64]) -> Iterator[Frames]:
        if self.stored is not None and not self._found_whole:
            return self._some_of_all(frames, self.stored)
        if isinstance(self.reader, ChoosingReader):
            return self.reader.some(frames)
        return _picked(self.reader(0, int(frames[-1]) + 1), frames)

    def _some_of_all(self, frames: NDArray[np.int64], stored: StoredMeta) -> Iterator[Frames]:
        """The images; the last only once the whole clip was found to be as stored."""
        images = self._verified(self.reader(0, self.frame_count), stored)
        picked = _picked(images, frames)
        yield from islice(picked, len(frames) - 1)
        last = next(picked).copy()  # what a reader yields is good until the next
        for _ in images:
            pass
        yield last

    def audio(self, rate: int) -> NDArray[np.float32] | None:
        """(N,) float32 mono in [-1, 1] at ``rate`` Hz (see `spfem_bench.clips.sound`); None without audio.

        It starts with the first frame and may be shorter or longer than the video: `info` tells.
        """
        return None if self.sound is None else mono(self.sound, rate)

    def pcm(self) -> tuple[Pcm, int] | None:
        """((N, C) int16, rate) in the file's own rate and channels, all in memory; `sound` streams it."""
        return None if self.sound is None else (self.sound.read(), self.sound.rate)

    def _chunks(self, start: int, stop: int | None, size: int) -> Iterator[Frames]:
        end = self.frame_count if stop is None else min(stop, self.frame_count)
        if start < 0 or size < 1:
            raise UsageError(f"{self.path}: frames start at 0 and come at least 1 at a time")
        images = self.reader(start, end)
        if self.stored is not None and end - start == self.frame_count:
            images = self._verified(images, self.stored)
        return chunked(images, end - start, size, self.size) if start < end else iter(())

    def _verified(self, images: Iterator[Frames], stored: StoredMeta) -> Iterator[Frames]:
        """The images; the last only if all are those the record tells of."""
        hasher = VideoHasher()
        for at, image in enumerate(images, 1):
            hasher.add(image)
            if at == self.frame_count and hasher.finish(stored.timeline.times) != stored.digest.video:
                raise ClipError(f"{self.path} is damaged: its frames are not those stored; generate it again")
            if at == self.frame_count and not self._found_whole:
                self._found_whole.append(True)
            yield image


def _picked(images: Iterator[Frames], frames: NDArray[np.int64]) -> Iterator[Frames]:
    """Of a clip's images from the first on those of some numbers."""
    at = 0
    for number in frames.tolist():
        yield next(islice(images, number - at, None))
        at = number + 1


def chunked(images: Iterator[Frames], count: int, size: int, wh: tuple[int, int]) -> Iterator[Frames]:
    """``count`` images of (width, height) ``wh`` copied into fresh arrays of at most ``size``."""
    for at in range(0, count, size):
        chunk = np.empty((min(size, count - at), wh[1], wh[0], 3), np.uint8)
        for row in chunk:
            row[...] = next(images)
        yield chunk


def open_clip(path: Path | str, *, audio_path: Path | str | None = None) -> Clip:
    """Open a video file; its packets are read and its first frame decoded, no more.

    Sound in the same file is placed by the container's clock: what comes before the first frame is cut,
    a late start is preceded by silence. A separate sound file has no common clock, so its first sample
    stands at the first frame.

    Args:
        path: any file that FFmpeg reads, or one written by `write_lossless`, whose record gives exact times.
        audio_path: a separate sound file, used instead of the video's own.

    Raises:
        ClipError: either file cannot be read.
        IntegrityError: a stored clip and its record disagree.
    """
    video = Path(path)
    meta = read_meta(video)
    index = index_video(video)
    line = _timeline(video, index) if meta is None else _stored_timeline(video, index, meta)
    sound = find_sound(video, index.origin) if audio_path is None else _separate(Path(audio_path))
    return Clip(video, index.size, line, VideoFrames(video, index), sound, meta)


def content_digest(clip: Clip) -> ContentDigest:
    """Digests of what the clip shows and says; reads all of it once, in bounded memory.

    Equal for a clip and its lossless copy, since size, times, frames and samples are equal.
    """
    hasher = VideoHasher()
    for chunk in clip.frames():
        for image in chunk:
            hasher.add(image)
    return ContentDigest(hasher.finish(clip.times), audio_digest(clip.sound))


def _timeline(path: Path, index: VideoIndex) -> Timeline:
    try:
        return timeline_of(index.ticks, index.time_base, index.rates)
    except ValueError as error:
        raise ClipError(f"{path}: {error}; re-encode it at a stated frame rate") from error


def _stored_timeline(path: Path, index: VideoIndex, meta: StoredMeta) -> Timeline:
    if (len(index.ticks), index.size) != (meta.frame_count, meta.size):
        raise IntegrityError(
            f"{path} has {len(index.ticks)} frames of {index.size}, its record says {meta.frame_count} "
            f"of {meta.size}; generate it again"
        )
    return meta.timeline


def _separate(path: Path) -> PcmSource:
    sound = find_sound(path, None)
    if sound is None:
        raise ClipError(f"{path} has no sound; name an audio file or leave it out")
    return sound

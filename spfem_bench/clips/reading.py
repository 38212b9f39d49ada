"""Readers of frames and sound: small picklable values that open their file anew for every reading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, runtime_checkable

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from spfem_bench.clips.container import audio_stream, opened
from spfem_bench.clips.index import VideoIndex, damaged, decoded, ended_early
from spfem_bench.clips.picture import Image, to_rgb
from spfem_bench.clips.sound import Pcm, PcmSource
from spfem_bench.errors import ClipError

LONGEST_GAP = Fraction(1, 10)
"""Seconds by which sound may run late on its own stamps before silence is put in."""


class FrameReader(Protocol):
    """Gives the frames ``start`` to ``stop`` one by one; what it yields is only good until the next."""

    def __call__(self, start: int, stop: int) -> Iterator[Image]:
        """(H, W, 3) uint8 RGB each."""
        ...


@runtime_checkable
class ChoosingReader(Protocol):
    """A reader that can give some frames without all the work for the others."""

    def some(self, frames: NDArray[np.int64]) -> Iterator[Image]:
        """The frames of numbers that increase, as the reader itself gives them."""
        ...


@dataclass(frozen=True, eq=False)
class VideoFrames:
    """The frames of a video file, checked against its index.

    Frames before ``start`` are decoded and dropped, never sought: exact for every codec. Of `some` frames no
    other is decoded where packets stand alone (FFV1), and none converted to RGB elsewhere.
    """

    path: Path
    index: VideoIndex

    def __call__(self, start: int, stop: int) -> Iterator[Image]:
        """Frames in order.

        Raises:
            ClipError: a frame is damaged, missing, or of another size.
        """
        reformatter = VideoReformatter()
        at = 0
        for at, frame in enumerate(decoded(self.path), 1):
            if at > stop:
                return
            self._check(at - 1, frame)
            if at > start:
                yield self._sized(at - 1, to_rgb(frame, reformatter))
        if at < stop:
            raise ended_early(self.path, at, len(self.index.ticks))

    def some(self, frames: NDArray[np.int64]) -> Iterator[Image]:
        """The frames of these numbers, which increase.

        Raises:
            ClipError: one is damaged, missing, or of another size.
        """
        reformatter = VideoReformatter()
        wanted = frames.tolist()
        for at, (number, frame) in enumerate(self._numbered(wanted), 1):
            yield self._sized(number, to_rgb(frame, reformatter))
            if at == len(wanted):
                return
        raise ended_early(self.path, wanted[-1], len(self.index.ticks))

    def _numbered(self, wanted: list[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        """The frames of these numbers, and which they are."""
        if self.index.alone:
            only = {int(self.index.ticks[number]) for number in wanted}
            for number, frame in zip(wanted, decoded(self.path, only), strict=False):
                self._check(number, frame)
                yield number, frame
            return
        among = frozenset(wanted)
        for number, frame in enumerate(decoded(self.path)):
            self._check(number, frame)
            if number in among:
                yield number, frame

    def _check(self, at: int, frame: av.VideoFrame) -> None:
        if at >= len(self.index.ticks) or (self.index.stamped and frame.pts != self.index.ticks[at]):
            raise damaged(self.path, at)

    def _sized(self, at: int, image: Image) -> Image:
        if (image.shape[1], image.shape[0]) != self.index.size:
            raise ClipError(f"{self.path} changes its frame size at frame {at}; re-encode it at one size")
        return image


@dataclass(frozen=True)
class DecodedSound:
    """The sound of a file as int16 in its own rate and channels, from ``origin`` on.

    Sound before ``origin`` is cut, later sound is preceded by silence, and holes longer than
    `LONGEST_GAP` are filled with silence. Overlaps are left as they are.

    Args:
        path: of the file.
        rate: samples per second.
        layout: channel layout in libavutil's words.
        origin: seconds on the container's clock; None starts with the first sample there is.
    """

    path: Path
    rate: int
    layout: str
    origin: Fraction | None

    def __call__(self) -> Iterator[Pcm]:
        """Pieces (n, C) int16.

        Raises:
            ClipError: the sound is damaged.
        """
        return placed(self._pieces(), self.rate, self.origin)

    def _pieces(self) -> Iterator[tuple[Fraction | None, Pcm]]:
        to_pcm = AudioResampler(format="s16", layout=self.layout, rate=self.rate)
        with opened(self.path) as container:
            try:
                for frame in container.decode(audio=0):
                    yield from ((_time(frame), _samples(piece)) for piece in to_pcm.resample(frame))
            except (av.error.FFmpegError, ValueError) as error:
                raise ClipError(
                    f"the sound of {self.path} is damaged; copy it again or re-encode it"
                ) from error


def placed(
    pieces: Iterator[tuple[Fraction | None, Pcm]], rate: int, origin: Fraction | None
) -> Iterator[Pcm]:
    """Stamped pieces on one sample grid that starts at ``origin``, as `DecodedSound` says."""
    done: int | None = None  # samples given; below 0, samples that still lie before the origin
    for time, samples in pieces:
        origin = time if origin is None else origin
        due = (done or 0) if time is None or origin is None else round((time - origin) * rate)
        allowed = 0 if done is None else LONGEST_GAP * rate
        done = min(due, 0) if done is None else done
        if due - done > allowed:
            yield np.zeros((max(due, 0) - max(done, 0), samples.shape[1]), np.int16)
            done = due
        yield samples[max(0, -done) :]
        done += len(samples)


def find_sound(path: Path, origin: Fraction | None) -> PcmSource | None:
    """The sound of ``path``, None where it has no audio stream or an empty one.

    Raises:
        ClipError: the file is unreadable or its audio codec unknown.
    """
    with opened(path) as container:
        stream = audio_stream(container, path)
        if stream is None or not any(packet.size for packet in container.demux(stream)):
            return None
        rate, channels, layout = stream.rate, stream.channels, stream.layout.name
    return PcmSource(rate, channels, DecodedSound(path, rate, layout, origin))


def _time(frame: AudioFrame) -> Fraction | None:
    return None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base


def _samples(frame: AudioFrame) -> Pcm:
    flat = np.asarray(frame.to_ndarray(), np.int16)
    return flat.reshape(-1, len(frame.layout.channels))

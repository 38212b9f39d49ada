"""Which frames a video has and when they are shown, from its packets.

Packets are read, not decoded, except until the first frame is there (it settles size and orientation).
They are trusted when every one carries a distinct time stamp, the first is a key frame and also the first
shown, and the codec puts exactly one shown frame into a packet. Packets that an edit list discards do not
count. Otherwise (AVI with reordering, raw streams, VP8/VP9 with hidden frames, open starts) the stream is
decoded once and the frames counted. Reading checks every frame against this index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from spfem_bench.clips.container import opened, video_stream
from spfem_bench.clips.picture import to_rgb
from spfem_bench.errors import ClipError

ALONE = frozenset(("ffv1", "huffyuv", "mjpeg", "png", "prores"))
"""Codecs whose key frames need no other frame."""
ONE_FRAME_A_PACKET = frozenset(
    ("av1", "ffv1", "h264", "hevc", "huffyuv", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "png", "prores")
)


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """The frames that reading must give.

    Args:
        size: (width, height) in pixels, as displayed.
        ticks: (T,) int64 presentation stamps, increasing; 0, 1, ... where the file has none.
        stamped: False where the file has no stamps.
        time_base: seconds a tick.
        rates: nominal rates the container names, most trusted first.
        alone: whether every packet holds one frame, has its stamp, and can be decoded without any other.
    """

    size: tuple[int, int]
    ticks: NDArray[np.int64]
    stamped: bool
    time_base: Fraction
    rates: tuple[Fraction, ...]
    alone: bool = False

    @property
    def origin(self) -> Fraction:
        """The first frame's time on the container's own clock, in seconds."""
        return int(self.ticks[0]) * self.time_base if self.stamped else Fraction(0)


@dataclass(frozen=True, slots=True)
class _Stamp:
    pts: int | None
    key: bool
    shown: bool


def index_video(path: Path) -> VideoIndex:
    """Read the packets of ``path`` (and its frames where they cannot be trusted).

    Raises:
        ClipError: the file has no frame, ends early, or its time stamps cannot be made sense of.
    """
    with opened(path) as container:
        stream = video_stream(container, path)
        stamps, size = _scan(container, stream, path)
        # mp4 and mov list every packet up front, after edit lists have been applied; others do not.
        listed = len(stream.index_entries) if "mov" in container.format.name else 0
        if len(stamps) < listed:
            raise ended_early(path, len(stamps), listed)
        time_base = stream.time_base or Fraction(0)
        rates = tuple(r for r in (stream.average_rate, stream.base_rate, stream.guessed_rate) if r)
        codec = stream.codec_context.name
        trusted = _trusted(stamps, codec)
        alone = trusted and codec in ALONE and all(stamp.key and stamp.shown for stamp in stamps)
    ticks = _shown(stamps) if trusted else _decoded_ticks(path)
    if ticks is None:
        return _unstamped(path, size, rates)
    if not len(ticks):
        raise ClipError(f"{path} has no frames; record or copy it again")
    if not time_base or np.any(np.diff(ticks) <= 0):
        raise ClipError(f"{path} has presentation times that do not increase; re-encode it")
    return VideoIndex(size, ticks, True, time_base, rates, alone)


def ended_early(path: Path, got: int, promised: int) -> ClipError:
    """The sentence for a video that stops before its index says."""
    return ClipError(f"{path} stops after frame {got} of {promised}; copy it again or re-encode it")


def damaged(path: Path, frame: int) -> ClipError:
    """The sentence for a frame that does not decode."""
    return ClipError(f"{path} is damaged near frame {frame}; copy it again or re-encode it")


def _scan(container: InputContainer, stream: VideoStream, path: Path) -> tuple[list[_Stamp], tuple[int, int]]:
    stamps: list[_Stamp] = []
    size: tuple[int, int] | None = None
    try:
        for packet in container.demux(stream):
            if packet.size and not packet.is_corrupt:
                stamps.append(_Stamp(packet.pts, packet.is_keyframe, not packet.is_discard))
            if size is None:
                size = _first_size(packet.decode())
    except av.error.FFmpegError as error:
        raise damaged(path, len(stamps)) from error
    if size is None:
        raise ClipError(f"{path} has no frames; record or copy it again")
    return stamps, size


def _first_size(frames: list[av.VideoFrame]) -> tuple[int, int] | None:
    if not frames:
        return None
    shape = to_rgb(frames[0], VideoReformatter()).shape
    return shape[1], shape[0]


def _trusted(stamps: list[_Stamp], codec: str) -> bool:
    times = [stamp.pts for stamp in stamps]
    known = [time for time in times if time is not None]
    distinct = len(set(known)) == len(times)
    return codec in ONE_FRAME_A_PACKET and distinct and stamps[0].key and times[0] == min(known)


def _shown(stamps: list[_Stamp]) -> NDArray[np.int64]:
    return np.array(sorted(s.pts for s in stamps if s.shown and s.pts is not None), np.int64)


def _decoded_ticks(path: Path) -> NDArray[np.int64] | None:
    """Stamps of all decoded frames, None where frames carry none."""
    stamps = [frame.pts for frame in decoded(path)]
    known = [stamp for stamp in stamps if stamp is not None]
    return np.array(known, np.int64) if len(known) == len(stamps) else None


def decoded(path: Path, only: Collection[int] | None = None) -> Iterator[av.VideoFrame]:
    """All frames of ``path`` in order, or those of some stamps where every packet stands alone.

    Args:
        path: of the video.
        only: stamps; packets of other stamps are passed over. None for all frames.

    Raises:
        ClipError: a frame is damaged; it is never concealed.
    """
    count = 0
    with opened(path) as container:
        stream = video_stream(container, path)
        try:
            for packet in container.demux(stream):
                if only is not None and packet.size and packet.pts not in only:
                    continue
                for frame in packet.decode():
                    if frame.is_corrupt:
                        raise damaged(path, count)
                    yield frame
                    count += 1
        except av.error.FFmpegError as error:
            raise damaged(path, count) from error


def _unstamped(path: Path, size: tuple[int, int], rates: tuple[Fraction, ...]) -> VideoIndex:
    if not rates:
        raise ClipError(f"{path} has neither time stamps nor a frame rate; put it into an mp4 or mkv")
    count = sum(1 for _ in decoded(path))
    return VideoIndex(size, np.arange(count, dtype=np.int64), False, 1 / rates[0], rates)

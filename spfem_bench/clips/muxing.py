"""Tracks of encoder frames into one container, interleaved by time so that nothing waits in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import merge
from itertools import chain
from typing import TypeVar, cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.frame import Frame
from av.video.stream import VideoStream

from spfem_bench.clips.interrupts import interrupts_deferred
from spfem_bench.clips.sink import Sink
from spfem_bench.clips.sound import Pcm

_T = TypeVar("_T")


@dataclass(frozen=True)
class Pictures:
    """A video stream to write.

    Args:
        codec: FFmpeg's name of the encoder.
        fps: nominal rate.
        size: (width, height) in pixels.
        pix_fmt: pixel format the encoder gets.
        time_base: the encoder's clock, seconds a tick.
        options: of the encoder.
        frames: with ``pts`` and ``time_base`` set, in order.
    """

    codec: str
    fps: Fraction
    size: tuple[int, int]
    pix_fmt: str
    time_base: Fraction
    options: Mapping[str, str]
    frames: Iterator[av.VideoFrame]

    def open(self, output: OutputContainer) -> VideoStream:
        """Add the stream to a container."""
        stream = cast(VideoStream, output.add_stream(self.codec, rate=self.fps, options=dict(self.options)))
        stream.width, stream.height = self.size
        stream.pix_fmt = self.pix_fmt
        stream.codec_context.time_base = self.time_base
        stream.codec_context.thread_count = 1
        return stream


@dataclass(frozen=True)
class Sound:
    """An audio stream to write.

    Args:
        codec: FFmpeg's name of the encoder.
        rate: samples per second of the stream (frames of another rate are resampled by the encoder).
        channels: of the frames.
        frames: s16, with ``pts`` and ``time_base`` set, in order.
        options: of the encoder.
    """

    codec: str
    rate: int
    channels: int
    frames: Iterator[av.AudioFrame]
    options: Mapping[str, str] = field(default_factory=dict)

    def open(self, output: OutputContainer) -> AudioStream:
        """Add the stream to a container."""
        options = {**self.options, "threads": "1"}
        layout = layout_of(self.channels)
        return cast(
            AudioStream, output.add_stream(self.codec, rate=self.rate, options=options, layout=layout)
        )


def mux(sink: Sink, container: str, pictures: Pictures, sound: Sound | None) -> None:
    """Encode both streams into ``sink``, bit-exact for equal input.

    Raises:
        StorageError: the sink could not be written.
    """
    try:
        # The muxer's bitexact flag leaves out dates, version strings and random identifiers.
        output = av.open(sink, "w", format=container, options={"fflags": "+bitexact"})
        try:
            _encode(output, pictures, sound)
        finally:
            with interrupts_deferred():
                output.close()
    except av.error.FFmpegError as error:
        # PyAV reports a failed write as a failed callback; the sink knows what happened.
        raise sink.error or error from error


def _encode(output: OutputContainer, pictures: Pictures, sound: Sound | None) -> None:
    video = pictures.open(output)
    audio = None if sound is None else sound.open(output)
    heard: Iterator[Frame] = iter(()) if sound is None else sound.frames
    for frame in merge(cast(Iterator[Frame], pictures.frames), heard, key=_seconds):
        with interrupts_deferred():
            if isinstance(frame, av.VideoFrame):
                output.mux(video.encode(frame))
            elif audio is not None and isinstance(frame, av.AudioFrame):
                output.mux(audio.encode(frame))
    with interrupts_deferred():
        output.mux(video.encode(None))
        if audio is not None:
            output.mux(audio.encode(None))


def audio_frames(pieces: Iterator[Pcm], rate: int) -> Iterator[av.AudioFrame]:
    """Encoder frames of (n, C) int16 pieces that follow one another from time 0."""
    at = 0
    for piece in pieces:
        channels = piece.shape[1]
        frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout=layout_of(channels))
        frame.sample_rate = rate
        frame.pts, frame.time_base = at, Fraction(1, rate)
        at += len(piece)
        yield frame


def layout_of(channels: int) -> str:
    """The name in libavutil of the plain layout with that many channels."""
    return {1: "mono", 2: "stereo"}.get(channels, f"{channels}C")


def peeked(items: Iterator[_T]) -> tuple[_T | None, Iterator[_T]]:
    """The first item (None if there is none) and an iterator over all of them."""
    first = next(items, None)
    return first, items if first is None else chain((first,), items)


def _seconds(frame: Frame) -> Fraction:
    if frame.pts is None or frame.time_base is None:
        raise ValueError("an encoder frame without a time")
    return frame.pts * frame.time_base

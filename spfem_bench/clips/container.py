"""Opening a media file with PyAV, and turning what can go wrong there into one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from spfem_bench.errors import ClipError

MAX_SIDE = 8192
"""Pixels; larger frames are refused, since one damaged header could otherwise claim all memory."""


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A container open for reading; nothing but local files is followed from inside it.

    Raises:
        ClipError: the file is missing, unreadable or not a media file.
    """
    _check_file(path)
    try:
        # Titles in odd encodings are common in recorded data and of no interest here.
        container = av.open(
            str(path.absolute()), "r", options={"protocol_whitelist": "file"}, metadata_errors="ignore"
        )
    except (av.error.FFmpegError, OSError) as error:
        raise ClipError(
            f"{path} is not a readable media file, or was cut off before its index was written; "
            "copy it again or re-encode it"
        ) from error
    with container:
        yield container


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that is not a cover picture, ready to decode.

    Raises:
        ClipError: there is none, no decoder for it, or its frames are too large.
    """
    pictured = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not pictured:
        raise ClipError(f"{path} has no video stream; name a video file")
    stream = pictured[0]
    _check_decoder(stream, path)
    if max(stream.width, stream.height) > MAX_SIDE:
        raise ClipError(
            f"{path} has frames of {stream.width}x{stream.height}, more than {MAX_SIDE} pixels a side; "
            "scale it down"
        )
    # A fixed small number: decoded bytes do not depend on it, but the frames in flight do.
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = 2
    return stream


def audio_stream(container: InputContainer, path: Path) -> AudioStream | None:
    """The first audio stream, None without one.

    Raises:
        ClipError: it has no decoder here.
    """
    if not container.streams.audio:
        return None
    _check_decoder(container.streams.audio[0], path)
    return container.streams.audio[0]


def _check_decoder(stream: VideoStream | AudioStream, path: Path) -> None:
    # PyAV gives streams of unknown codecs no context, whatever its types say.
    if getattr(stream, "codec_context", None) is None:
        raise ClipError(f"{path} holds a {stream.type} codec that this PyAV cannot decode; re-encode it")


def _check_file(path: Path) -> None:
    if not path.exists():
        raise ClipError(f"{path} does not exist; check the path and the dataset's root")
    if path.is_dir():
        raise ClipError(f"{path} is a folder, not a media file; open a folder of frames with open_frames")
    if not os.access(path, os.R_OK):
        raise ClipError(f"{path} cannot be read; check its permissions")
    if path.stat().st_size == 0:
        raise ClipError(f"{path} is empty (0 bytes); copy it again")

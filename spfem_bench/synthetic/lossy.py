"""Rendered clips as recorded datasets come: H.264 in mp4, AAC in mp4 or m4a, at the exact frame rate.

Only exports are written so. What is measured against the truth pixel by pixel is stored without loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from spfem_bench.clips.interrupts import interrupts_deferred
from spfem_bench.clips.muxing import Pictures, Sound, audio_frames, mux, peeked
from spfem_bench.clips.sink import Sink, whole_file
from spfem_bench.clips.sound import Pcm, PcmSource, blocks
from spfem_bench.errors import UsageError
from spfem_bench.synthetic.speech.voice import RATE

SOUND_RATE = 48000
"""Hz of the stored sound, as RAVDESS has it; the voice itself holds nothing above 8 kHz."""

_VIDEO = {"crf": "18", "preset": "veryfast"}
_AUDIO = {"b": "96k"}


def write_mp4(
    path: Path, chunks: Iterable[NDArray[np.uint8]], fps: Fraction, voice: NDArray[np.float32] | None = None
) -> None:
    """Encode frames, with a voice or without one; the file appears whole or not at all.

    Args:
        path: its folder must exist.
        chunks: (N, H, W, 3) uint8 RGB, H and W even.
        fps: exact rate.
        voice: (N,) float32 in [-1, 1] at 16 kHz, starting with the first frame.

    Raises:
        UsageError: there are no frames, or they have an odd side.
        StorageError: the file cannot be written.
    """
    first, images = peeked(image for chunk in chunks for image in chunk)
    if first is None or first.shape[0] % 2 or first.shape[1] % 2:
        raise UsageError(f"{path}: H.264 takes frames of even height and width: give an even size")
    size = (first.shape[1], first.shape[0])
    pictures = Pictures("libx264", fps, size, "yuv420p", 1 / fps, _VIDEO, _stamped(images, fps))
    with whole_file(path) as sink:
        mux(sink, "mp4", pictures, None if voice is None else _sound(voice))


def write_m4a(path: Path, voice: NDArray[np.float32]) -> None:
    """Encode a voice alone; see `write_mp4`.

    Raises:
        StorageError: the file cannot be written.
    """
    with whole_file(path) as sink:
        try:
            _encode(sink, _sound(voice))
        except av.error.FFmpegError as error:
            # PyAV reports a failed write as a failed callback; the sink knows what happened.
            raise sink.error or error from error


def pcm_of(voice: NDArray[np.float32], rate: int = RATE) -> Pcm:
    """(N, 1) int16 at ``rate`` of a voice (N,) float32 in [-1, 1] at 16 kHz."""
    ratio = Fraction(rate, RATE)
    wanted = voice if ratio == 1 else resample_poly(voice, ratio.numerator, ratio.denominator)
    return np.rint(np.clip(wanted, -1, 1) * 32767).astype(np.int16)[:, None]


def pcm_source(voice: NDArray[np.float32], rate: int = RATE) -> PcmSource:
    """The same as sound to be stored."""
    return PcmSource.from_array(pcm_of(voice, rate), rate)


def _stamped(images: Iterator[NDArray[np.uint8]], fps: Fraction) -> Iterator[av.VideoFrame]:
    for at, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = at, 1 / fps
        yield frame


def _sound(voice: NDArray[np.float32]) -> Sound:
    pieces = blocks(iter((pcm_of(voice, SOUND_RATE),)))
    return Sound("aac", SOUND_RATE, 1, audio_frames(pieces, SOUND_RATE), _AUDIO)


def _encode(sink: Sink, sound: Sound) -> None:
    output = av.open(sink, "w", format="ipod", options={"fflags": "+bitexact"})
    try:
        stream = sound.open(output)
        for frame in sound.frames:
            with interrupts_deferred():
                output.mux(stream.encode(frame))
        with interrupts_deferred():
            output.mux(stream.encode(None))
    finally:
        with interrupts_deferred():
            output.close()

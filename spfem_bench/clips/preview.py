"""A copy for viewing only: H.264 and AAC in mp4. Re-encoding moves every metric, so nothing measures it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from spfem_bench.clips.clip import Clip
from spfem_bench.clips.muxing import Pictures, Sound, audio_frames, mux
from spfem_bench.clips.picture import Image
from spfem_bench.clips.sink import whole_file
from spfem_bench.clips.sound import Pcm, PcmSource, blocks

TICK = Fraction(1, 90000)
"""The mp4's clock in seconds."""

_AAC_RATES = frozenset(
    (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
)


def write_preview(path: Path | str, clip: Clip) -> None:
    """Write ``clip`` as an mp4 any player shows; odd sizes gain a repeated last row or column.

    Raises:
        ClipError: the clip cannot be decoded.
        StorageError: the file cannot be written; nothing is left behind.
    """
    width, height = clip.size
    even = (width + width % 2, height + height % 2)
    options = {"crf": "18", "preset": "veryfast"}
    pictures = Pictures("libx264", clip.fps, even, "yuv420p", TICK, options, _frames(clip))
    with whole_file(Path(path)) as sink:
        mux(sink, "mp4", pictures, None if clip.sound is None else _sound(clip.sound))


def _frames(clip: Clip) -> Iterator[av.VideoFrame]:
    images = (image for chunk in clip.frames() for image in chunk)
    for time, image in zip(clip.times, images, strict=True):
        frame = av.VideoFrame.from_ndarray(_even(image), format="rgb24")
        frame.pts, frame.time_base = round(Fraction(float(time)) / TICK), TICK
        yield frame


def _even(image: Image) -> Image:
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _sound(source: PcmSource) -> Sound:
    rate = source.rate if source.rate in _AAC_RATES else 48000
    channels = min(source.channels, 2)
    pieces = blocks(_at_most_stereo(piece) for piece in source.chunks())
    return Sound("aac", rate, channels, audio_frames(pieces, source.rate))


def _at_most_stereo(piece: Pcm) -> Pcm:
    return piece[:, :2] if piece.shape[1] > 2 else piece

"""Prepared frames and sound into files; the same input gives the same bytes."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

from spfem_baselines.contract import Frames
from spfem_bench.adapters.command.steps.names import CRF
from spfem_bench.clips.muxing import Pictures, Sound, audio_frames, mux
from spfem_bench.clips.sink import whole_file
from spfem_bench.clips.sound import blocks
from spfem_bench.errors import StorageError
from spfem_bench.fsio import storage_errors

TICK = Fraction(1, 90000)
"""The mp4's clock in seconds."""

_CODECS = {
    "mp4": ("libx264", "yuv420p", {"crf": str(CRF), "preset": "fast"}),
    "mp4-lossless": ("libx264rgb", "rgb24", {"qp": "0", "preset": "veryfast"}),
}


def write_video(
    path: Path,
    chunks: Iterator[Frames],
    times: NDArray[np.float64],
    fps: Fraction,
    form: Literal["mp4", "mp4-lossless"],
    sound: Path | None = None,
) -> tuple[int, int]:
    """Encode frames, one thread, key frames only.

    Readers may then seek to any frame, the first stamp is 0, and the same frames give the same bytes: with
    predicted frames, x264 gave other bytes in 1 to 9 of 100 encodings of pictures of 48x32 pixels, in none of
    550 with key frames only.

    Args:
        path: the mp4.
        chunks: (n, H, W, 3) uint8 RGB.
        times: (T,) seconds of every frame.
        fps: nominal rate.
        form: yuv420p, which every reader takes (odd sides gain a repeated row or column; BT.601, untagged),
            or RGB without loss.
        sound: a wav file that the video is to carry too, as AAC.

    Returns:
        (width, height) of the video.

    Raises:
        StorageError: the disk is full or the folder read-only.
    """
    codec, pixels, options = _CODECS[form]
    first = next(chunks)
    height, width = first.shape[1:3]
    size = (width + width % 2, height + height % 2) if form == "mp4" else (width, height)
    images = (_padded(image, size) for chunk in _chained(first, chunks) for image in chunk)
    options = {**options, "g": "1", "x264-params": "threads=1"}
    frames = _stamped(images, times)
    pictures = Pictures(codec, fps, size, pixels, TICK, options, frames)
    with whole_file(path) as sink:
        mux(sink, "mp4", pictures, None if sound is None else _carried(sound))
    return size


def _chained(first: Frames, rest: Iterator[Frames]) -> Iterator[Frames]:
    yield first
    yield from rest


def _padded(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    return np.pad(image, ((0, size[1] - height), (0, size[0] - width), (0, 0)), mode="edge")


def _stamped(images: Iterator[NDArray[np.uint8]], times: NDArray[np.float64]) -> Iterator[av.VideoFrame]:
    for time, image in zip(times, images, strict=True):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = round(Fraction(float(time)) / TICK), TICK
        yield frame


def _carried(wav: Path) -> Sound:
    with wave.open(str(wav), "rb") as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 1)
    return Sound("aac", rate, 1, audio_frames(blocks(iter((samples,))), rate))


def write_frames(folder: Path, chunks: Iterator[Frames]) -> tuple[int, int]:
    """Write ``000000.png`` onwards; their (width, height).

    Raises:
        StorageError: the disk is full or the folder read-only.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True)
    at, size = 0, (0, 0)
    for chunk in chunks:
        for image in chunk:
            write_picture(folder / f"{at:06d}.png", image)
            at, size = at + 1, (image.shape[1], image.shape[0])
    return size


def write_picture(path: Path, image: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) uint8 RGB as PNG.

    Raises:
        StorageError: the disk is full or the folder read-only.
    """
    import cv2

    done, data = cv2.imencode(
        ".png", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 1]
    )
    if not done:
        raise StorageError(
            f"{path} cannot be encoded as a picture of {image.shape[1]}x{image.shape[0]} pixels"
        )
    with storage_errors(path):
        path.write_bytes(data.tobytes())


def write_wav(path: Path, samples: NDArray[np.float32], rate: int, length: Fraction) -> None:
    """Write mono sound in [-1, 1] as int16, cut or padded with silence to ``length`` seconds.

    Raises:
        StorageError: the disk is full or the folder read-only.
    """
    wanted = np.zeros(round(length * rate), np.float32)
    kept = samples[: len(wanted)]
    wanted[: len(kept)] = kept
    whole = np.clip(np.rint(wanted * 32768.0), -32768, 32767).astype("<i2")
    with storage_errors(path), wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.tobytes())

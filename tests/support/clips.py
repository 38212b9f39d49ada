"""Small clips made with PyAV alone, without the code under test."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]


def moving_box(count: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """(count, H, W, 3) uint8: a bright box on a gradient; frame i differs from every other."""
    width, height = size
    frames = np.empty((count, height, width, 3), np.uint8)
    frames[..., 0] = np.linspace(0, 200, width, dtype=np.uint8)
    frames[..., 1] = np.linspace(200, 0, height, dtype=np.uint8)[:, None]
    frames[..., 2] = (7 * np.arange(count) % 256)[:, None, None]
    for i, frame in enumerate(frames):
        left = (3 * i) % max(1, width - 8)
        frame[:8, left : left + 8] = 255
    return frames


def noise_frames(count: int, size: tuple[int, int] = (64, 48), seed: int = 0) -> NDArray[np.uint8]:
    """(count, H, W, 3) uint8 of uniform noise: every bit of every channel is used."""
    return np.random.default_rng(seed).integers(0, 256, (count, size[1], size[0], 3), dtype=np.uint8)


def tone(seconds: float, rate: int = 16000, hertz: float = 440.0, channels: int = 1) -> Pcm:
    """(N, channels) int16 sine at half scale."""
    t = np.arange(round(seconds * rate)) / rate
    wave = np.round(16384 * np.sin(2 * np.pi * hertz * t)).astype(np.int16)
    return np.repeat(wave[:, None], channels, axis=1)


def make_clip(
    path: Path,
    frames: NDArray[np.uint8],
    fps: Fraction | int = 25,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    times: Sequence[Fraction] | None = None,
    time_base: Fraction = Fraction(1, 90000),
    audio: tuple[Pcm, int] | None = None,
    audio_codec: str = "pcm_s16le",
    audio_start: Fraction = Fraction(0),
    rotation: int = 0,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Encode ``frames`` (T, H, W, 3) and sound into ``path``, whose suffix chooses the container.

    Args:
        times: seconds of every frame on the container's clock; i / fps where None.
        time_base: of the encoder, used with ``times``.
        audio: ((N, C) int16, rate).
        audio_start: seconds of the first sample on the container's clock.
        rotation: counter-clockwise degrees in the display matrix.
    """
    with av.open(str(path), "w", options=container_options or {}) as output:
        video = output.add_stream(codec, rate=Fraction(fps), options=options or {})
        video.width, video.height, video.pix_fmt = frames.shape[2], frames.shape[1], pix_fmt
        if times is not None:
            video.codec_context.time_base = time_base
        if rotation:
            video.set_display_rotation(rotation)
        sound = None if audio is None else _sound_stream(output, audio, audio_codec)
        for i, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base = time_base if times is not None else 1 / Fraction(fps)
            frame.pts = i if times is None else round(times[i] / time_base)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if sound is not None and audio is not None:
            _encode_sound(output, sound, audio, audio_start)
    return path


def make_audio(path: Path, samples: Pcm, rate: int, codec: str = "pcm_s16le") -> Path:
    """A file with sound only."""
    with av.open(str(path), "w") as output:
        stream = _sound_stream(output, (samples, rate), codec)
        _encode_sound(output, stream, (samples, rate), Fraction(0))
    return path


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo"}.get(channels, f"{channels}c")


def _sound_stream(output, audio: tuple[Pcm, int], codec: str):
    samples, rate = audio
    return output.add_stream(codec, rate=rate, layout=_layout(samples.shape[1]))


def _encode_sound(output, stream, audio: tuple[Pcm, int], start: Fraction) -> None:
    samples, rate = audio
    for at in range(0, len(samples), 1024):
        piece = np.ascontiguousarray(samples[at : at + 1024]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=_layout(samples.shape[1]))
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = at + round(start * rate)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))

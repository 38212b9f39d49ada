"""The JPEGs of SyncNet's published chain, byte for byte those of ffmpeg where it is given the same planes.

Both without the comment that names libavcodec's version (``bitexact``): the rate control counts its length.
Measured equal: PyAV 18.1 (libavcodec 62) and ffmpeg 9.0.2 (libavcodec 63).
"""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from spfem_metrics.networks import syncnet_jpeg
from spfem_metrics.networks.syncnet_jpeg import BITRATE, JpegChain, rule
from tests.support.ffmpeg import call, jpegs, segments
from tests.support.parity import EXACT, release
from tests.support.planted import pictures

Planes = np.ndarray


def planes(frames: int, width: int, height: int, blur: float) -> Planes:
    """(T, H * 3 / 2, W) uint8, as much detail as ``blur`` leaves."""
    noise = np.random.default_rng(frames).integers(0, 256, (frames, height * 3 // 2, width), np.uint8)
    return np.stack([cv2.GaussianBlur(plane, (0, 0), blur) for plane in noise]) if blur else noise


@pytest.fixture
def uncommented(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain's encoder leaves out the comment, as ffmpeg does with `BITEXACT`."""
    made = syncnet_jpeg._encoder

    def encoder(width: int, height: int, fps: Fraction) -> av.VideoCodecContext:
        context = made(width, height, fps)
        context.flags |= av.codec.context.Flags.bitexact
        return context

    monkeypatch.setattr(syncnet_jpeg, "_encoder", encoder)


BITEXACT = ["-flags:v", "+bitexact"]


def written(given: Planes, fps: int) -> list[bytes]:
    chain = JpegChain(Fraction(fps))
    return [chain.write(av.VideoFrame.from_ndarray(plane, format="yuvj420p")) for plane in given]


@pytest.mark.parametrize(
    ("frames", "size", "fps", "blur"),
    [(75, (224, 224), 25, 1.5), (40, (96, 80), 25, 2.0), (30, (98, 82), 30, 0.0)],
    ids=["crop", "small", "more detail than 200 kbit/s hold"],
)
def test_encoder_and_rate_control_are_ffmpegs(parity, frames, size, fps, blur, uncommented, tmp_path) -> None:
    width, height = size
    given = planes(frames, width, height, blur)
    form = ["-f", "rawvideo", "-pix_fmt", "yuvj420p", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
    wanted = jpegs(tmp_path / "jpegs", [*form, "-vf", "setsar=1", *BITEXACT], given.tobytes())
    ours = written(given, fps)
    assert len({len(jpeg) for jpeg in ours}) > frames / 4, "the rate control does nothing here"
    assert [jpeg == theirs for jpeg, theirs in zip(ours, wanted, strict=True)] == [True] * len(ours)
    oracle = f"ffmpeg of {release('imageio-ffmpeg')}"
    sides = [np.frombuffer(b"".join(side), np.uint8) for side in (ours, wanted)]
    parity("LSE official: JPEG bytes", oracle, *sides, EXACT, n=(len(ours), "frames"))


def test_decoded_planes_of_an_xvid_crop_give_ffmpegs_bytes(parity, uncommented, tmp_path) -> None:
    """The published chain's own input: mpeg4 in AVI, limited range, of which ffmpeg makes full range."""
    crop = tmp_path / "crop.avi"
    shown = np.stack([cv2.GaussianBlur(image, (0, 0), 1.5) for image in pictures(40, (224, 224), 3)])
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "224x224", "-r", "25", "-i", "-"]
    call(*raw, "-c:v", "mpeg4", "-threads", "1", "-vtag", "XVID", str(crop), stdin=shown.tobytes())
    wanted = jpegs(tmp_path / "jpegs", ["-i", str(crop), *BITEXACT])
    chain = JpegChain(Fraction(25))
    with av.open(str(crop)) as container:
        decoded = (frame.reformat(format="yuvj420p") for frame in container.decode(video=0))
        ours = [chain.write(frame) for frame in decoded]
    assert [jpeg == theirs for jpeg, theirs in zip(ours, wanted, strict=True)] == [True] * len(ours)
    oracle = f"ffmpeg of {release('imageio-ffmpeg')}"
    sides = [np.frombuffer(b"".join(side), np.uint8) for side in (ours, wanted)]
    parity("LSE official: JPEG bytes", oracle, *sides, EXACT, n=(len(ours), "frames"))


def test_the_files_are_of_square_pixels_half_the_chroma_and_named_libavcodec() -> None:
    chain = JpegChain(Fraction(25))
    frame = av.VideoFrame.from_ndarray(planes(1, 64, 48, 1.0)[0], format="yuvj420p")
    found = dict(segments(chain.write(frame)))
    assert found[0xE0][7:12] == bytes([0, 0, 1, 0, 1])  # JFIF: an aspect ratio, 1 to 1
    sampling = found[0xC0][7::3]
    assert list(sampling) == [0x22, 0x11, 0x11]
    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    assert found[0xFE].decode().strip("\0") == f"Lavc{version}"
    assert rule() == f"jpeg:mjpeg-{BITRATE // 1000}k-via-rgb-yuvj420p-bicubic-sar1-libavcodec{version}"

"""The program ffmpeg, to hold what this project writes by libavcodec against."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_SCAN = 0xDA


def ffmpeg() -> str:
    """The program of the package imageio-ffmpeg; a skip without the package."""
    package = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed, so is no ffmpeg")
    return str(package.get_ffmpeg_exe())


def jpegs(folder: Path, arguments: list[str], stdin: bytes = b"") -> list[bytes]:
    """What ``ffmpeg ARGUMENTS -threads 1 -f image2 %06d.jpg`` writes, in order."""
    folder.mkdir()
    call(*arguments, "-threads", "1", "-f", "image2", str(folder / "%06d.jpg"), stdin=stdin)
    return [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]


def call(*arguments: str, stdin: bytes = b"") -> None:
    """Run ffmpeg."""
    subprocess.run([ffmpeg(), "-v", "error", *arguments], input=stdin, check=True)


def segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, content) of a JPEG file's segments; the last is the scan with all that follows."""
    at = 2
    while True:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == _SCAN:
            yield marker, jpeg[at:]
            return
        yield marker, jpeg[at + 4 : at + 2 + length]
        at += 2 + length

"""The JPEGs that SyncNet's published evaluation looks at, instead of the frames.

It writes them by ``ffmpeg -i clip -f image2 %06d.jpg`` without a quality, so that one mjpeg encoder runs over
the clip at the default 200 kbit/s, and its rate control makes them worse from picture to picture: on 224 px
crops of real faces the first ten come to 38.7 dB, the last ten of 75 to 31.6 dB. What it writes depends on
libavcodec, so the version is part of the definition.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

BITRATE = 200_000
"""bit/s, the default of libavcodec's encoders of pictures."""


def rule() -> str:
    """As it stands in definitions."""
    import av

    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"jpeg:mjpeg-{BITRATE // 1000}k-yuvj420p-bicubic-libavcodec{version}"


class JpegChain:
    """One encoder over a clip; pictures go in and come out in order.

    Args:
        fps: frames per second, which share out the bit rate.
    """

    def __init__(self, fps: Fraction) -> None:
        self._fps = fps
        self._encoder: Any = None
        self._count = 0

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, of one size over the clip -> (H, W, 3) uint8 BGR, as OpenCV reads the JPEG."""
        import av

        if self._encoder is None:
            self._encoder = _encoder(image.shape[1], image.shape[0], self._fps)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(format="yuvj420p", interpolation="BICUBIC")
        frame.pts, frame.time_base = self._count, 1 / self._fps
        self._count += 1
        (packet,) = self._encoder.encode(frame)
        decoded = cv2.imdecode(np.frombuffer(bytes(packet), np.uint8), cv2.IMREAD_COLOR)
        return np.asarray(decoded, np.uint8)


def _encoder(width: int, height: int, fps: Fraction) -> Any:
    import av

    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.framerate, encoder.time_base, encoder.bit_rate = fps, 1 / fps, BITRATE
    # As `-threads 1`: with more, each thread would have a rate control of its own.
    encoder.thread_count = 1
    return encoder

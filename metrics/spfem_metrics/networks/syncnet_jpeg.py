"""The JPEGs that SyncNet's published evaluation looks at, instead of the frames.

It writes them by ``ffmpeg -i clip -f image2 %06d.jpg`` without a quality, so that one mjpeg encoder runs over
the clip at the default 200 kbit/s, and its rate control makes them worse from picture to picture: on 224 px
crops of real faces the first ten come to 38.7 dB, the last ten of 75 to 31.6 dB. What it writes depends on
libavcodec, so the version is part of the definition.

Given the planes that ffmpeg decodes, `JpegChain.write` gives ffmpeg's own bytes, but for the comment that
names libavcodec's version (tests/unit/test_reference_syncnet_jpeg.py). The rate control counts that comment
too: with one of another length, a picture in a hundred may be of another quality.

A `Media` hands out RGB, and features are kept under the digest of RGB, so that planes do not reach this
chain. It makes them from RGB again (``via-rgb``), at half the chroma as the published crops (XVID) have it,
where ffmpeg itself, given RGB, would write 4:4:4. The way there and back loses detail of colour: on 224 px
crops of eight real clips (XVID, ffmpeg 9.0) the pictures are 39.4 to 46.4 dB from the published ones, 45.9 to
50.2 dB in gray, while the published ones are 32.6 to 36.5 dB from the frames. What that moves LSE by has not
been measured.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av

BITRATE = 200_000
"""bit/s, the default of libavcodec's encoders of pictures."""


def rule() -> str:
    """As it stands in definitions."""
    import av

    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"jpeg:mjpeg-{BITRATE // 1000}k-via-rgb-yuvj420p-bicubic-sar1-libavcodec{version}"


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

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        jpeg = self.write(frame.reformat(format="yuvj420p", interpolation="BICUBIC"))
        return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)

    def write(self, frame: av.VideoFrame) -> bytes:
        """The next picture's planes (``yuvj420p``, of one size over the clip) as a JPEG file."""
        if self._encoder is None:
            self._encoder = _encoder(frame.width, frame.height, self._fps)
        frame.pts, frame.time_base = self._count, 1 / self._fps
        self._count += 1
        (packet,) = self._encoder.encode(frame)
        return bytes(packet)


def _encoder(width: int, height: int, fps: Fraction) -> Any:
    import av

    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.framerate, encoder.time_base, encoder.bit_rate = fps, 1 / fps, BITRATE
    # XVID says that pixels are square; ffmpeg writes that into each JPEG, and its rate control counts it.
    encoder.sample_aspect_ratio = Fraction(1)
    # As `-threads 1`: with more, each thread would have a rate control of its own.
    encoder.thread_count = 1
    return encoder

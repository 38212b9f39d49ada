"""From a decoded frame to RGB, pinned: the conversion moves low bits, so it is part of every definition.

swscale to rgb24 at the stored size with bicubic and full chroma interpolation, accurate rounding and
bit-exact code, which gives the same bytes on every processor and for every number of threads. Matrix and
range are the stream's own tags; untagged YUV is read as BT.601 limited range, as ffmpeg and OpenCV do.
10-bit, gray and paletted streams go the same way. Pixels are shown turned as the display matrix says
(quarter turns and mirrors); the pixel aspect ratio is ignored, as face tools do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

_BICUBIC, _FULL_CHROMA, _ACCURATE, _BITEXACT = 0x4, 0x2000, 0x40000, 0x80000
SWS_FLAGS = _BICUBIC | _FULL_CHROMA | _ACCURATE | _BITEXACT

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""


def to_rgb(frame: av.VideoFrame, reformatter: VideoReformatter) -> Image:
    """(H, W, 3) uint8 RGB as displayed. May share the frame's memory and be non-contiguous: copy to keep."""
    rgb = reformatter.reformat(frame, format="rgb24", interpolation=SWS_FLAGS)
    image = cast(Image, rgb.to_ndarray())
    matrix = display_matrix(frame)
    return image if matrix is None else turned(image, matrix)


def display_matrix(frame: av.VideoFrame) -> NDArray[np.int32] | None:
    """The frame's (9,) display matrix, None where it has none."""
    side_data = cast("Mapping[str, Any]", frame.side_data)
    data = side_data.get("DISPLAYMATRIX")
    return None if data is None else np.frombuffer(bytes(data), np.int32)


def turned(image: Image, matrix: NDArray[np.int32]) -> Image:
    """``image`` turned by the nearest quarter turn and mirror of a display matrix (a view).

    The matrix maps a stored pixel (p, q) to (a p + c q, b p + d q), as libavutil's display.h says.
    """
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    upright = abs(a) >= abs(b)
    across, down = (a, d) if upright else (c, b)
    view = image if upright else image.transpose(1, 0, 2)
    return view[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]

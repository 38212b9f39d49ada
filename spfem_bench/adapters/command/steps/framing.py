"""Cropping and resizing of prepared frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spfem_baselines.contract import Frames
from spfem_bench.adapters.command.parts import Crop

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the clip; right and bottom outside the box. May leave the frame."""


def square(face: Box, crop: Crop) -> Box:
    """The square of even side around a face, centred on it, grown by the crop's margin on each side."""
    left, top, right, bottom = face
    side = max(right - left, bottom - top) * (1 + 2 * crop.margin)
    half = max(1, round(side / 2))
    x, y = round((left + right) / 2), round((top + bottom) / 2)
    return (x - half, y - half, x + half, y + half)


def cropped(chunks: Iterator[Frames], box: Box) -> Iterator[Frames]:
    """The box of every frame; where it leaves the frame, edge pixels are repeated."""
    left, top, right, bottom = box
    for chunk in chunks:
        height, width = chunk.shape[1:3]
        rows = np.clip(np.arange(top, bottom), 0, height - 1)
        columns = np.clip(np.arange(left, right), 0, width - 1)
        yield chunk[:, rows[:, None], columns[None, :]]


def resized(chunks: Iterator[Frames], size: tuple[int, int]) -> Iterator[Frames]:
    """Frames of (width, height) ``size``: area averaging where both sides shrink, else bicubic."""
    import cv2

    for chunk in chunks:
        height, width = chunk.shape[1:3]
        if (width, height) == size:
            yield chunk
            continue
        shrinks = size[0] <= width and size[1] <= height
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        # OpenCV rounds and saturates by itself: uint8 in, uint8 out.
        yield np.stack([np.asarray(cv2.resize(image, size, interpolation=how), np.uint8) for image in chunk])

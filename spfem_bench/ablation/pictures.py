"""Strips of frames with a label before each row, as PNG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.fsio import write_atomically

Frames = NDArray[np.uint8]
Image = NDArray[np.uint8]

HEIGHT = 128
"""Of a row, in pixels."""
_GAP = 2
_LINE = 16
_SCALE = 0.4
_LETTERS = 18
"""Letters in a line of a label."""
_WIDTH = 140
"""Of the labels."""


def labelled(rows: Mapping[str, Frames], count: int) -> Image:
    """One row for each clip, the same instants in each.

    Args:
        rows: label -> (T, H, W, 3) uint8 RGB; clips of one length.
        count: of frames, spread evenly over the clip.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    length = min(len(frames) for frames in rows.values())
    # The first and last frames of a sentence are silence: instants in the middle of equal parts.
    places = ((np.arange(min(count, length)) + 0.5) * length / min(count, length)).astype(int)
    lines = [_line(label, [frames[i] for i in places]) for label, frames in rows.items()]
    width = max(line.shape[1] for line in lines)
    gap = np.full((_GAP, width, 3), 255, np.uint8)
    parts = [part for line in lines for part in (_padded(line, width), gap)]
    return np.concatenate(parts[:-1])


def write_picture(path: Path, image: Image) -> None:
    """Write (H, W, 3) uint8 RGB as PNG.

    Raises:
        StorageError: it cannot be written.
    """
    done, content = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert done
    write_atomically(path, content.tobytes())


def _line(label: str, images: list[Image]) -> Image:
    gap = np.full((HEIGHT, _GAP, 3), 255, np.uint8)
    parts = [part for image in images for part in (gap, _sized(image))]
    return np.concatenate([_label(label), *parts], axis=1)


def _label(text: str) -> Image:
    image = np.full((HEIGHT, _WIDTH, 3), 255, np.uint8)
    for number, line in enumerate(_wrapped(text)):
        place = (4, _LINE * (number + 1))
        cv2.putText(image, line, place, cv2.FONT_HERSHEY_SIMPLEX, _SCALE, (0, 0, 0), 1, cv2.LINE_AA)
    return image


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        fits = len(lines[-1]) + len(word) < _LETTERS
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if fits else [*lines, word]
    return [line for line in lines if line]


def _sized(image: Image) -> Image:
    """The picture at the height of a row."""
    height, width = image.shape[:2]
    size = (max(1, round(width * HEIGHT / height)), HEIGHT)
    smaller = cv2.INTER_AREA if height > HEIGHT else cv2.INTER_CUBIC
    return image if height == HEIGHT else np.asarray(cv2.resize(image, size, interpolation=smaller), np.uint8)


def _padded(line: Image, width: int) -> Image:
    return np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0)), constant_values=255)

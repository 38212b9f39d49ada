"""Whole frames brought to a network by PIL, as torchvision's transforms of PIL images do it.

``Resize(n)`` of a PIL image shrinks its short side to n px with an antialiased bilinear filter and rounds to
8 bits; ``CenterCrop(m)`` cuts the middle. Both are redone here on PIL alone: features differ by a hundred
times float rounding with any other resize.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.extractor import Arrays
from spfem_metrics.media import FrameBatch
from spfem_metrics.networks.chunks import Chunked

Picture = NDArray[np.uint8]
Mask = Literal["none", "given"]
"""Whether the clips' frames hold the whole picture, or come with all but the face masked by whoever made
them. Nothing is masked here: the word travels in the definition, so that numbers of both kinds never meet."""


@dataclass(frozen=True)
class Centre:
    """The middle of a frame whose short side was resized.

    Args:
        short: px of the short side.
        side: px of the square that is cut out, at most ``short``.
        mode: PIL's mode, into which the frame is converted first: ``L`` (luma of ITU-R 601-2) or ``RGB``.
    """

    short: int
    side: int
    mode: Literal["L", "RGB"]

    @property
    def words(self) -> str:
        """As definitions name it."""
        return f"frame-{self.mode},short{self.short}-pil-bilinear,centre{self.side}"

    def of(self, frame: Picture) -> Picture:
        """(H, W, 3) uint8 RGB -> (side, side, 1) or (side, side, 3) uint8.

        Raises:
            InputError: a frame without pixels.
        """
        from PIL import Image

        if not frame.size:
            raise InputError(f"a frame of shape {frame.shape} has no pixels")
        image = Image.fromarray(frame).convert(self.mode)
        width, height = image.size
        # The long side is cut off to whole px, as torchvision does it.
        long = int(self.short * max(width, height) / min(width, height))
        size = (self.short, long) if width <= height else (long, self.short)
        resized = np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.uint8)
        top, left = (round((length - self.side) / 2) for length in resized.shape[:2])
        cut = resized[top : top + self.side, left : left + self.side]
        return np.ascontiguousarray(cut.reshape(self.side, self.side, -1))


class FramesPass:
    """Runs a network on every frame, with or without a face.

    Args:
        chunked: the network.
        prepare: a frame's input.
        array: name of the result.
    """

    def __init__(self, chunked: Chunked, prepare: Callable[[Picture], Picture], array: str) -> None:
        self._chunked, self._prepare, self._array = chunked, prepare, array

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Take the next frames."""
        del upstream
        for image in batch.images:
            self._chunked.add(self._prepare(image))

    def finish(self) -> Arrays:
        """The result by its name, and ``valid``, true of every frame."""
        values, valid = self._chunked.finish()
        return {self._array: values, "valid": valid}


def checked_mask(mask: str) -> Mask:
    """The option ``mask`` of an extractor.

    Raises:
        DefinitionError: neither ``none`` nor ``given``.
    """
    from spfem_metrics.errors import DefinitionError

    if mask == "none":
        return "none"
    if mask == "given":
        return "given"
    raise DefinitionError(f"mask is none or given (the frames come masked), not {mask!r}")

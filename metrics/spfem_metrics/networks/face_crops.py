"""What classifiers of faces share: the face in the frame's pixels, and probabilities over a clip's frames.

A crop is cut without resizing, so that the one resize that follows is the classifier's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Arrays
from spfem_metrics.faces.alignment import square
from spfem_metrics.media import FrameBatch
from spfem_metrics.networks.chunks import Chunked
from spfem_metrics.sampling import check_count, within

Image = NDArray[np.uint8]

Crop = Literal["square", "box"]
"""``square`` around the box, black beyond the frame; ``box``: the box itself, cut off at the frame's edge,
which the resize to a square then stretches."""

Prepare = Callable[[Image, NDArray[np.floating]], Image]
"""A frame and its face's box -> the crop of the network's size, uint8 RGB."""


def checked_crop(crop: Crop, factor: float) -> str:
    """The crop's words in a definition, e.g. ``square-box1.3``.

    Raises:
        DefinitionError: another crop, or a factor not above 0.
    """
    if crop not in get_args(Crop) or not factor > 0:
        raise DefinitionError(f"a crop is square or box, with a factor above 0, not {crop!r} and {factor!r}")
    return f"{crop}-box{factor:g}"


def cut(image: Image, box: NDArray[np.floating], crop: Crop, factor: float) -> Image:
    """The face in the frame's pixels.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) x0 y0 x1 y1 px.
        crop: see `Crop`.
        factor: size of the crop over that of the box (over its longer side, for a square).

    Returns:
        (h, w, 3) uint8 RGB, at least one pixel.
    """
    return _square(image, box, factor) if crop == "square" else _box(image, box, factor)


def _square(image: Image, box: NDArray[np.floating], factor: float) -> Image:
    left, top, side = square(box, factor)
    height, width = image.shape[:2]
    canvas = np.zeros((side, side, 3), np.uint8)
    x0, x1 = max(left, 0), min(left + side, width)
    y0, y1 = max(top, 0), min(top + side, height)
    if x0 < x1 and y0 < y1:
        canvas[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return canvas


def _box(image: Image, box: NDArray[np.floating], factor: float) -> Image:
    middle, half = (box[:2] + box[2:]) / 2, factor * (box[2:] - box[:2]) / 2
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.rint(middle - half), 0, limit - 1).astype(int)
    high = np.clip(np.rint(middle + half), low + 1, limit).astype(int)
    return image[low[1] : high[1], low[0] : high[0]]


class ClassifyingPass:
    """Cuts each face and classifies it: ``probabilities`` (T, C) float32 and ``valid`` (T,) bool.

    Args:
        chunked: the classifier.
        prepare: makes its crop.
        chosen: numbers of the frames to read, ascending; None for all T of them.
    """

    def __init__(self, chunked: Chunked, prepare: Prepare, chosen: NDArray[np.int64] | None = None) -> None:
        self._chunked, self._prepare, self._chosen = chunked, prepare, chosen

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Take the faces of the next frames."""
        faces = upstream["faces"]
        for at in self._read(batch):
            found = faces["found"][at]
            self._chunked.add(
                self._prepare(batch.images[at], faces["box"][at].astype(float)) if found else None
            )

    def _read(self, batch: FrameBatch) -> NDArray[np.int64]:
        """Places in the batch of the frames to read."""
        if self._chosen is None:
            return np.arange(len(batch.images))
        return within(self._chosen, batch.start, len(batch.images))

    def finish(self) -> Arrays:
        """``probabilities``, zeros without a face, and ``valid``; with some frames only, ``frame``: which.

        Raises:
            InputError: the clip ended before a chosen frame.
        """
        probabilities, valid = self._chunked.finish()
        if self._chosen is None:
            return {"probabilities": probabilities, "valid": valid}
        check_count("the classifier's frames", len(valid), len(self._chosen))
        return {"probabilities": probabilities, "valid": valid, "frame": self._chosen}

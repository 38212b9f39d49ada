"""How much the face's brightness trembles from frame to frame: the extractor ``stability``.

``luma_change[t]`` is the mean over a face crop of abs(x[t+1] - 2 x[t] + x[t-1]), x being the luminance
(0..255, ITU-R BT.601 from RGB). Steady motion and slow light cancel in the second difference; flicker does
not. All three frames are cut by the similarity of their own smoothed points (``steady5``) to ArcFace's
112 px square, so that the head's motion is taken out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Arrays
from spfem_metrics.faces.alignment import align
from spfem_metrics.media import FrameBatch, Media

SIZE = 112


def stability(
    *, weights: Mapping[str, Path] | None = None, device: str = "cpu", **options: object
) -> Stability:
    """The extractor ``stability``; takes no weights and no options, and needs ``faces``.

    Raises:
        DefinitionError: an option was given.
    """
    del weights, device
    if options:
        raise DefinitionError(f"stability takes no options, not {sorted(options)}")
    return Stability()


@dataclass(frozen=True)
class Stability:
    """See the module."""

    name: str = "stability"
    definition: str = f"second-difference,luma601,steady5-similarity{SIZE},bilinear"
    requires: tuple[str, ...] = ("faces",)

    def start(self, media: Media) -> StabilityPass:
        """Begin a clip."""
        del media
        return StabilityPass()


class StabilityPass:
    """Holds the last two crops.

    Arrays: ``luma_change`` (T,) float32 in grey levels, and ``valid`` (T,) bool: True where this frame, the
    one before and the one after show the same track; zeros elsewhere, so also in the first and last frame.
    """

    def __init__(self) -> None:
        self._crops: list[tuple[int, NDArray[np.float32]]] = []
        self._changes: list[float] = []
        self._valid: list[bool] = []
        self._count = 0

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> None:
        """Compare each frame's crop with the two before it."""
        faces = upstream["faces"]
        for image, points, track in zip(batch.images, faces["steady5"], faces["track"], strict=True):
            self._crops = [*self._crops[-2:], (int(track), luminance(image, points, int(track)))]
            self._count += 1
            if len(self._crops) == 3:
                self._compare()

    def finish(self) -> Arrays:
        """The two arrays, one value a frame."""
        changes, valid = np.zeros(self._count, np.float32), np.zeros(self._count, np.bool_)
        changes[1 : 1 + len(self._changes)] = self._changes
        valid[1 : 1 + len(self._valid)] = self._valid
        return {"luma_change": changes, "valid": valid}

    def _compare(self) -> None:
        (before, a), (now, b), (after, c) = self._crops
        same = before == now == after != 0
        self._valid.append(same)
        self._changes.append(float(np.abs(a - 2 * b + c).mean()) if same else 0.0)


def luminance(image: NDArray[np.uint8], points: NDArray[np.generic], track: int) -> NDArray[np.float32]:
    """(112, 112) float32 luminance 0..255 of the stabilised crop; zeros where ``track`` is 0."""
    if track == 0:
        return np.zeros((SIZE, SIZE), np.float32)
    crop = align(image, points.astype(np.float64), SIZE)
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.float32)

"""What is drawn on: a fine RGBA canvas and a mask of creases, both averaged down to the frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.people.palette import Colour
from spfem_bench.synthetic.picture.curves import band, tapered
from spfem_bench.synthetic.picture.surface import Grid, depth_at
from spfem_bench.synthetic.picture.view import UNIT, View

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]

_FINE = 384
_SHIFT = 4


def supersampling(size: int) -> int:
    """Fine pixels along each side of a pixel of the frame."""
    return max(2, -(-_FINE // size))


class Canvas:
    """Draws shapes given in head coordinates; later shapes cover earlier ones.

    The fourth channel says how much the light on the head shades a pixel: 255 skin, 0 the backdrop.

    Args:
        ground: (F, F, 4) uint8 what is there at first; it is copied.
        view: where the head falls in the frame.
        depths: of the face at this instant.
        size: height and width of the frame in pixels.
    """

    def __init__(self, ground: Bytes, view: View, depths: Grid, size: int) -> None:
        self._fine = ground.copy()
        self._view = view
        self._depths = depths
        self._size = size
        self._over = len(ground) // size
        self._crease_over = max(1, -(-128 // size))
        side = size * self._crease_over
        self._creases = np.zeros((side, side), np.uint8)

    def fill(self, points: Floats, colour: Colour, share: int = 255) -> None:
        """A polygon of (N, 2) points on the face or (N, 3) points in space."""
        fixed = self._fixed(self.place(points), self._over)
        cv2.fillPoly(self._fine, [fixed], (*colour, share), lineType=cv2.LINE_8, shift=_SHIFT)

    def strokes(self, lines: Floats, colour: Colour, width: float, share: int = 255) -> None:
        """Open lines, (L, K, 3), of one width in inter-ocular distances."""
        pixels = self._view.project(lines.reshape(-1, 3)).reshape(*lines.shape[:2], 2)
        fixed = list(self._fixed(pixels, self._over))
        thick = max(1, round(width * UNIT * self._size * self._over))
        cv2.polylines(self._fine, fixed, False, (*colour, share), thick, cv2.LINE_8, _SHIFT)

    def outline(self, points: Floats, colour: Colour, width: float, share: int = 255) -> None:
        """A closed line through (N, 3) points."""
        self.strokes(np.concatenate([points, points[:1]])[None], colour, width, share)

    def hull(self, points: Floats, colour: Colour, share: int = 255) -> None:
        """What (N, 3) points span in the image."""
        pixels = self._view.project(points).astype(np.float32)
        around = cv2.convexHull(pixels)[:, 0].astype(np.float64)
        cv2.fillPoly(self._fine, [self._fixed(around, self._over)], (*colour, share), shift=_SHIFT)

    def flat(self, pixels: Floats, colour: Colour, share: int = 0) -> None:
        """A polygon given in pixels of the frame."""
        cv2.fillPoly(self._fine, [self._fixed(pixels, self._over)], (*colour, share), shift=_SHIFT)

    def crease(self, line: Floats, width: float, depth: float) -> None:
        """A soft dark line on the face; ``depth`` 0 leaves the skin as it is, 1 is black."""
        level = round(255 * min(max(depth, 0.0), 1.0))
        if level == 0:
            return
        self.shade(band(line, width * tapered(len(line))), level)

    def shade(self, shape: Floats, level: int) -> None:
        """A soft dark area on the face, 0 to 255; where areas meet the later one counts."""
        fixed = self._fixed(self.place(shape), self._crease_over)
        cv2.fillPoly(self._creases, [fixed], (level,), lineType=cv2.LINE_AA, shift=_SHIFT)

    def lift(self, points: Floats) -> Floats:
        """(N, 2) places to (N, 3) points on the face."""
        return depth_at(self._depths, points)

    def place(self, points: Floats) -> Floats:
        """(N, 2) or (N, 3) points to (N, 2) pixels of the frame."""
        return self._view.project(points if points.shape[1] == 3 else depth_at(self._depths, points))

    def averaged(self) -> tuple[Grid, Grid, Grid]:
        """Colours (S, S, 3) 0 to 255, shares of the light and creases, both (S, S, 1) 0 to 1."""
        size = (self._size, self._size)
        small = cv2.resize(self._fine, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        side = len(self._creases)
        soft = cv2.GaussianBlur(self._creases, (0, 0), max(0.018 * UNIT * side, 0.6))
        if side != self._size:
            soft = cv2.resize(soft, size, interpolation=cv2.INTER_AREA)
        return small[..., :3], small[..., 3:] / np.float32(255), soft[..., None] / np.float32(255)

    @staticmethod
    def _fixed(pixels: Floats, over: int) -> NDArray[np.int32]:
        return np.rint(((pixels + 0.5) * over - 0.5) * (1 << _SHIFT)).astype(np.int32)

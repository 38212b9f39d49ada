"""The square of a frame that the backbone sees, and how its edit goes back into the frame.

The edit returns at the frame's own resolution: the motion moves the frame's own pixels, and only what the
mask paints comes from the small picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_baselines.placing import ORIGIN, UNIT, Place

EYES = 0.34
"""Distance between the eyes in sides of the crop."""

BETWEEN = (0.5, 0.36)
"""The point between the eyes, in sides of the crop from its left and upper edge."""

FEATHER = 0.1
"""Width in sides over which the edit fades to nothing at the crop's border."""

_COARSE = 1.5
"""Frame pixels in a crop pixel beyond which the frame is smoothed before it is sampled."""

Floats = NDArray[np.float32]


def crop_place(place: Place, side: int) -> Place:
    """(2, 3) map from crop pixels to frame pixels, from a template's place (`spfem_baselines.placing`)."""
    zoom = UNIT / (EYES * side)
    shift = np.array(ORIGIN) - zoom * (np.array(BETWEEN) * side - 0.5)
    return np.concatenate([place[:, :2] * zoom, (place[:, :2] @ shift + place[:, 2])[:, None]], axis=1)


def cut(image: NDArray[np.uint8], place: Place, side: int) -> NDArray[np.uint8]:
    """The crop at a place.

    Args:
        image: (H, W, 3) uint8.
        place: crop pixels -> frame pixels, see `crop_place`.
        side: S of the crop.

    Returns:
        (S, S, 3) uint8, bilinear; beyond the frame its border goes on.
    """
    zoom = float(np.hypot(place[0, 0], place[1, 0]))
    if zoom > _COARSE:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 * zoom), np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(image, place, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8)


def window(side: int) -> Floats:
    """(S, S) float32: 1 inside, falling to 0 at the border as a half cosine over `FEATHER` of the side."""
    depth = np.minimum(np.arange(side) + 0.5, side - 0.5 - np.arange(side)) / (FEATHER * side)
    edge = 0.5 - 0.5 * np.cos(np.pi * np.clip(depth, 0.0, 1.0))
    return np.asarray(edge[:, None] * edge[None, :], np.float32)


def paste(
    image: NDArray[np.uint8], place: Place, flow: Floats, mask: Floats, colour: Floats
) -> NDArray[np.uint8]:
    """A frame with the edit of its crop.

    Args:
        image: (H, W, 3) uint8.
        place: crop pixels -> frame pixels.
        flow: (S, S, 2) crop pixels from where each pixel takes its value, 0 at the border.
        mask: (S, S) share that is painted, 0 to 1, 0 at the border.
        colour: (S, S, 3) 0..255 what is painted.

    Returns:
        (H, W, 3) uint8; untouched outside the crop.
    """
    size = (image.shape[1], image.shape[0])
    spread = _to_frame(flow, place, size) @ place[:, :2].T.astype(np.float32)
    share = _to_frame(mask, place, size)[..., None]
    paint = _to_frame(colour, place, size)
    xs, ys = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    moved = cv2.remap(
        image, xs + spread[..., 0], ys + spread[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
    )
    return np.asarray(np.rint(moved * (1 - share) + paint * share).clip(0, 255), np.uint8)


def _to_frame(plane: Floats, place: Place, size: tuple[int, int]) -> Floats:
    """A plane of the crop on the frame's grid, 0 outside."""
    spread = cv2.warpAffine(plane, place, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(spread, np.float32)

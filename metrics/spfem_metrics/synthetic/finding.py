"""Finding a rendered face: a look at the whole picture, then at the aligned face, then at the mouth.

The last look, at the mouth alone, gives the points of the lips: at the scale of the whole face an open mouth
is two or three pixels high.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.synthetic.nets.crops import SIDE, cut, matrix_of, mouth_matrix_of, to_image, whole

Look = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""(N, 64, 64, 3) uint8 crops -> (N, 159) float32 outputs of a landmark network."""

LOOKS = 2
"""Looks at the aligned face after the first."""

SURE = 0.5
"""Probability from which there is a face; asked of the first look and of the last."""

_POINTS, _LIPS, _DEGREES = 68, 48, 20.0


@dataclass(frozen=True)
class Found:
    """What was read of N pictures.

    Args:
        score: (N,) float64 lowest probability of a face over the looks.
        points: (N, 68, 2) float64 px in the picture, in the order of iBUG 300-W.
        angles: (N, 3) float64 degrees: yaw, pitch and roll, as the network was taught.
        gaze: (N, 2) float64 -1..1, to the image's right and down.
        blink: (N,) float64 0 open to 1 closed.
        units: (N, 16) float64 action units, 0 at rest.
    """

    score: NDArray[np.float64]
    points: NDArray[np.float64]
    angles: NDArray[np.float64]
    gaze: NDArray[np.float64]
    blink: NDArray[np.float64]
    units: NDArray[np.float64]


def find(look: Look, images: Sequence[NDArray[np.uint8]], looks: int = LOOKS) -> Found:
    """Read the face of each picture.

    Args:
        look: a landmark network.
        images: (H, W, 3) uint8 each.
        looks: how often the face is aligned by what the look before saw.
    """
    matrices = [whole(image) for image in images]
    outputs = _looked(look, images, matrices)
    score = _probability(outputs)
    for _ in range(looks):
        matrices = [matrix_of(points) for points in _in_picture(outputs, matrices)]
        outputs = _looked(look, images, matrices)
    points, rest = _in_picture(outputs, matrices), outputs[:, 2 * _POINTS :]
    turned = [(0.0, 0.0, np.degrees(np.arctan2(m[1, 0], m[0, 0]))) for m in matrices]
    return Found(
        score=np.minimum(score, _probability(outputs)),
        points=_with_lips(look, images, points),
        angles=rest[:, 1:4] * _DEGREES - np.array(turned),
        gaze=rest[:, 4:6],
        blink=np.clip(rest[:, 6], 0, 1),
        units=rest[:, 7:23],
    )


def _with_lips(
    look: Look, images: Sequence[NDArray[np.uint8]], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The points with those of the lips as a look at the mouth alone shows them."""
    matrices = list(mouth_matrix_of(points))
    close = _in_picture(_looked(look, images, matrices), matrices)
    return np.concatenate([points[:, :_LIPS], close[:, _LIPS:]], axis=1)


def _looked(
    look: Look, images: Sequence[NDArray[np.uint8]], matrices: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    crops = np.stack([cut(image, matrix) for image, matrix in zip(images, matrices, strict=True)])
    return look(crops).astype(np.float64)


def _probability(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-outputs[:, 2 * _POINTS])))


def _in_picture(outputs: NDArray[np.float64], matrices: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(N, 68, 2) px in the picture; a crop's -1..1 goes from its left and upper edge to the other."""
    inside = (outputs[:, : 2 * _POINTS].reshape(-1, _POINTS, 2) + 1) * (SIDE / 2) - 0.5
    return np.stack([to_image(own, matrix) for own, matrix in zip(inside, matrices, strict=True)])

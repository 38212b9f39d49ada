"""Crops and the search for a face, with a network that knows where it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_metrics.synthetic.finding import find
from spfem_metrics.synthetic.nets.crops import (
    RIGID,
    SIDE,
    TEMPLATE,
    ZOOM,
    cut,
    matrix_of,
    mouth_matrix_of,
    to_image,
    whole,
)

DRAW = np.random.default_rng(8)
FACE = DRAW.normal(0, 12, (68, 2))
FACE[list(RIGID)] = (TEMPLATE - 32) * 1.4


def placed(turn: float, scale: float, middle: tuple[float, float]) -> np.ndarray:
    angle = np.deg2rad(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return FACE @ rotation.T * scale + middle


def ramp(height: int, width: int) -> np.ndarray:
    """A picture whose red and green say where one is, in units of which 256 make its longer side."""
    ys, xs = np.mgrid[0:height, 0:width] * (255 / max(height, width))
    return np.stack([xs, ys, np.full_like(xs, 90)], axis=-1).round().astype(np.uint8)


class Oracle:
    """Answers with the truth as seen in each crop, which it reads off the ramp."""

    def __init__(self, points: np.ndarray, size: int, angle: float = 0.0, face: bool = True) -> None:
        self.points, self.scale, self.angle, self.face = points, 255 / size, angle, face
        self.crops: list[np.ndarray] = []

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        self.crops.append(crops)
        return np.stack([self._one(crop) for crop in crops]).astype(np.float32)

    def _one(self, crop: np.ndarray) -> np.ndarray:
        inside = ((crop[..., :2] > 4) & (crop[..., :2] < 250)).all(axis=-1)  # not the border's continuation
        ys, xs = np.nonzero(inside)
        seen = crop[ys, xs, :2] / self.scale
        known = np.stack([seen[:, 0], seen[:, 1], np.ones(len(xs))], axis=1)
        matrix = np.linalg.lstsq(known, np.stack([xs, ys], axis=1), rcond=None)[0].T
        points = self.points @ matrix[:, :2].T + matrix[:, 2]
        turn = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
        rest = [
            6.0 if self.face else -6.0,
            0.5,
            -0.25,
            (self.angle + turn) / 20,
            0.3,
            -0.2,
            1.4,
            *np.arange(16),
        ]
        return np.concatenate([((points + 0.5) / 32 - 1).ravel(), rest])


def test_the_rigid_points_come_to_lie_on_the_template():
    points = placed(14, 1.3, (70, 61))
    matrix = matrix_of(points)
    np.testing.assert_allclose(points[list(RIGID)] @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-9)


def test_a_mouth_does_not_move_the_crop():
    points = placed(0, 1, (64, 64))
    smile = points.copy()
    smile[48:] += 5
    np.testing.assert_array_equal(matrix_of(points), matrix_of(smile))


def test_the_mouth_comes_to_lie_in_the_middle_and_larger():
    points = np.stack([placed(14, 1.3, (70, 61)), placed(-5, 0.8, (50, 50))])
    close, face = mouth_matrix_of(points), matrix_of(points)
    for own, near, far in zip(points, close, face, strict=True):
        lips = own[48:] @ near[:, :2].T + near[:, 2]
        np.testing.assert_allclose(lips.mean(axis=0), [31.5, 31.5])
        np.testing.assert_allclose(near[:, :2], ZOOM * far[:, :2])


@settings(max_examples=25, deadline=None)
@given(turn=st.floats(-40, 40), scale=st.floats(0.4, 3), x=st.floats(30, 90))
def test_points_go_to_the_crop_and_back(turn, scale, x):
    matrix = matrix_of(placed(turn, scale, (x, 60)))
    inside = DRAW.uniform(0, SIDE, (5, 2))
    back = to_image(inside, matrix)
    np.testing.assert_allclose(back @ matrix[:, :2].T + matrix[:, 2], inside, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(128, 128), (300, 300), (90, 160), (40, 30)])
def test_the_whole_picture_fits_the_crop(height, width):
    image = ramp(height, width)
    matrix = whole(image)
    corners = np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]) @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(corners.mean(axis=0), [31.5, 31.5])
    assert np.ptp(corners, axis=0).max() == pytest.approx(SIDE)
    crop = cut(image, matrix)
    middle = crop[31:33, 31:33, :2].reshape(-1, 2).mean(axis=0) / (255 / max(height, width))
    np.testing.assert_allclose(middle, [(width - 1) / 2, (height - 1) / 2], atol=max(height, width) / 80)


def test_shrinking_by_area_moves_nothing():
    image = ramp(400, 400)
    for scale in (0.55, 0.3):
        matrix = np.array([[scale, 0, 31.5 - 200 * scale], [0, scale, 31.5 - 200 * scale]])
        seen = cut(image, matrix)[32, 20:44, 0] * (400 / 255)
        wanted = (np.arange(20, 44) - matrix[0, 2]) / scale
        np.testing.assert_allclose(seen, wanted, atol=2.5)


@pytest.mark.parametrize(("turn", "scale", "size"), [(0, 1, 128), (20, 1.2, 128), (-15, 2.0, 256)])
def test_a_network_that_knows_is_believed(turn, scale, size):
    points = placed(turn, scale, (size / 2, size / 2 + 4))
    look = Oracle(points, size, angle=float(turn))
    read = find(look, [ramp(size, size)])
    assert len(look.crops) == 4
    np.testing.assert_allclose(read.points[0], points, atol=0.02 * 36 * scale)
    assert read.score[0] > 0.99
    np.testing.assert_allclose(read.angles[0], [10, -5, turn], atol=1.5)
    np.testing.assert_allclose(read.gaze[0], [0.3, -0.2], atol=1e-6)
    assert read.blink[0] == 1.0
    np.testing.assert_allclose(read.units[0], np.arange(16))


def test_no_face_has_a_low_score():
    look = Oracle(placed(0, 1, (64, 64)), 128, face=False)
    assert find(look, [ramp(128, 128)]).score[0] < 0.01

"""From single faces to a clip's arrays: streaming, MTCNN's strides, MediaPipe's measures, stability."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_metrics import ArrayMedia, DefinitionError, FrameBatch, WeightsError
from spfem_metrics.extraction import extract
from spfem_metrics.faces import mediapipe, mtcnn, stability, yunet
from spfem_metrics.faces.alignment import ARCFACE_POINTS
from spfem_metrics.faces.boxes import LOOK_AHEAD, smooth_boxes
from spfem_metrics.faces.rows import BASE, Face, FacePass, Faces, Settling, blank, cut

TEMPLATE = ARCFACE_POINTS.astype(np.float32)


class MarkFinder:
    """Finds the faces whose places the first pixels of a frame spell: x offsets, 0 for none."""

    def __init__(self) -> None:
        self.looks: list[int] = []
        self.closed = False

    def find(self, images, times=None):
        self.looks.append(len(images))
        return [[self._face(x) for x in image[0, :2, 0] if x] for image in images]

    def close(self) -> None:
        self.closed = True

    @staticmethod
    def _face(x: int) -> Face:
        box = np.array([x, 10, x + 40, 60], np.float32)
        return Face(box, TEMPLATE + np.float32([x, 0]), 35.0)


def clip(*places: tuple[int, int]) -> np.ndarray:
    frames = np.zeros((len(places), 8, 8, 3), np.uint8)
    frames[:, 0, :2, 0] = places
    return frames


def faces_of(frames: np.ndarray, batch: int = 32) -> dict[str, np.ndarray]:
    extractor = Faces("marks", lambda _size: FacePass(MarkFinder(), BASE))
    return extract(ArrayMedia(frames, Fraction(25)), [extractor], batch=batch)["faces"]


def test_arrays_and_zeros_without_a_face():
    arrays = faces_of(clip(*[(20, 0)] * 5, *[(0, 0)] * 3, *[(22, 0)] * 4))
    assert arrays["found"].tolist() == [True] * 5 + [False] * 3 + [True] * 4
    assert arrays["raw_box"].dtype == np.float32
    for name, values in arrays.items():
        assert len(values) == 12
        assert not values[5:8].any(), name
    assert arrays["box"][0] == pytest.approx([20, 10, 60, 60], abs=2)


def test_the_first_face_is_followed_whatever_the_order():
    arrays = faces_of(clip(*[(20, 120)] * 3, *[(120, 22)] * 3))
    assert arrays["raw_box"][:, 0].tolist() == [20, 20, 20, 22, 22, 22]
    assert set(arrays["track"].tolist()) == {1}


@settings(max_examples=30, deadline=None)
@given(
    places=st.lists(st.sampled_from([0, 20, 24, 200]), min_size=1, max_size=70),
    batch=st.integers(1, 40),
)
def test_batches_move_nothing(places: list[int], batch: int):
    frames = clip(*[(x, 0) for x in places])
    one, many = faces_of(frames, batch=100), faces_of(frames, batch=batch)
    assert all(np.array_equal(one[name], many[name]) for name in one)
    assert np.array_equal(one["box"], smooth_boxes(one["raw_box"], one["track"]))


def test_rows_leave_once_they_are_final():
    settling = Settling(BASE)
    rows = blank(100, BASE)
    rows["track"][:], rows["raw_box"][:] = 1, np.arange(100, dtype=np.float32)[:, None]
    gone = []
    for start in range(0, 100, 7):
        given_back = settling.add(cut(rows, start, start + 7))
        gone.append(0 if given_back is None else len(given_back["box"]))
        assert sum(gone) == max(0, min(start + 7, 100) - LOOK_AHEAD)
    assert len(settling.finish()["box"]) == 100


def test_finder_is_closed_after_the_clip():
    finder = MarkFinder()
    work = FacePass(finder, BASE)
    work.push(FrameBatch(0, clip((20, 0)), np.zeros(1)), {})
    assert not finder.closed
    work.finish()
    assert finder.closed


def strided(frames: np.ndarray, finder: MarkFinder, batch: int = 32) -> dict[str, np.ndarray]:
    extractor = Faces("strided", lambda _size: mtcnn.StridedPass(finder, stride=5, chunk=2))
    return extract(ArrayMedia(frames, Fraction(25)), [extractor], batch=batch)["faces"]


def test_strided_faces_are_interpolated():
    finder = MarkFinder()
    arrays = strided(clip(*[(20 + i, 0) for i in range(13)]), finder)
    assert arrays["found"].all()
    assert arrays["raw_box"][:, 0] == pytest.approx(np.arange(20, 33))
    assert arrays["points5"][:, 0, 0] == pytest.approx(TEMPLATE[0, 0] + np.arange(20, 33))
    assert finder.looks == [2, 2]


def test_strided_gaps_are_not_found():
    arrays = strided(clip(*[(20, 0)] * 8, *[(0, 0)] * 5), MarkFinder())
    assert arrays["found"].tolist() == [True] * 6 + [False] * 7


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_strided_batches_move_nothing(batch: int):
    frames = clip(*[(20 + i % 9, 0) for i in range(37)])
    one, many = strided(frames, MarkFinder(), 100), strided(frames, MarkFinder(), batch)
    assert all(np.array_equal(one[name], many[name]) for name in one)


def test_no_face_at_all():
    arrays = faces_of(clip(*[(0, 0)] * 3))
    assert all(not values.any() and len(values) == 3 for values in arrays.values())


def turn(axis: str, degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    c, s = np.cos(a), np.sin(a)
    return {
        "yaw": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "pitch": np.array([[1, 0, 0], [0, c, s], [0, -s, c]]),
        "roll": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


@settings(max_examples=30, deadline=None)
@given(yaw=st.floats(-80, 80), pitch=st.floats(-80, 80), roll=st.floats(-80, 80), scale=st.floats(0.5, 2))
def test_pose_comes_back(yaw: float, pitch: float, roll: float, scale: float):
    matrix = np.eye(4)
    matrix[:3, :3] = scale * turn("yaw", yaw) @ turn("pitch", pitch) @ turn("roll", roll)
    assert mediapipe.head_pose(matrix) == pytest.approx([yaw, pitch, roll], abs=1e-3)


def looking(right: float, up: float, lean: float = 0.0) -> np.ndarray:
    """478 points with 30 px wide eyes, irises off centre, the head turned by ``lean`` radians."""
    points = np.zeros((478, 2), np.float32)
    for left, other, iris, x in ((33, 133, 468, 40.0), (362, 263, 473, 100.0)):
        points[left], points[other] = (x, 50), (x + 30, 50)
        points[iris] = (x + 15 + 30 * right, 50 - 30 * up)
    c, s = np.cos(lean), np.sin(lean)
    return points @ np.float32([[c, s], [-s, c]])


@pytest.mark.parametrize("lean", [0.0, 0.4, -0.4])
def test_gaze_in_eye_widths_whatever_the_lean(lean: float):
    assert mediapipe.gaze(looking(0.1, -0.05, lean)) == pytest.approx([0.1, -0.05], abs=1e-5)


def test_measures_of_a_face():
    points = np.zeros((478, 3), np.float32)
    points[:, :2] = looking(0, 0)
    points[13, :2], points[14, :2] = (85, 100), (85, 109)
    points[61, :2], points[291, :2] = (63, 105), (108, 105)
    face = mediapipe.measured(points, np.zeros(52, np.float32), np.eye(4))
    assert face.interocular == pytest.approx(90)
    assert face.more["mouth_opening"] == pytest.approx(0.1)
    assert face.more["mouth_width"] == pytest.approx(0.5)
    assert face.points5[0] == pytest.approx([55, 50])
    assert face.points5[4] == pytest.approx([108, 105])
    assert face.more["mouth_points"].shape == (40, 2)


@pytest.mark.parametrize("kept", [False, True])
def test_landmarks_are_kept_only_where_asked_for_and_the_definition_says_so(kept, tmp_path, monkeypatch):
    class Finder(MarkFinder):
        def __init__(self, bundle, size) -> None:
            super().__init__()

        @staticmethod
        def _face(x: int) -> Face:
            points = np.zeros((478, 3), np.float32)
            points[:, :2] = looking(0, 0) + x
            return mediapipe.measured(points, np.zeros(52, np.float32), np.eye(4))

    monkeypatch.setattr(mediapipe, "Landmarker", Finder)
    monkeypatch.setattr(mediapipe, "require_bundle", lambda path: path)
    (tmp_path / "x.task").write_bytes(b"a bundle")
    extractor = mediapipe.faces(weights={"model": tmp_path / "x.task"}, landmarks=kept)
    arrays = extract(ArrayMedia(clip(*[(20, 0)] * 4), Fraction(25)), [extractor])["faces"]
    assert ("landmarks" in arrays) is kept is extractor.definition.endswith(",landmarks")
    assert arrays["mouth_points"].shape == (4, 40, 2)
    if kept:
        assert arrays["landmarks"][0, 33, 0] == pytest.approx(60)
    else:
        assert sum(values.nbytes for values in arrays.values()) / 4 < 1000


def test_box_rises_over_the_mesh():
    assert mediapipe.bounds(np.float32([[10, 100], [60, 200]])) == pytest.approx([10, 88, 60, 200])


def test_names_and_lips_are_as_many_as_they_should_be():
    assert len(mediapipe.BLENDSHAPES) == len(set(mediapipe.BLENDSHAPES)) == 52
    assert len(mediapipe.LIPS) == len(set(mediapipe.LIPS)) == 40


@pytest.mark.parametrize("factory", [mediapipe.faces, yunet.faces])
def test_weights_are_asked_for(factory, tmp_path):
    with pytest.raises(DefinitionError, match="model"):
        factory(weights={})
    with pytest.raises(WeightsError, match="no such file"):
        factory(weights={"model": tmp_path / "none"})


@pytest.mark.parametrize("factory", [mediapipe.faces, yunet.faces, stability.stability])
def test_unknown_options_are_refused(factory):
    with pytest.raises(DefinitionError, match="colour"):
        factory(weights={}, colour=True)


def test_a_bundle_must_be_one(tmp_path):
    (tmp_path / "x.task").write_bytes(b"not a zip at all")
    with pytest.raises(WeightsError, match="task bundle"):
        mediapipe.faces(weights={"model": tmp_path / "x.task"})


def test_mtcnn_without_its_extra_says_how(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DefinitionError, match=r"spfem-bench\[mtcnn\]"):
        mtcnn.faces()


def still(frames: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    known = {
        "steady5": np.tile(TEMPLATE, (len(frames), 1, 1)),
        "track": np.ones(len(frames), np.int32),
    }
    return {"faces": known}


def test_stability_by_hand():
    frames = np.zeros((5, 112, 112, 3), np.uint8)
    for index, level in enumerate([100, 110, 120, 100, 100]):
        frames[index] = level
    arrays = extract(ArrayMedia(frames, Fraction(25)), [stability.stability()], known=still(frames))[
        "stability"
    ]
    assert arrays["luma_change"] == pytest.approx([0, 0, 30, 20, 0])
    assert arrays["valid"].tolist() == [False, True, True, True, False]


def test_stability_needs_one_track():
    frames = np.random.default_rng(0).integers(0, 256, (6, 112, 112, 3), dtype=np.uint8)
    known = still(frames)
    known["faces"]["track"][:] = [1, 1, 1, 2, 2, 2]
    arrays = extract(ArrayMedia(frames, Fraction(25)), [stability.stability()], known=known)["stability"]
    assert arrays["valid"].tolist() == [False, True, False, False, True, False]
    assert (arrays["luma_change"][~arrays["valid"]] == 0).all()

"""The OpenFace table that ICface-like models read by position, and what it is approximated from."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfem_baselines import CannotGenerateError
from spfem_bench.adapters.command.steps import openface
from spfem_bench.adapters.command.steps.openface import (
    Measured,
    columns,
    combined,
    intensities,
    openface_pose,
)
from spfem_bench.clips import open_clip
from spfem_bench.testing.fake_clips import FakeClip, fake_clip
from spfem_metrics.faces.mediapipe import BLENDSHAPES, head_pose


def test_the_layout_is_openfaces() -> None:
    names = columns()
    # Positions that a public model reads, and the ends of the blocks around them.
    assert len(names) == 714 == len(set(names))
    assert names[:5] == ["frame", "face_id", "timestamp", "confidence", "success"]
    assert names[12] == "gaze_angle_y"
    assert names[13] == "eye_lmk_x_0"
    assert names[292] == "eye_lmk_Z_55"
    assert names[293:300] == ["pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz", "x_0"]
    assert names[638] == "Z_67"
    assert names[678] == "p_33"
    assert names[679:682] == ["AU01_r", "AU02_r", "AU04_r"]
    assert names[695:697] == ["AU45_r", "AU01_c"]
    assert names[-2:] == ["AU28_c", "AU45_c"]
    assert tuple(openface.UNITS) == openface.INTENSITIES


def test_a_blendshape_moves_its_units_and_no_others() -> None:
    at = {name: i for i, name in enumerate(BLENDSHAPES)}
    coefficients = np.zeros((3, 52))
    coefficients[0, [at["browInnerUp"]]] = 0.5
    coefficients[1, [at["jawOpen"]]] = 1.0
    coefficients[2, [at["mouthSmileLeft"], at["mouthSmileRight"]]] = 0.4, 0.8
    values = dict(zip(openface.INTENSITIES, intensities(coefficients).T, strict=True))
    assert values["AU01_r"].tolist() == [1.5, 0, 0]
    assert values["AU26_r"].tolist() == [0, 5.0, 0]  # 6 of 5
    assert values["AU12_r"][2] == pytest.approx(1.5)
    assert values["AU06_r"][2] == pytest.approx(0.6)
    assert sum(float(column.sum()) for column in values.values()) == pytest.approx(1.5 + 5 + 1.5 + 0.6)


angles = st.floats(-40, 40)


@given(angles, angles, angles)
def test_the_pose_is_the_same_rotation_in_openfaces_axes(yaw: float, pitch: float, roll: float) -> None:
    rx, ry, rz = openface_pose(np.array([[yaw, pitch, roll]]))[0]
    rebuilt = _about_x(rx) @ _about_y(ry) @ _about_z(rz)
    flip = np.diag([1.0, -1.0, -1.0])
    matrix = np.eye(4)
    matrix[:3, :3] = flip @ rebuilt @ flip
    # head_pose gives float32 degrees.
    np.testing.assert_allclose(head_pose(matrix), [yaw, pitch, roll], atol=1e-3)


def test_signs_of_the_pose() -> None:
    # Up, to the image's right, and leaning to the image's left, ten degrees each.
    turned = openface_pose(np.array([[0, 10, 0], [10, 0, 0], [0, 0, 10.0]]))
    np.testing.assert_allclose(turned, -np.radians(10) * np.eye(3), atol=1e-12)


def test_lips_and_pose_are_the_sources_brows_the_references() -> None:
    source = Measured(np.full((4, 17), 0.5), np.arange(12.0).reshape(4, 3))
    reference = Measured(np.arange(2.0)[:, None] + np.full((2, 17), 2.0), np.zeros((2, 3)))
    table = combined(source, reference, Fraction(25))
    at = {name: i for i, name in enumerate(columns())}
    assert table[:, at["frame"]].tolist() == [1, 2, 3, 4]
    assert table[:, at["timestamp"]].tolist() == [0, 0.04, 0.08, 0.12]
    assert table[:, 296:299].tolist() == source.pose.tolist()
    assert table[:, at["AU04_r"]].tolist() == [2, 2, 3, 3]  # reference frame int(i / 2)
    assert table[:, at["AU12_r"]].tolist() == [0.5] * 4 == table[:, at["AU45_r"]].tolist()
    assert table[:, at["AU04_c"]].tolist() == [1] * 4
    assert table[:, at["AU12_c"]].tolist() == [0] * 4
    assert not table[:, at["x_0"] : at["p_33"]].any()


def test_frames_without_a_face_take_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = fake_clip(frames=5, size=32)
    shapes = np.zeros((5, 52))
    shapes[:, list(BLENDSHAPES).index("browInnerUp")] = [0, 0.1, 0.2, 0, 0.4]
    seen = np.array([False, True, True, False, True])
    monkeypatch.setattr(openface, "_observed", lambda _: (shapes, np.zeros((5, 3)), seen))
    np.testing.assert_allclose(openface.measure(clip).units[:, 0], [0.3, 0.3, 0.6, 0.6, 1.2])
    monkeypatch.setattr(
        openface, "_observed", lambda _: (shapes, np.zeros((5, 3)), seen & (np.arange(5) == 2))
    )
    with pytest.raises(CannotGenerateError, match="in 1 of 5 frames"):
        openface.measure(clip)


@pytest.mark.real
def test_a_table_of_real_faces(fixtures_dir: Path, weights_dir: Path, tmp_path: Path) -> None:
    assert weights_dir
    whole = open_clip(next(iter(sorted((fixtures_dir / "grid").iterdir()))))
    clip = FakeClip(np.concatenate(list(whole.frames(20, 44))), None)
    openface.write_units(tmp_path / "openface.csv", clip, clip, clip.fps)
    with (tmp_path / "openface.csv").open() as file:
        rows = list(csv.reader(file))
    table = np.array(rows[1:], float)
    assert rows[0] == columns()
    assert table.shape == (clip.frame_count, 714)
    assert np.abs(table[:, 296:299]).max() < 0.7  # what the reader of these columns expects of a pose
    assert table[:, 679:696].min() >= 0
    assert table[:, 679:696].max() <= 5
    assert table[:, columns().index("AU26_r")].std() > 0.05  # somebody speaks


def _about_x(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_y(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _about_z(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])

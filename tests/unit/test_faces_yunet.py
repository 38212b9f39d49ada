"""YuNet's input, decoding and suppression, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from spfem_metrics.errors import WeightsError
from spfem_metrics.faces import yunet


def outputs(rows: int, columns: int) -> dict[str, np.ndarray]:
    empty = {}
    for stride in yunet.STRIDES:
        cells = (rows // stride) * (columns // stride)
        for head, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            empty[f"{head}_{stride}"] = np.zeros((cells, width), np.float32)
    return empty


def test_input_is_bgr_and_padded():
    image = np.zeros((100, 160, 3), np.uint8)
    image[..., 0] = 250
    blob = yunet.prepare(image, 320 / 160)
    assert blob.shape == (1, 3, 224, 320)
    assert (blob[0, 2, :200] == 250).all()
    assert (blob[0, :2] == 0).all()
    assert (blob[0, :, 200:] == 0).all()


def test_one_cell_decodes_to_its_box_and_points():
    found = outputs(224, 320)
    cell = 3 * 20 + 7  # row 3, column 7 at stride 16 of 320 px
    found["cls_16"][cell], found["obj_16"][cell] = 0.9, 0.5
    found["bbox_16"][cell] = [0.5, 0.25, np.log(4), np.log(6)]
    found["kps_16"][cell] = [-1, -1, 1, -1, 0, 0, -1, 1, 1, 1]
    decoded = yunet.decode(found, columns=320)
    assert decoded.scores == pytest.approx([np.sqrt(0.45)])
    assert decoded.boxes[0] == pytest.approx([120 - 32, 52 - 48, 120 + 32, 52 + 48])
    assert decoded.points[0] == pytest.approx(np.array([[96, 32], [128, 32], [112, 48], [96, 64], [128, 64]]))


def test_the_threshold_is_on_the_geometric_mean():
    found = outputs(224, 320)
    found["cls_8"][5], found["obj_8"][5] = 0.6, 0.59
    assert len(yunet.decode(found, columns=320).scores) == 0


def test_suppression_keeps_the_best_of_each_face():
    boxes = np.float32([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [0, 8, 10, 18]])
    found = yunet.Candidates(boxes, np.zeros((4, 5, 2), np.float32), np.float32([0.7, 0.9, 0.8, 0.65]))
    assert yunet.suppress(found) == [1, 2, 3]


def test_suppression_matches_torchvision():
    from torch import from_numpy
    from torchvision.ops import nms

    random = np.random.default_rng(1)
    corner = random.uniform(0, 60, (80, 2))
    boxes = np.concatenate([corner, corner + random.uniform(10, 40, (80, 2))], axis=1).astype(np.float32)
    scores = random.uniform(0.6, 1, 80).astype(np.float32)
    found = yunet.Candidates(boxes, np.zeros((80, 5, 2), np.float32), scores)
    assert yunet.suppress(found) == nms(from_numpy(boxes), from_numpy(scores), yunet.OVERLAP).tolist()


def test_another_file_is_refused_by_name(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"not a network")
    detector = yunet.YuNet(tmp_path / "x.onnx")
    with pytest.raises(WeightsError, match="not a readable ONNX network"):
        detector.detect(np.zeros((8, 8, 3), np.uint8))

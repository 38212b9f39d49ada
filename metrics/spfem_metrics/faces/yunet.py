"""Faces by YuNet (Wu, Peng and Yu 2023), a small ONNX detector with five keypoints, run by onnxruntime.

Input BGR 0..255 float32, scaled so that the longer side is 320 px and padded with zeros, right and bottom, to
multiples of 32. At stride s the cell in column c and row r has the anchor g = s (c, r): centre s b[0:2] + g,
size s exp(b[2:4]), keypoints s k + g; the score is sqrt(class x object), as OpenCV's FaceDetectorYN has it.
Good for detection, crops and alignment; its mouth corners lie too low for measuring lips. ``interocular``
is the distance of its two eye points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, WeightsError
from spfem_metrics.faces.boxes import SMOOTHING, TRACKING, Floats, iou
from spfem_metrics.faces.rows import BASE, Face, FacePass, Faces
from spfem_metrics.media import Frames
from spfem_metrics.networks.files import digest8, model_file

SIDE = 320
SCORE = 0.6
OVERLAP = 0.45
STRIDES = (8, 16, 32)


def faces(*, weights: Mapping[str, Path], device: str = "cpu", **options: object) -> Faces:
    """The extractor ``faces`` by YuNet, which runs on the CPU whatever ``device`` is.

    Args:
        weights: ``model``: ``yunet_n_dynamic.onnx``.
        device: ignored.
        **options: none are taken.

    Raises:
        DefinitionError: no ``model``, or an option was given.
        WeightsError: not this network.
    """
    del device
    if options:
        raise DefinitionError(f"yunet faces take no options, not {sorted(options)}")
    model = model_file(weights, "faces:yunet", "yunet_n_dynamic.onnx")
    rule = f"yunet@{digest8(model)},side{SIDE},score{SCORE:g},nms{OVERLAP:g},{TRACKING},{SMOOTHING}"
    finder = YuNet(model)
    return Faces(definition=rule, begin=lambda _size: FacePass(finder, BASE))


@dataclass(frozen=True)
class Candidates:
    """What one image's network output says, in px of the network's input.

    Args:
        boxes: (N, 4) float32, x0 y0 x1 y1.
        points: (N, 5, 2) float32.
        scores: (N,) float32 in 0..1.
    """

    boxes: Floats
    points: Floats
    scores: Floats


class YuNet:
    """The network (a `spfem_metrics.faces.rows.Finder`), loaded with the first frame."""

    def __init__(self, model: Path) -> None:
        self._model = model
        self._session: Any = None

    def find(self, images: Frames, times: NDArray[np.float64]) -> list[list[Face]]:
        """All faces of each frame; one at a time, so that no bit depends on its neighbours."""
        del times
        return [self.detect(image) for image in images]

    def close(self) -> None:
        """Nothing: the session serves the next clip too."""

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """The faces of an (H, W, 3) uint8 RGB image, best score first."""
        self._session = self._session or _session(self._model)
        scale = SIDE / max(image.shape[:2])
        outputs = self._session.run(None, {"input": prepare(image, scale)})
        names = [output.name for output in self._session.get_outputs()]
        named = {name: array[0] for name, array in zip(names, outputs, strict=True)}
        found = decode(named, columns=-(-round(image.shape[1] * scale) // 32) * 32)
        best = suppress(found)
        return [_face(found.boxes[i] / scale, found.points[i] / scale) for i in best]


def _session(model: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # A thread that spins while it waits takes the core from the other networks and from decoding.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except (onnxruntime.capi.onnxruntime_pybind11_state.InvalidProtobuf, RuntimeError) as error:
        raise WeightsError(f"{model}: not a readable ONNX network ({type(error).__name__})") from error
    wanted = {f"{head}_{stride}" for head in ("cls", "obj", "bbox", "kps") for stride in STRIDES}
    if wanted - {output.name for output in session.get_outputs()}:
        raise WeightsError(f"{model}: an ONNX network, but not YuNet with the outputs {sorted(wanted)}")
    return session


def prepare(image: NDArray[np.uint8], scale: float) -> Floats:
    """(1, 3, H', W') float32 BGR 0..255, the image scaled and zero-padded to multiples of 32."""
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    canvas = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), np.float32)
    canvas[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)[..., ::-1]
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None])


def decode(outputs: Mapping[str, Floats], columns: int) -> Candidates:
    """Candidates above the score threshold.

    Args:
        outputs: ``cls_8`` (N, 1), ``obj_8`` (N, 1), ``bbox_8`` (N, 4), ``kps_8`` (N, 10) and those of the
            other strides, cells in row-major order.
        columns: width of the network's input in px.
    """
    levels = [_level(outputs, stride, max(columns, 32) // stride) for stride in STRIDES]
    return Candidates(
        np.concatenate([level.boxes for level in levels]),
        np.concatenate([level.points for level in levels]),
        np.concatenate([level.scores for level in levels]),
    )


def _level(outputs: Mapping[str, Floats], stride: int, columns: int) -> Candidates:
    scores = np.sqrt(np.clip(outputs[f"cls_{stride}"] * outputs[f"obj_{stride}"], 0, 1))[:, 0]
    keep = np.flatnonzero(scores >= SCORE)
    anchors = np.stack([keep % columns, keep // columns], axis=1).astype(np.float32) * stride
    raw = outputs[f"bbox_{stride}"][keep]
    centre, half = raw[:, :2] * stride + anchors, np.exp(raw[:, 2:]) * stride / 2
    points = outputs[f"kps_{stride}"][keep].reshape(-1, 5, 2) * stride + anchors[:, None]
    return Candidates(np.concatenate([centre - half, centre + half], axis=1), points, scores[keep])


def suppress(found: Candidates) -> list[int]:
    """Indices that survive greedy non-maximum suppression at an IoU of 0.45, best score first."""
    order = list(np.argsort(-found.scores, kind="stable"))
    kept: list[int] = []
    while order:
        best = int(order.pop(0))
        kept.append(best)
        overlaps = iou(found.boxes[best], found.boxes[order]) if order else ()
        order = [i for i, overlap in zip(order, overlaps, strict=True) if overlap <= OVERLAP]
    return kept


def _face(box: Floats, points: Floats) -> Face:
    eyes = float(np.hypot(*(points[1] - points[0])))
    return Face(box.astype(np.float32), points.astype(np.float32), eyes)

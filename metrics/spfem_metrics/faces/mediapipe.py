"""Faces by MediaPipe's FaceLandmarker: 478 landmarks, 52 blendshapes and the head's rotation in one pass.

Up to four faces are looked for, which also turns off the landmarker's own smoothing over time (it smooths
only when told to expect one face; measured on real clips, that damps the mouth's opening by 4 to 15% and
makes landmarks depend on the time stamps). Landmarks are read as they are in each frame.

Beside the arrays of `spfem_metrics.faces.rows`:

- ``coefficients`` (T, 52) float32: `BLENDSHAPES`, 0..1.
- ``pose`` (T, 3) float32 degrees: yaw, positive when the face turns to the image's right; pitch, positive
  when it looks up; roll, positive when its top leans to the image's left (counter-clockwise).
- ``gaze`` (T, 2) float32 eye widths: the irises' centre from the middle of the eye corners, mean of both
  eyes, along and across the corners' line; right and up positive.
- ``mouth_opening`` (T,) float32: distance of the inner lips 13 and 14, over ``interocular``.
- ``mouth_width`` (T,) float32: distance of the mouth corners 61 and 291, over ``interocular``.
- ``mouth_points`` (T, 40, 2) float32 px: `LIPS`.
- ``landmarks`` (T, 478, 3) float32, only where asked for, since they take eight times the space of all the
  rest: px in x and y from the image's upper left corner; z on the scale of x.

``raw_box`` bounds the 468 mesh points (mid-forehead to chin, ear to ear), its upper edge raised by 12% of
its height, where detectors put theirs: on the real clips that brings its IoU with YuNet's box from .84 to
.92 and their longer sides to within 1%, so that crops rest alike on either. ``points5`` holds the middles of
the eye corners, the nose tip 1 and the mouth corners. ``interocular`` is the distance of the outer corners
33 and 263. Landmark numbers: MediaPipe's canonical face model.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.faces.boxes import SMOOTHING, TRACKING, Floats
from spfem_metrics.faces.rows import BASE, Face, FacePass, Faces, Fields
from spfem_metrics.media import Frames
from spfem_metrics.networks.files import digest8, model_file, require_bundle

BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft",
    "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""Names of ``coefficients``' columns. Left and right are the person's own."""

LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
"""Landmarks of the outer lip ring and of the inner, each from the corner at image left, lower lip first."""

FIELDS: Fields = {
    **BASE,
    "coefficients": ((52,), np.float32),
    "pose": ((3,), np.float32),
    "gaze": ((2,), np.float32),
    "mouth_opening": ((), np.float32),
    "mouth_width": ((), np.float32),
    "mouth_points": ((40, 2), np.float32),
}

LANDMARKS: Fields = {"landmarks": ((478, 3), np.float32)}
"""What the option ``landmarks`` adds."""

MAX_FACES = 4
DETECTION = 0.6
"""Lowest score of a detection. At MediaPipe's 0.5 a drawn title over clouds once passed as a face."""

FOREHEAD = 0.12
_MESH = 468
_EYES = ((33, 133, 468), (362, 263, 473))
"""Corner at image left, corner at image right, iris centre; the eye at image left first."""


def faces(
    *, weights: Mapping[str, Path], device: str = "cpu", landmarks: bool = False, **options: object
) -> Faces:
    """The extractor ``faces`` by MediaPipe FaceLandmarker, which runs on the CPU whatever ``device`` is.

    Args:
        weights: ``model``: the bundle ``face_landmarker.task``.
        device: ignored.
        landmarks: keep all 478 of them; the definition then says so.
        **options: no others are taken.

    Raises:
        DefinitionError: no ``model``, or another option was given.
        WeightsError: not a task bundle.
    """
    del device
    if options:
        raise DefinitionError(f"mediapipe faces take the option landmarks, not {sorted(options)}")
    bundle = require_bundle(model_file(weights, "faces:mediapipe", "face_landmarker.task"))
    rule = (
        f"mediapipe-landmarker@{digest8(bundle)},video,faces{MAX_FACES},score{DETECTION:g},"
        f"unsmoothed,box:mesh,top{FOREHEAD:g},{TRACKING},{SMOOTHING}"
    )
    if not landmarks:
        return Faces(definition=rule, begin=lambda size: FacePass(Landmarker(bundle, size), FIELDS))
    fields = {**FIELDS, **LANDMARKS}
    return Faces(
        definition=f"{rule},landmarks",
        begin=lambda size: FacePass(Landmarker(bundle, size), fields),
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what MediaPipe's C++ side writes to file descriptor 2 while a graph starts.

    Its log level cannot be set from Python, and what it says ("Sets ... acceleration to xnnpack") would run
    through progress bars once a clip. Errors are raised, not logged.
    """
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


class Landmarker:
    """One video's landmarker (a `spfem_metrics.faces.rows.Finder`)."""

    def __init__(self, bundle: Path, size: tuple[int, int]) -> None:
        from mediapipe.tasks.python import BaseOptions, vision

        self._scale = np.array([size[0], size[1], size[0]], np.float32)
        self._stamp = -1
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(bundle)),
            running_mode=vision.RunningMode.VIDEO,
            num_faces=MAX_FACES,
            min_face_detection_confidence=DETECTION,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        with _quiet():
            self._landmarker = vision.FaceLandmarker.create_from_options(options)

    def find(self, images: Frames, times: NDArray[np.float64]) -> list[list[Face]]:
        """All faces of each frame."""
        return [self._one(image, time) for image, time in zip(images, times, strict=True)]

    def close(self) -> None:
        """End the graph."""
        self._landmarker.close()

    def _one(self, image: Frames, time: float) -> list[Face]:
        import mediapipe

        # A view with gaps between its lines is read as if it had none: nothing is found, and nothing raised.
        whole = np.ascontiguousarray(image)
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=whole)
        self._stamp = max(self._stamp + 1, round(time * 1000))
        result = self._landmarker.detect_for_video(picture, self._stamp)
        found = zip(
            result.face_landmarks,
            result.face_blendshapes,
            result.facial_transformation_matrixes,
            strict=True,
        )
        return [self._face(points, shapes, matrix) for points, shapes, matrix in found]

    def _face(self, points: list[Any], shapes: list[Any], matrix: NDArray[np.float32]) -> Face:
        relative = np.array([(p.x, p.y, p.z) for p in points], np.float32)
        coefficients = np.array([shape.score for shape in shapes], np.float32)
        return measured(relative * self._scale, coefficients, np.asarray(matrix))


def measured(landmarks: Floats, coefficients: Floats, matrix: NDArray[np.floating]) -> Face:
    """A face and its measures from 478 landmarks in px, 52 blendshapes and the 4x4 transformation matrix."""
    flat = landmarks[:, :2]
    eyes = max(distance(flat, 33, 263), 1e-6)
    more = {
        "landmarks": landmarks,
        "coefficients": coefficients,
        "pose": head_pose(matrix),
        "gaze": gaze(flat),
        "mouth_opening": np.float32(distance(flat, 13, 14) / eyes),
        "mouth_width": np.float32(distance(flat, 61, 291) / eyes),
        "mouth_points": flat[list(LIPS)],
    }
    arrays = {name: np.asarray(value) for name, value in more.items()}
    return Face(bounds(flat[:_MESH]), five_points(flat), eyes, arrays)


def bounds(mesh: Floats) -> Floats:
    """(4,) px around the (468, 2) mesh points, its upper edge raised by `FOREHEAD` of its height."""
    (x0, y0), (x1, y1) = mesh.min(axis=0), mesh.max(axis=0)
    return np.array([x0, y0 - FOREHEAD * (y1 - y0), x1, y1], np.float32)


def distance(points: Floats, one: int, other: int) -> float:
    """Distance of two landmarks in px."""
    return float(np.hypot(*(points[one] - points[other])))


def five_points(points: Floats) -> Floats:
    """(5, 2) px: middles of the eye corners (left, right in the image), nose tip, mouth corners."""
    eyes = [(points[a] + points[b]) / 2 for a, b, _ in _EYES]
    return np.array([*eyes, points[1], points[61], points[291]], np.float32)


def head_pose(matrix: NDArray[np.floating]) -> Floats:
    """Yaw, pitch and roll in degrees from the matrix that takes the canonical face into camera space.

    In that space x points to the image's right, y up and z to the camera. The rotation is read as yaw about
    y, after pitch about x, after roll about z; scale is divided out.

    Args:
        matrix: (4, 4).

    Returns:
        (3,) float32, signs as the module's table says.
    """
    rotation = np.asarray(matrix, np.float64)[:3, :3]
    rotation = rotation / np.maximum(np.linalg.norm(rotation, axis=0), 1e-9)
    forward = rotation[:, 2]
    yaw = np.arctan2(forward[0], forward[2])
    pitch = np.arcsin(np.clip(forward[1], -1, 1))
    roll = np.arctan2(rotation[1, 0], rotation[1, 1])
    return np.degrees([yaw, pitch, roll]).astype(np.float32)


def gaze(points: Floats) -> Floats:
    """(2,) where the irises stand between the eye corners, in eye widths, right and up positive."""
    seen = []
    for left, right, iris in _EYES:
        along = points[right] - points[left]
        width = max(float(np.hypot(*along)), 1e-6)
        along = along / width
        offset = points[iris] - (points[left] + points[right]) / 2
        across = offset[0] * along[1] - offset[1] * along[0]
        seen.append((offset @ along / width, across / width))
    return np.asarray(np.mean(seen, axis=0), np.float32)

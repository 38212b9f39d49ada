"""The step ``openface-aus``: a table laid out as OpenFace writes it, APPROXIMATED from MediaPipe.

Models that were trained on OpenFace's numbers read its 714 columns by position. Filled are frame,
face_id, timestamp, confidence, success, pose_Rx to pose_Rz, the 17 intensities AUnn_r (0..5) and AUnn_c
(1 where the intensity is at least 1); all others are 0.

The mapping from blendshapes is `UNITS`. Each gain was rounded from the ratio of 99th percentiles on two
recordings for which OpenFace's own table is public (ICface's samples 00116 and 00296, 789 frames), and
``agreement`` is the correlation with OpenFace on them: raised brows, lids, smile and blink follow it where
they are large; dimples, stretched and pressed lips do not. Pose: .85 and .77 about x, .98 about y, .99 about
z, slopes .70 to 1.15. MediaPipe's cheekSquint and noseSneer were 0 throughout, so AU06 and AU09 rest on what
goes with them.

Who gives what: the lower face, the blink and the head's pose come from the source, whose words and movements
are kept; brows, lids, cheeks and nose from the reference, at its frame ``int(i R / S)`` for source frame i
of S. A smile's mouth (AU12) therefore stays the source's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import nan
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import CannotGenerateError, SourceClip
from spfem_bench.fsio import storage_errors

if TYPE_CHECKING:
    from spfem_metrics.faces.rows import Face

Table = NDArray[np.float64]

INTENSITIES = tuple(
    f"AU{unit:02d}_r" for unit in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
)
PRESENCES = tuple(
    f"AU{unit:02d}_c" for unit in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)
)
POSE = ("pose_Rx", "pose_Ry", "pose_Rz")
PRESENT_FROM = 1.0
_WEIGHTS = "mediapipe-face-landmarker"


@dataclass(frozen=True)
class Unit:
    """One action unit from blendshapes: the mean of ``shapes`` times ``gain``, clipped to 0..5.

    Args:
        shapes: names in `spfem_metrics.faces.mediapipe.BLENDSHAPES`.
        gain: intensity at a coefficient of 1.
        side: whose face it is taken from.
        agreement: correlation with OpenFace on the two recordings; NaN where OpenFace's did not move.
        reason: why these shapes.
    """

    shapes: tuple[str, ...]
    gain: float
    side: Literal["source", "reference"]
    agreement: tuple[float, float]
    reason: str


def _both(name: str) -> tuple[str, str]:
    return f"{name}Left", f"{name}Right"


UNITS: Mapping[str, Unit] = MappingProxyType(
    {
        "AU01_r": Unit(("browInnerUp",), 3.0, "reference", (0.78, 0.83), "inner brow raiser, its own shape"),
        "AU02_r": Unit(
            _both("browOuterUp"), 3.0, "reference", (0.52, 0.81), "outer brow raiser, its own shapes"
        ),
        "AU04_r": Unit(_both("browDown"), 2.5, "reference", (0.70, -0.09), "brow lowerer, its own shapes"),
        "AU05_r": Unit(
            _both("eyeWide"), 15.0, "reference", (0.92, 0.07), "upper lid raiser, its own, very small"
        ),
        "AU06_r": Unit(
            _both("mouthSmile"),
            1.0,
            "reference",
            (0.78, 0.20),
            "cheekSquint is always 0; smiles raise cheeks",
        ),
        "AU07_r": Unit(_both("eyeSquint"), 2.0, "reference", (0.33, 0.26), "lid tightener, its own shapes"),
        "AU09_r": Unit(
            _both("browDown"),
            1.5,
            "reference",
            (0.60, -0.29),
            "noseSneer is always 0; brows come down with it",
        ),
        "AU10_r": Unit(
            _both("mouthUpperUp"), 3.0, "source", (0.36, 0.60), "upper lip raiser, its own shapes"
        ),
        "AU12_r": Unit(_both("mouthSmile"), 2.5, "source", (0.77, nan), "lip corner puller, its own shapes"),
        "AU14_r": Unit(_both("mouthDimple"), 3.0, "source", (0.01, 0.02), "dimpler, its own shapes"),
        "AU15_r": Unit(
            _both("mouthFrown"), 5.0, "source", (0.29, 0.17), "lip corner depressor, its own shapes"
        ),
        "AU17_r": Unit(
            ("mouthShrugLower",), 10.0, "source", (0.51, 0.04), "chin raiser pushes the lower lip up"
        ),
        "AU20_r": Unit(_both("mouthStretch"), 5.0, "source", (0.08, 0.15), "lip stretcher, its own shapes"),
        "AU23_r": Unit(
            _both("mouthPress"), 2.0, "source", (-0.19, 0.38), "no shape of its own; pressed lips are tight"
        ),
        "AU25_r": Unit(
            _both("mouthLowerDown"), 3.0, "source", (0.74, 0.42), "no shape of its own; lips part downwards"
        ),
        "AU26_r": Unit(("jawOpen",), 6.0, "source", (0.46, 0.46), "jaw drop, its own shape"),
        "AU45_r": Unit(_both("eyeBlink"), 2.5, "source", (0.86, 0.88), "blink, its own shapes"),
    }
)


@dataclass(frozen=True)
class Measured:
    """A clip as MediaPipe sees it.

    Args:
        units: (T, 17) intensities in the order of `INTENSITIES`.
        pose: (T, 3) radians, as OpenFace has them.
    """

    units: Table
    pose: Table


def columns() -> list[str]:
    """The 714 names in OpenFace's order."""
    return [
        "frame", "face_id", "timestamp", "confidence", "success",
        *(f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"),
        "gaze_angle_x", "gaze_angle_y",
        *(f"eye_lmk_{axis}_{i}" for axis in "xyXYZ" for i in range(56)),
        *(f"pose_T{axis}" for axis in "xyz"), *POSE,
        *(f"{axis}_{i}" for axis in "xyXYZ" for i in range(68)),
        "p_scale", "p_rx", "p_ry", "p_rz", "p_tx", "p_ty", *(f"p_{i}" for i in range(34)),
        *INTENSITIES, *PRESENCES,
    ]  # fmt: skip


def write_units(path: Path, source: SourceClip, reference: SourceClip, fps: Fraction) -> None:
    """Write the table of a source with the upper face of a reference.

    Args:
        path: the CSV.
        source: prepared frames whose lips and pose are kept.
        reference: prepared frames that show the emotion.
        fps: of the source, for the column timestamp.

    Raises:
        CannotGenerateError: no face in one of them.
        MissingWeightsError: MediaPipe's landmarker is not on this machine.
        StorageError: the disk is full or the folder read-only.
    """
    names = columns()
    table = combined(measure(source), measure(reference), fps)
    with storage_errors(path), path.open("w", encoding="ascii", newline="\n") as file:
        file.write(",".join(names) + "\n")
        file.writelines(",".join(f"{value:.6g}" for value in row) + "\n" for row in table)


def combined(source: Measured, reference: Measured, fps: Fraction) -> Table:
    """(T, 714) of a source of T frames with the upper face of a reference."""
    count = len(source.units)
    names = columns()
    table = np.zeros((count, len(names)))
    at = {name: column for column, name in enumerate(names)}
    table[:, at["frame"]] = np.arange(1, count + 1)
    table[:, at["timestamp"]] = np.arange(count) / float(fps)
    table[:, at["confidence"]] = table[:, at["success"]] = 1
    table[:, [at[name] for name in POSE]] = source.pose
    answering = np.arange(count) * len(reference.units) // count
    for column, (name, unit) in enumerate(UNITS.items()):
        values = source.units[:, column] if unit.side == "source" else reference.units[answering, column]
        table[:, at[name]] = values
        table[:, at[f"{name[:-1]}c"]] = values >= PRESENT_FROM
    return table


def measure(clip: SourceClip) -> Measured:
    """Intensities and pose of every frame; where no face is found, those of the nearest frame that has one.

    Raises:
        CannotGenerateError: less than half of the frames have a face.
        MissingWeightsError: MediaPipe's landmarker is not on this machine.
    """
    coefficients, pose, seen = _observed(clip)
    if seen.sum() * 2 < len(seen) or not seen.any():
        raise CannotGenerateError(
            f"a face was found in {int(seen.sum())} of {len(seen)} frames of {clip.path.name}"
        )
    nearest = _nearest(seen)
    return Measured(intensities(coefficients)[nearest], openface_pose(pose)[nearest])


def intensities(coefficients: Table) -> Table:
    """(T, 17) intensities 0..5 of (T, 52) blendshapes 0..1."""
    from spfem_metrics.faces.mediapipe import BLENDSHAPES

    at = {name: column for column, name in enumerate(BLENDSHAPES)}
    raw = [
        unit.gain * coefficients[:, [at[shape] for shape in unit.shapes]].mean(axis=1)
        for unit in UNITS.values()
    ]
    return np.asarray(np.clip(np.stack(raw, axis=1), 0.0, 5.0), np.float64)


def openface_pose(angles: Table) -> Table:
    """(T, 3) OpenFace's rotations in radians from (T, 3) yaw, pitch and roll in degrees.

    The angles are those of `spfem_metrics.faces.mediapipe.head_pose` (x right, y up, z to the camera; yaw
    after pitch after roll). OpenFace's camera has y down and z away, and ``R = Rx Ry Rz``, so that a positive
    Rx looks down, Ry to the image's left, and Rz leans to the image's right.
    """
    yaw, pitch, roll = np.radians(np.asarray(angles, np.float64)).T
    turned = _about(1, yaw) @ _about(0, -pitch) @ _about(2, roll)
    flip = np.array([1.0, -1.0, -1.0])
    r = turned * flip[:, None] * flip
    about_y = np.arcsin(np.clip(r[:, 0, 2], -1, 1))
    return np.stack(
        [np.arctan2(-r[:, 1, 2], r[:, 2, 2]), about_y, np.arctan2(-r[:, 0, 1], r[:, 0, 0])], axis=1
    )


def _about(axis: int, angle: Table) -> Table:
    """(T, 3, 3) right-handed rotations about one axis."""
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.zeros((len(angle), 3, 3))
    matrix[:, axis, axis] = 1
    matrix[:, first, first] = matrix[:, second, second] = np.cos(angle)
    matrix[:, second, first], matrix[:, first, second] = np.sin(angle), -np.sin(angle)
    return matrix


def _nearest(seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each frame the nearest that was seen, the earlier of two."""
    there = np.flatnonzero(seen)
    return np.array([there[np.argmin(np.abs(there - i))] for i in range(len(seen))], np.int64)


def _observed(clip: SourceClip) -> tuple[Table, Table, NDArray[np.bool_]]:
    """(T, 52) blendshapes, (T, 3) degrees, (T,) whether there was a face; the largest one counts."""
    from spfem_bench.weights import locate
    from spfem_metrics.faces.mediapipe import Landmarker

    landmarker = Landmarker(locate(_WEIGHTS), clip.size)
    count, at = clip.frame_count, 0
    shapes, angles, seen = np.zeros((count, 52)), np.zeros((count, 3)), np.zeros(count, np.bool_)
    try:
        for chunk in clip.frames():
            for found in landmarker.find(chunk, clip.times[at : at + len(chunk)]):
                if found:
                    face = max(found, key=_area)
                    shapes[at], angles[at], seen[at] = face.more["coefficients"], face.more["pose"], True
                at += 1
    finally:
        landmarker.close()
    return shapes, angles, seen


def _area(face: Face) -> float:
    left, top, right, bottom = face.box
    return float((right - left) * (bottom - top))

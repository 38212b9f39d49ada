"""What each definition of faces finds, how fast, and how far from full-size MTCNN.

``python -m spfem_metrics.faces.report FOLDER --weights DIR`` reads every clip of ``FOLDER/clips.jsonl``, a
line of which is ``{"id": ..., "file": ...}``. Times hold the finding alone, on frames in memory. Every n-th
frame is compared with MTCNN at full size: IoU of the raw boxes, and mean distance of the five points in
MTCNN's inter-ocular distances.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.extraction import extract
from spfem_metrics.extractor import Arrays
from spfem_metrics.faces import mediapipe, mtcnn, yunet
from spfem_metrics.faces.boxes import iou
from spfem_metrics.faces.rows import Face, Faces
from spfem_metrics.media import ArrayMedia, Frames

Row = tuple[str, ...]
_HEAD: Row = (
    "clip",
    "size",
    "faces by",
    "frames",
    "found",
    "frames/s",
    "IoU",
    "IoU p5",
    "points",
    "points p95",
)


@dataclass(frozen=True)
class Found:
    """What one definition found in one clip.

    Args:
        frames: number of frames looked at.
        found: number of frames with a face.
        seconds: of finding.
        overlaps: (n,) IoU with MTCNN where both found a face.
        distances: (n,) mean distance of the five points, in MTCNN's inter-ocular distances.
    """

    frames: int
    found: int
    seconds: float
    overlaps: NDArray[np.float64]
    distances: NDArray[np.float64]


def read(path: Path) -> Frames:
    """(T, H, W, 3) uint8 RGB: all frames of a clip."""
    import av

    with av.open(str(path)) as container:
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(images)


def definitions(weights: Path) -> dict[str, Callable[[], Faces]]:
    """The definitions that are compared, by name."""
    return {
        "mediapipe": lambda: mediapipe.faces(weights={"model": weights / "face_landmarker.task"}),
        "yunet": lambda: yunet.faces(weights={"model": weights / "yunet_n_dynamic.onnx"}),
        "mtcnn-320/5": mtcnn.faces,
    }


def compare(arrays: Arrays, truth: dict[int, list[Face]]) -> tuple[list[float], list[float]]:
    """IoU and point distances at the frames where both found a face, against the nearest of MTCNN's faces."""
    overlaps, distances = [], []
    for index, others in truth.items():
        if not others or not arrays["found"][index]:
            continue
        near = iou(np.asarray(arrays["raw_box"][index], np.float32), np.stack([o.box for o in others]))
        other = others[int(np.argmax(near))]
        apart = np.linalg.norm(arrays["points5"][index] - other.points5, axis=1)
        overlaps.append(float(near.max()))
        distances.append(float(apart.mean()) / max(other.interocular, 1e-6))
    return overlaps, distances


def measure(frames: Frames, definition: Faces, truth: dict[int, list[Face]]) -> Found:
    """One definition on one clip; its network is loaded before the clock starts."""
    extract(ArrayMedia(frames[:1], Fraction(25)), [definition])
    start = time.perf_counter()
    arrays = extract(ArrayMedia(frames, Fraction(25)), [definition])["faces"]
    seconds = time.perf_counter() - start
    overlaps, distances = compare(arrays, truth)
    found = int(np.count_nonzero(arrays["found"]))
    return Found(len(frames), found, seconds, np.array(overlaps), np.array(distances))


def reference(frames: Frames, every: int) -> dict[int, list[Face]]:
    """MTCNN's faces at full size on every n-th frame; none where ``every`` is 0."""
    if every == 0:
        return {}
    network = mtcnn.Mtcnn("cpu", side=0)
    return {index: network.find(frames[index : index + 1])[0] for index in range(0, len(frames), every)}


def _row(clip: str, size: str, name: str, found: Found) -> Row:
    speed = f"{found.frames / max(found.seconds, 1e-9):.0f}"
    start = (clip, size, name, str(found.frames), str(found.found), speed)
    if len(found.overlaps) == 0:
        return (*start, "", "", "", "")
    numbers = (
        found.overlaps.mean(),
        np.percentile(found.overlaps, 5),
        found.distances.mean(),
        np.percentile(found.distances, 95),
    )
    return (*start, *(f"{number:.3f}" for number in numbers))


def together(all_found: Sequence[Found]) -> Found:
    """Several clips as one."""
    return Found(
        sum(f.frames for f in all_found),
        sum(f.found for f in all_found),
        sum(f.seconds for f in all_found),
        np.concatenate([f.overlaps for f in all_found]),
        np.concatenate([f.distances for f in all_found]),
    )


def report(folder: Path, weights: Path, every: int, only: str) -> Iterator[Row]:
    """Rows of the table, a clip's as soon as it is measured, the totals last."""
    totals: dict[str, list[Found]] = {name: [] for name in definitions(weights)}
    lines = (folder / "clips.jsonl").read_text(encoding="utf-8").splitlines()
    for clip in (json.loads(line) for line in lines):
        if only not in clip["id"]:
            continue
        frames = read(folder / clip["file"])
        truth = reference(frames, every)
        for name, make in definitions(weights).items():
            found = measure(frames, make(), truth)
            totals[name].append(found)
            yield _row(clip["id"], f"{frames.shape[2]}x{frames.shape[1]}", name, found)
    for name, parts in totals.items():
        if parts:
            yield _row("all", "", name, together(parts))


def _line(row: Row) -> str:
    widths = (34, 9, 11, 6, 6, 8, 6, 6, 6, 10)
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m spfem_metrics.faces.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with clips.jsonl")
    parser.add_argument("--weights", type=Path, required=True, help="folder with the networks' files")
    parser.add_argument("--every", type=int, default=10, help="compare every n-th frame with MTCNN; 0: none")
    parser.add_argument("--only", default="", help="clips whose id holds this text")
    options = parser.parse_args(arguments)
    print(_line(_HEAD), flush=True)
    for row in report(options.folder, options.weights, options.every, options.only):
        print(_line(row), flush=True)
    print(f"load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()

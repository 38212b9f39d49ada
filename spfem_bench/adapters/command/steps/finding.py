"""Where the face of a clip is, for the step ``face-crop``: YuNet where its file is here, else registration.

YuNet finds real and rendered faces alike. Without its file a face is placed by registration with a mean
rendered face (`spfem_baselines.placing`), which does not know real ones: what it finds is taken only where it
is as like that face as many rendered faces are (14 of 24 rendered people of four populations and 10 of 42
real faces reach .50, placed well; the others are declined, with the command that gets YuNet).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import CannotGenerateError, SourceClip
from spfem_bench.adapters.command.steps.framing import Box
from spfem_bench.digest import digest_file

MOST_FRAMES = 25
"""Frames looked at, evenly spaced over the clip."""

LEAST_LIKENESS = 0.5
"""Correlation with the mean face below which registration has found nothing."""

_YUNET = "yunet"
# Median box of YuNet around the point between the eyes, in distances between the eyes, over 83 frames of 42
# real clips; the registration gives the eyes only.
_AROUND = np.array([-1.05, -1.15, 1.05, 1.88])


def finder_name() -> str:
    """The finder that this machine has, as it stands in signatures."""
    file = _yunet_file()
    return "mean-face@1" if file is None else f"yunet@{_digest(file)[:8]}"


def find_face(clip: SourceClip) -> Box:
    """The median face box of a clip; the largest face counts where a frame has several.

    Raises:
        CannotGenerateError: no face was found in half of the frames that were looked at.
    """
    file = _yunet_file()
    images = list(_sampled(clip))
    boxes = _registered(images) if file is None else _detected(images, file)
    if len(boxes) * 2 < len(images):
        mend = "; `spfem-bench weights fetch yunet` gets a finder for real faces" if file is None else ""
        raise CannotGenerateError(f"no face was found in {clip.path.name} by {finder_name()}{mend}")
    left, top, right, bottom = np.median(np.stack(boxes), axis=0).round().astype(int).tolist()
    return (left, top, right, bottom)


def _sampled(clip: SourceClip) -> Iterator[NDArray[np.uint8]]:
    every = max(1, -(-clip.frame_count // MOST_FRAMES))
    at = 0
    for chunk in clip.frames():
        yield from (image.copy() for image in chunk[(-at) % every :: every])
        at += len(chunk)


def _detected(images: Sequence[NDArray[np.uint8]], file: Path) -> list[NDArray[np.float64]]:
    from spfem_metrics.faces.yunet import YuNet

    network = YuNet(file)
    found = [[face.box for face in network.detect(image)] for image in images]
    return [np.asarray(max(boxes, key=_area), np.float64) for boxes in found if boxes]


def _area(box: NDArray[np.floating]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _registered(images: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float64]]:
    from spfem_baselines.linear import linear_shift
    from spfem_baselines.placing import ORIGIN, UNIT, Follower, likeness

    template = linear_shift().template
    boxes = []
    for image, place in zip(images, Follower(template).follow(images), strict=True):
        if likeness(image, template, place) >= LEAST_LIKENESS:
            between = place[:, :2] @ np.array(ORIGIN) + place[:, 2]
            eyes = UNIT * float(np.hypot(place[0, 0], place[1, 0]))
            boxes.append(np.tile(between, 2) + _AROUND * eyes)
    return boxes


def _yunet_file() -> Path | None:
    from spfem_bench.weights import entry, locate, where

    return locate(_YUNET) if where(entry(_YUNET)) is not None else None


@cache
def _digest(file: Path) -> str:
    return digest_file(file)

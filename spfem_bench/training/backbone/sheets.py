"""Sheets of samples: people the backbone has not seen, turned into every emotion, above their true pairs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from spfem_baselines.backbone.model import Backbone
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.fsio import write_atomically
from spfem_bench.training.backbone.batches import batch_of, row_of
from spfem_bench.training.backbone.material import Material

ROWS = 3
"""People on a sheet."""
_SPAN = 6
_GAP = 4


def sheet(
    backbone: Backbone, material: Material, people: NDArray[np.int64], device: str
) -> NDArray[np.uint8]:
    """The source, then its edit into each emotion by label; below, the true pairs where there are any.

    Args:
        backbone: in eval mode.
        material: clips.
        people: whom to show, at most `ROWS`.
        device: the backbone's.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    rows = [_person(backbone, material, int(person), device) for person in people[:ROWS]]
    gap = np.full((_GAP, rows[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([part for row in rows for part in (row, gap)][:-1])


def write_sheet(path: Path, image: NDArray[np.uint8], zoom: int = 2) -> None:
    """Write a sheet as PNG, each pixel ``zoom`` times as large.

    Raises:
        StorageError: the folder cannot be written.
    """
    large = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST)
    done, content = cv2.imencode(".png", cv2.cvtColor(large, cv2.COLOR_RGB2BGR))
    assert done
    write_atomically(path, content.tobytes())


def _person(backbone: Backbone, material: Material, person: int, device: str) -> NDArray[np.uint8]:
    clips = np.flatnonzero(material.people == person)
    source = int(clips[np.argmin(material.emotions[clips])])
    length = min(_SPAN, material.length(source))
    look = material.cut(source, 0, 1), material.marks(source, 0, 1)
    rows = [row_of(material, source, e, (0, length), look) for e in range(len(SPFEM_EMOTIONS))]
    batch = batch_of(rows, "label", [""] * len(rows), None).to(device)
    with torch.inference_mode():
        made, _ = backbone(batch.source, backbone.styles.of_label(batch.emotion), batch.sound)
    middle = length // 2
    shown = [batch.source[0, middle], *made[:, middle]]
    image = _line(shown)
    if all(row["truth"] is not None for row in rows) and batch.truth is not None:
        image = np.concatenate([image, _line([batch.source[0, middle], *batch.truth[:, middle]])])
    return image


def _line(images: list[torch.Tensor]) -> NDArray[np.uint8]:
    rows = [((image.float().cpu() + 1) * 127.5).clamp(0, 255).round().byte() for image in images]
    return np.asarray(torch.cat(rows, dim=2).permute(1, 2, 0).numpy(), np.uint8)

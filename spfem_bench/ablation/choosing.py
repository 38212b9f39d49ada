"""Which weight is taken: the one whose outputs lie nearest to the truth on validation people.

Neutral clips are edited by label into every emotion and held against their true pairs. The distance that
decides is that of the supervisor ``perceptual``, which no supervision looks through and no fine-tuning recipe
minimises; no judge is asked, and nobody who is trained or tested on is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spfem_baselines.backbone.checkpoint import Checkpoint, load_backbone, read_checkpoint
from spfem_baselines.backbone.losses import Guides, paired
from spfem_baselines.supervisors import supervisor
from spfem_baselines.supervisors.files import supervisor_file
from spfem_bench.ablation.home import read_plain, write_plain
from spfem_bench.digest import digest_file, digest_of
from spfem_bench.errors import IntegrityError
from spfem_bench.training.backbone.batches import NEUTRAL, Batch, batch_of, row_of
from spfem_bench.training.backbone.material import Material

FILE = "validation.json"
BY = "perceptual"
"""The distance that decides."""


@dataclass(frozen=True)
class Distances:
    """From the true pairs, means over clips and emotions; less is better.

    Args:
        perceptual: by the supervisor of that name.
        absolute: of pixels, in -1..1.
        unedited: perceptual distance of the source itself.
        clips: outputs that were compared.
    """

    perceptual: float
    absolute: float
    unedited: float
    clips: int


def validate(folder: Path, clips: Material, device: str) -> Distances:
    """Measure a checkpoint on validation people, or read what was measured of it before.

    Args:
        folder: of the checkpoint; the result is kept beside it.
        clips: of the validation people, with true pairs.
        device: a torch device.
    """
    checkpoint = read_checkpoint(folder)
    key = _key(checkpoint, clips)
    known = read_plain(folder / FILE, key)
    if known is None:
        known = {"key": key, **vars(_measured(checkpoint, clips, device))}
        write_plain(folder / FILE, known)
    return _distances(known)


def read_distances(folder: Path) -> Distances:
    """What `validate` left beside a checkpoint.

    Raises:
        IntegrityError: nothing.
    """
    known = read_plain(folder / FILE)
    if known is None:
        raise IntegrityError(f"{folder} has no {FILE}: run the ablation again")
    return _distances(known)


def nearest(found: Mapping[float, Distances]) -> float:
    """The share whose outputs are nearest to the truth; the smallest of equals."""
    return min(sorted(found), key=lambda share: found[share].perceptual)


def _distances(known: Mapping[str, Any]) -> Distances:
    return Distances(**{key: value for key, value in known.items() if key != "key"})


def _key(checkpoint: Checkpoint, clips: Material) -> str:
    shown = [clips.side, clips.frames.tolist(), clips.people.tolist(), int(clips.pictures[::97].sum())]
    return digest_of([checkpoint.digest, shown, digest_file(supervisor_file(BY))])


@torch.inference_mode()
def _measured(checkpoint: Checkpoint, clips: Material, device: str) -> Distances:
    network = load_backbone(checkpoint).to(device)
    guides = Guides({BY: supervisor(BY, device=device)})
    rows = [_row(network, guides, batch.to(device)) for batch in batches(clips)]
    perceptual, absolute, unedited = np.mean([row[:3] for row in rows], axis=0).tolist()
    return Distances(perceptual, absolute, unedited, sum(row[3] for row in rows))


def _row(network: Any, guides: Guides, batch: Batch) -> tuple[float, float, float, int]:
    truth = batch.truth
    assert truth is not None
    made, _ = network(batch.source, network.styles.of_label(batch.emotion), batch.sound)
    found = [guides.perceptual(made, truth), paired(made, truth), guides.perceptual(batch.source, truth)]
    return float(found[0]), float(found[1]), float(found[2]), len(truth)


def batches(clips: Material) -> Iterator[Batch]:
    """One batch for every neutral clip: its whole length, once for each of the emotions it has a pair in."""
    for clip in clips.shown[NEUTRAL].tolist():
        felt = _emotions(clips, clip)
        look = clips.cut(clip, 0, 1), clips.marks(clip, 0, 1)
        span = (0, clips.length(clip))
        yield batch_of([row_of(clips, clip, e, span, look) for e in felt], "label", [""] * len(felt), None)


def _emotions(clips: Material, clip: int) -> Sequence[int]:
    fellows = clips.fellows[int(clips.groups[clip])]
    return [int(clips.emotions[other]) for other in fellows if clips.emotions[other] != NEUTRAL]

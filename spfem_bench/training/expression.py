"""Training of the expression networks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.progress import Progress
from spfem_bench.training.cards import Card, Measure
from spfem_bench.training.faces import (
    batch_rows,
    build,
    crops_of,
    learning_stills,
    pick,
    plain_crops,
    to_input,
    unseen_stills,
)
from spfem_bench.training.files import Set
from spfem_bench.training.landmarks import units_correlation
from spfem_bench.training.loop import Batch, Losses, Schedule, apply
from spfem_bench.training.making import Making, make
from spfem_bench.training.recipe import Job
from spfem_bench.training.samples import Stills

CLASSES = len(SPFEM_EMOTIONS)


def train(job: Job, progress: Progress) -> Card:
    """Train, save and measure one set's expression network."""
    data = learning_stills(job, progress)
    schedule = Schedule(steps=job.steps(1500), lr=3e-3, decay=0.05, seed=job.seed)

    def batch(draw: np.random.Generator) -> Batch:
        """One batch of 128."""
        rows = batch_rows(draw, len(data), 128)
        return {"image": crops_of(data, rows, draw), **pick(data, ["emotion", "units"], rows)}

    making = Making(batch, losses, schedule)
    net, record = make(job, "expression", lambda: build(job.which, "expression"), making, progress)
    level3, lower = (unseen_stills(job, progress, levels) for levels in ((3,), (1, 2)))
    return record.card(
        about=_ABOUT,
        architecture=_ARCHITECTURES[job.which],
        measures=[*measured(net, level3), *weaker(net, lower)],
        facts={"stills": f"{len(data):,} of {data.plan.people} people, levels 1 to 3", "batch": "128"},
        limits=_LIMITS[job.which],
        sources=("Ekman and Friesen 1978, Facial Action Coding System",),
    )


def losses(net: nn.Module, batch: Batch) -> Losses:
    """Cross-entropy of the class, smoothed, and distance of the units."""
    outputs = net(to_input(batch["image"])).float()
    return {
        "class": F.cross_entropy(outputs[:, :CLASSES], batch["emotion"], label_smoothing=0.05),
        "units": 4 * F.smooth_l1_loss(outputs[:, CLASSES:], batch["units"], beta=0.1),
    }


def read(net: nn.Module, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 7) probabilities and (N, 16) units."""
    outputs = apply(net, crops, lambda own, images: own(to_input(images))).astype(np.float64)
    shifted = np.exp(outputs[:, :CLASSES] - outputs[:, :CLASSES].max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True), outputs[:, CLASSES:]


def measured(net: nn.Module, data: Stills) -> list[Measure]:
    """The card's numbers at level 3."""
    shares, units = read(net, plain_crops(data))
    truth = data.floats("units")
    worst, named = _worst(shares, data)
    return [
        Measure("accuracy at level 3, of clips (mean of six frames)", clip_accuracy(shares, data), "", 0.95),
        Measure("accuracy at level 3, of frames", frame_accuracy(shares, data), "", 0.95),
        Measure(f"accuracy at level 3, of frames of the hardest emotion ({named})", worst),
        Measure(
            "mean error of action units at level 3", float(np.abs(units - truth).mean()), "", None, "lower"
        ),
        Measure(
            "mean correlation of action units with the truth at level 3", units_correlation(units, truth)
        ),
    ]


def weaker(net: nn.Module, data: Stills) -> list[Measure]:
    """The card's numbers at levels 1 and 2; no target is set for them."""
    shares, _ = read(net, plain_crops(data))
    level, neutral = data.whole("intensity"), data.whole("emotion") == 0
    right = shares.argmax(axis=1) == data.whole("emotion")
    return [
        Measure(
            f"accuracy at level {n}, of frames, neutral aside", float(right[(level == n) & ~neutral].mean())
        )
        for n in (2, 1)
        if ((level == n) & ~neutral).any()
    ]


def frame_accuracy(shares: NDArray[np.float64], data: Stills) -> float:
    """Share of stills named rightly."""
    return float((shares.argmax(axis=1) == data.whole("emotion")).mean())


def clip_accuracy(shares: NDArray[np.float64], data: Stills) -> float:
    """Share of clips whose mean probabilities peak at the truth."""
    votes = shares.reshape(-1, data.plan.frames, CLASSES).mean(axis=1)
    return float((votes.argmax(axis=1) == data.whole("emotion")[:: data.plan.frames]).mean())


def _worst(shares: NDArray[np.float64], data: Stills) -> tuple[float, str]:
    right, truth = shares.argmax(axis=1) == data.whole("emotion"), data.whole("emotion")
    each = {
        name: float(right[truth == i].mean()) for i, name in enumerate(SPFEM_EMOTIONS) if (truth == i).any()
    }
    hardest = min(each, key=lambda name: each[name])
    return each[hardest], hardest


_ABOUT = (
    "Names one of seven expressions (neutral angry disgusted fear happy sad surprised) and estimates sixteen "
    "action units from a rendered face aligned by its rigid points. For rendered people only."
)
_ARCHITECTURES: Mapping[str, str] = {
    "judges": "A residual network with batch normalisation over 64 px crops.",
    "supervisors": "A ConvNeXt-like network with group normalisation over 64 px crops.",
}
_LIMITS: Mapping[Set, tuple[str, ...]] = {
    "judges": (),
    "supervisors": (
        "Single neutral frames are taken for weak emotions; means over a clip's frames meet the "
        "target. It learnt as long as the judge; longer was not tried.",
    ),
}

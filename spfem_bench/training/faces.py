"""What the face networks have in common: their classes by set, and crops as they meet them in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
import torch
from numpy.typing import NDArray

from spfem_bench.progress import Progress
from spfem_bench.training.files import Set
from spfem_bench.training.harm import Picture, roughened
from spfem_bench.training.loop import Batch
from spfem_bench.training.recipe import HELD_OUT, Job
from spfem_bench.training.samples import Plan, Stills, stills
from spfem_metrics.synthetic.nets.crops import SIDE, cut, matrix_of

Matrix = NDArray[np.float64]

_PACKAGES: Mapping[Set, str] = {
    "judges": "spfem_metrics.synthetic.nets",
    "supervisors": "spfem_baselines.supervisors",
}
_CLASSES = {
    "landmarks": "LandmarkNet",
    "identity": "IdentityNet",
    "expression": "ExpressionNet",
    "perceptual": "PerceptualNet",
}

LEARNT = Plan(0, people=600, clips=7, frames=6)
"""What every face network of a set learns from, in the set's population: 25,200 stills of 600 people."""

UNSEEN = Plan(HELD_OUT, people=120, clips=7, frames=6, levels=(3,))
"""What cards are measured on: 120 people, each emotion once at level 3, six frames of each clip."""


def build(which: Set, name: str) -> torch.nn.Module:
    """A fresh network of a set."""
    network: torch.nn.Module = getattr(import_module(f"{_PACKAGES[which]}.{name}"), _CLASSES[name])()
    return network


def learning_stills(job: Job, progress: Progress) -> Stills:
    """The stills a set's networks learn from."""
    return stills(_sized(job, replace(LEARNT, population=job.population)), job.work, progress)


def unseen_stills(job: Job, progress: Progress, levels: tuple[int, ...] = UNSEEN.levels) -> Stills:
    """The stills a card is measured on, at level 3 or at others."""
    return stills(_sized(job, replace(UNSEEN, levels=levels)), job.work, progress)


def _sized(job: Job, plan: Plan) -> Plan:
    return replace(plan, people=3, frames=1) if job.smoke else plan


@dataclass(frozen=True)
class Jitter:
    """How far a crop may lie from where the truth would put it; the same in use, where points are estimates.

    Args:
        shift: px of the 64 px crop, standard deviation.
        scale: standard deviation of the logarithm.
        turn: degrees, standard deviation.
    """

    shift: float = 1.0
    scale: float = 0.03
    turn: float = 1.5

    def draw(self, draw: np.random.Generator) -> Matrix:
        """(3, 3) a map of crop px to crop px, about the crop's middle."""
        factor = np.exp(self.scale * draw.standard_normal())
        return about_middle(factor, self.turn * draw.standard_normal(), self.shift * draw.standard_normal(2))


def about_middle(factor: float, degrees: float, shift: NDArray[np.float64]) -> Matrix:
    """(3, 3) scaling and turning about the middle of a crop, then a shift in px."""
    middle = (SIDE - 1) / 2
    angle = np.deg2rad(degrees)
    turn = factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = np.eye(3)
    moved[:2, :2] = turn
    moved[:2, 2] = middle - turn @ np.array([middle, middle]) + shift
    return moved


def composed(outer: Matrix, inner: Matrix) -> Matrix:
    """(2, 3) of a (3, 3) map after a (2, 3) map."""
    return np.asarray((outer @ np.vstack([inner, [0.0, 0.0, 1.0]]))[:2])


def aligned(
    image: Picture, points: NDArray[np.floating], jitter: Jitter, draw: np.random.Generator
) -> Picture:
    """A roughened crop as the networks meet it, mirrored never: faces are lopsided."""
    return roughened(cut(image, composed(jitter.draw(draw), matrix_of(points))), draw)


def crops_of(
    data: Stills, rows: Sequence[int] | NDArray[np.int64], draw: np.random.Generator
) -> torch.Tensor:
    """(n, 64, 64, 3) uint8 crops of some stills, jittered and roughened."""
    points, jitter = data.floats("landmarks"), Jitter()
    return torch.from_numpy(np.stack([aligned(data.images[i], points[i], jitter, draw) for i in rows]))


def plain_crops(data: Stills, points: NDArray[np.floating] | None = None) -> Picture:
    """(N, 64, 64, 3) crops of all stills, by their true points or by others (N, 68, 2)."""
    chosen = data.floats("landmarks") if points is None else points
    return np.stack([cut(image, matrix_of(own)) for image, own in zip(data.images, chosen, strict=True)])


def to_input(images: torch.Tensor) -> torch.Tensor:
    """(N, H, W, 3) uint8 RGB -> (N, 3, H, W) in -1..1, channels last."""
    return images.permute(0, 3, 1, 2).float() * (2 / 255) - 1


def batch_rows(draw: np.random.Generator, count: int, size: int) -> NDArray[np.int64]:
    """Rows of a batch, in rising order for the memory map."""
    return np.sort(draw.integers(0, count, size))


def pick(data: Stills, names: Sequence[str], rows: NDArray[np.int64]) -> Batch:
    """Columns of some stills as tensors: float32, or int64 for whole numbers."""
    found = {name: np.asarray(data.columns[name])[rows] for name in names}
    return {
        name: torch.from_numpy(v.astype(np.float32 if v.dtype.kind == "f" else np.int64))
        for name, v in found.items()
    }

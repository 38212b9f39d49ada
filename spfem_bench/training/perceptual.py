"""Training of the perceptual networks: what a picture shows, and what was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from spfem_bench.progress import Progress
from spfem_bench.training.cards import Card, Measure
from spfem_bench.training.faces import batch_rows, build, learning_stills, pick, to_input, unseen_stills
from spfem_bench.training.files import Set
from spfem_bench.training.harm import HARMS, Picture
from spfem_bench.training.loop import Batch, Losses, Schedule, apply
from spfem_bench.training.making import Making, make
from spfem_bench.training.recipe import Job
from spfem_bench.training.samples import SIDE, Stills

KINDS = tuple(HARMS)
HARMED = 0.75
"""Share of training pictures to which something was done."""

GRADES = (0.1, 0.2, 0.35, 0.55, 0.8, 1.0)
"""Strengths at which the distance is fitted and tried."""

GROWTH: Mapping[Set, float] = {"judges": 8.0, "supervisors": 0.0}
"""Weight of the loss that ties how far the pooled features move to how much was done; distances between sets
rest on a judge's pooled features only."""

REACH = 3.0
"""How far the strongest degradation moves the pooled features, in the spread of those of clean pictures."""

_TRUTHS = ("units", "angles", "emotion", "landmarks")


class Tasks(nn.Module):
    """A perceptual network with the heads it is trained by; only the network is kept."""

    def __init__(self, net: nn.Module, channels: int) -> None:
        super().__init__()
        self.net = net
        self.pooled = nn.Linear(channels, len(KINDS) + 1 + len(KINDS) + 7 + 16 + 3)
        self.placed = nn.Linear(16 * channels, 136)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(N, 3, 128, 128) -> (N, 43) from the pooled features, (N, 136) from their map, (N, C) pooled."""
        last = self.net.layers(x)[-1]  # type: ignore[operator]
        features = last.mean(dim=(2, 3))
        return self.pooled(features).float(), self.placed(last.flatten(1)).float(), features.float()


def train(job: Job, progress: Progress) -> Card:
    """Train, save and measure one set's perceptual network."""
    data = learning_stills(job, progress)
    schedule = Schedule(steps=job.steps(1200), lr=2e-3, seed=job.seed)
    fitted = partial(with_weights, data=data, pictures=16 if job.smoke else 400, seed=job.seed)
    making = Making(
        partial(harmed_batch, data, paired=GROWTH[job.which] > 0),
        partial(losses, growth=GROWTH[job.which]),
        schedule,
        finish=lambda whole: fitted(whole.get_submodule("net")),
    )
    width = build(job.which, "perceptual")(torch.zeros(1, 3, SIDE, SIDE)).shape[1]
    net, record = make(
        job,
        "perceptual",
        lambda: build(job.which, "perceptual"),
        making,
        progress,
        start=lambda: Tasks(build(job.which, "perceptual"), width),
    )
    return record.card(
        about=_ABOUT,
        architecture=_ARCHITECTURES[job.which],
        measures=measured(net, unseen_stills(job, progress)),
        facts={
            "stills": f"{len(data):,} of {data.plan.people} people",
            "degradations": ", ".join(KINDS),
            "channel weights": "non-negative least squares from squared gaps to the degradation's strength",
            "batch": "64 with the same left alone" if GROWTH[job.which] else "96",
        },
        limits=_LIMITS[job.which],
        sources=("Zhang et al. 2018, The unreasonable effectiveness of deep features (LPIPS)",),
    )


def harmed_batch(data: Stills, draw: np.random.Generator, *, paired: bool = False) -> Batch:
    """96 stills, most degraded in one way; ``kind`` 0 is none. If ``paired``, 64, and ``clean`` the same."""
    rows = batch_rows(draw, len(data), 64 if paired else 96)
    kind = np.where(draw.random(len(rows)) < HARMED, draw.integers(1, len(KINDS) + 1, len(rows)), 0)
    # Weak ones are what a judge's features overdo: the least blur takes the camera's noise away.
    strength = np.where(kind > 0, draw.random(len(rows)) ** (1.5 if paired else 0.5), 0.0)
    images = [
        harmed(data.images[row], k, s, draw)
        for row, k, s in zip(rows.tolist(), kind.tolist(), strength.tolist(), strict=True)
    ]
    truth = dict(pick(data, _TRUTHS, rows))
    truth["landmarks"] = truth["landmarks"].flatten(1) * (2 / SIDE) - 1
    clean = {"clean": torch.from_numpy(np.stack([data.images[row] for row in rows.tolist()]))}
    return {
        **(clean if paired else {}),
        "image": torch.from_numpy(np.stack(images)),
        "kind": torch.from_numpy(kind.astype(np.int64)),
        "strength": torch.from_numpy(strength.astype(np.float32)),
        **truth,
    }


def harmed(image: Picture, kind: int, strength: float, draw: np.random.Generator) -> Picture:
    """A picture degraded by kind 1, 2, ...; kind 0 leaves it alone."""
    return image if kind == 0 else HARMS[KINDS[kind - 1]](image, strength, draw)


def losses(net: nn.Module, batch: Batch, growth: float = 0.0) -> Losses:
    """What was done to the picture, how much, and what it shows; with ``growth``, how far features moved."""
    images = [batch["image"], batch["clean"]] if growth else [batch["image"]]
    count = len(batch["image"])
    both, places, features = net(to_input(torch.cat(images)))
    pooled, placed = both[:count], places[:count]
    moved = (
        {"growth": growth * _growth(features[:count], features[count:], batch["strength"])} if growth else {}
    )
    kind, strength, emotion, units, angles = pooled.split([len(KINDS) + 1, len(KINDS), 7, 16, 3], dim=1)
    wanted = F.one_hot(batch["kind"], len(KINDS) + 1)[:, 1:].float() * batch["strength"][:, None]
    return {
        **moved,
        "kind": (0.1 if growth else 0.5) * F.cross_entropy(kind, batch["kind"]),
        "strength": 3 * F.smooth_l1_loss(strength, wanted, beta=0.05),
        "emotion": 0.5 * F.cross_entropy(emotion, batch["emotion"], label_smoothing=0.1),
        "units": 2 * F.smooth_l1_loss(units, batch["units"], beta=0.1),
        "angles": F.smooth_l1_loss(angles, batch["angles"] / 20, beta=0.1),
        "landmarks": 4 * F.smooth_l1_loss(placed, batch["landmarks"], beta=0.02),
    }


def _growth(bad: torch.Tensor, clean: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """How far features moved, against `REACH` times the strength; in the spread of the clean ones."""
    spread = clean.detach().var(dim=0).sum().clamp_min(1e-6).sqrt()
    far = ((bad - clean) / spread).square().sum(1).add(1e-6).sqrt()
    return F.smooth_l1_loss(far, REACH * strength, beta=0.1)


@torch.inference_mode()
def gaps(net: nn.Module, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, C) squared differences of unit-length features, averaged over places, layers side by side."""
    parts = []
    for start in range(0, len(one), 64):
        a, b = (to_input(torch.from_numpy(side[start : start + 64])) for side in (one, other))
        layers = zip(net.layers(a), net.layers(b), strict=True)  # type: ignore[operator]
        rows = [
            ((F.normalize(x, dim=1, eps=1e-6) - F.normalize(y, dim=1, eps=1e-6)) ** 2).mean(dim=(2, 3))
            for x, y in layers
        ]
        parts.append(torch.cat(rows, dim=1).double().numpy())
    return np.concatenate(parts)


def graded(
    data: Stills, pictures: int, seed: int, kind: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]]:
    """Pictures, the same degraded at every grade by one draw each, and the grades.

    Returns:
        Clean and degraded (n * grades, 128, 128, 3) uint8, a picture's grades in a row, and (n * grades,).
    """
    rows = np.linspace(0, len(data) - 1, pictures).astype(np.int64)
    clean = np.repeat(np.stack([data.images[row] for row in rows]), len(GRADES), axis=0)
    harms = [
        HARMS[kind](data.images[row], grade, np.random.default_rng((seed, int(row))))
        for row in rows
        for grade in GRADES
    ]
    return clean, np.stack(harms), np.tile(GRADES, pictures)


def with_weights(net: nn.Module, *, data: Stills, pictures: int, seed: int) -> nn.Module:
    """The network with channel weights that bring the distance nearest to the strength, over all kinds.

    Non-negative least squares with a little weight on equal shares, so that no channel decides alone; one
    that hardly moves is not blown up.
    """
    from scipy.optimize import nnls

    net = net.eval()
    each = max(2, pictures // len(KINDS))
    rows, aims = [], []
    for kind in KINDS:
        clean, bad, grade = graded(data, each, seed, kind)
        rows.append(gaps(net, clean, bad))
        aims.append(grade)
    matrix, aim = np.concatenate(rows), np.concatenate(aims)
    size = np.maximum(matrix.mean(axis=0), 0.01 * matrix.mean())
    scaled, ridge = matrix / size, np.eye(matrix.shape[1]) * np.sqrt(0.02 * len(aim))
    even = np.full(len(ridge), aim.mean() / len(ridge))
    weights, _ = nnls(np.vstack([scaled, ridge]), np.concatenate([aim, ridge @ even]))
    _put(net, weights / size)
    return net


@torch.no_grad()
def _put(net: nn.Module, weights: NDArray[np.float64]) -> None:
    start = 0
    for parameter in net.get_submodule("channel_weights").parameters():
        parameter.copy_(torch.from_numpy(weights[start : start + len(parameter)]))
        start += len(parameter)


def measured(net: nn.Module, data: Stills) -> list[Measure]:
    """The card's numbers: does each degradation grow the distance, and the Fréchet distance of sets?"""
    found = {kind: _ranked(net, data, kind) for kind in KINDS}
    frechet = {kind: _frechet_order(net, data, kind) for kind in KINDS}
    lowest, least = (min(d, key=d.__getitem__) for d in (found, frechet))
    return [
        Measure(
            "pairs of grades in right order by distance, all kinds",
            float(np.mean(list(found.values()))),
            "",
            0.95,
        ),
        Measure(f"the same, worst kind ({lowest})", found[lowest]),
        Measure(
            "steps up a grade that raise the Fréchet distance, all kinds",
            float(np.mean(list(frechet.values()))),
            "",
            0.95,
        ),
        Measure(f"the same, worst kind ({least})", frechet[least]),
    ]


def _ranked(net: nn.Module, data: Stills, kind: str) -> float:
    """Share of pairs of grades of one picture that the distance puts in the right order."""
    clean, bad, _ = graded(data, min(60, len(data)), 9, kind)
    far = _distances(net, clean, bad).reshape(-1, len(GRADES))
    one, other = np.triu_indices(len(GRADES), 1)
    return float((far[:, other] > far[:, one]).mean())


def _distances(net: nn.Module, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    weights = [
        p.detach().clamp_min(0).double().numpy() for p in net.get_submodule("channel_weights").parameters()
    ]
    return np.asarray(gaps(net, one, other) @ np.concatenate(weights))


def _frechet_order(net: nn.Module, data: Stills, kind: str) -> float:
    """Share of steps from a grade to the next that raise the Fréchet distance from the clean pictures."""
    from spfem_metrics.functional.frechet import frechet_distance

    count = min(200, len(data))
    clean, bad, _ = graded(data, count, 9, kind)
    forward = lambda own, images: own(to_input(images))  # noqa: E731
    real = apply(net, clean[:: len(GRADES)], forward)
    far = [frechet_distance(apply(net, bad[i :: len(GRADES)], forward), real) for i in range(len(GRADES))]
    return float((np.diff([0.0, *far]) > 0).mean())


_ABOUT = (
    "Features of whole pictures of rendered people: pooled for distances between sets (Fréchet, kernel), "
    "layer by layer for a distance between two pictures. For rendered people only."
)
_ARCHITECTURES: Mapping[str, str] = {
    "judges": "A residual network with batch normalisation over 128 px pictures, five layers.",
    "supervisors": "A ConvNeXt-like network with group normalisation over 128 px pictures, five layers.",
}
_LIMITS: Mapping[Set, tuple[str, ...]] = {
    "judges": (),
    "supervisors": (
        "It serves distances between two pictures, which meet their target. The loss that makes a "
        "judge's pooled features grow in proportion was not used for it.",
    ),
}

"""Training of the landmark networks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from spfem_bench.progress import Progress
from spfem_bench.training.cards import Card, Measure
from spfem_bench.training.faces import (
    Jitter,
    Matrix,
    about_middle,
    batch_rows,
    build,
    composed,
    learning_stills,
    pick,
    to_input,
    unseen_stills,
)
from spfem_bench.training.files import Set
from spfem_bench.training.harm import Picture, roughened
from spfem_bench.training.loop import Batch, Losses, Schedule, apply
from spfem_bench.training.making import Making, make
from spfem_bench.training.recipe import Job
from spfem_bench.training.samples import Stills
from spfem_metrics.synthetic.finding import LOOKS, Found, Look, find
from spfem_metrics.synthetic.nets.crops import SIDE, cut, matrix_of, mouth_matrix_of, whole

ABSENT = 0.12
"""Share of training pictures without a face."""

ROUGH, MOUTH = 0.25, 0.3
"""Shares of training pictures seen whole, as in the first look, and of the mouth alone, as in the last."""

STEPS: Mapping[Set, int] = {"judges": 5000, "supervisors": 2800}
"""Points are learnt the longer the better; a judge's are what is measured with."""

_CLOSE = Jitter(shift=2.0, scale=0.08, turn=5.0)
_TRUTHS = ("angles", "gaze", "blink", "units")


def train(job: Job, progress: Progress) -> Card:
    """Train, save and measure one set's landmark network."""
    data = learning_stills(job, progress)
    schedule = Schedule(steps=job.steps(STEPS[job.which]), lr=3e-3, seed=job.seed)

    def batch(draw: np.random.Generator) -> Batch:
        """One batch of 96."""
        return pictures(data, batch_rows(draw, len(data), 96), draw)

    making = Making(batch, losses, schedule)
    net, record = make(job, "landmarks", lambda: build(job.which, "landmarks"), making, progress)
    return record.card(
        about=_ABOUT,
        architecture=_ARCHITECTURES[job.which],
        measures=measured(net, unseen_stills(job, progress)),
        facts={"stills": f"{len(data):,} of {data.plan.people} people", "batch": "96"},
        limits=_LIMITS[job.which],
        sources=(
            "Sun et al. 2018, Integral human pose regression",
            "Sagonas et al. 2013 (iBUG 300-W, the 68 points)",
        ),
    )


def pictures(data: Stills, rows: NDArray[np.int64], draw: np.random.Generator) -> Batch:
    """Crops with the truth as it appears in them; ``face`` is 0 where there is none."""
    points, crops, targets, turns = data.floats("landmarks"), [], [], []
    face = draw.random(len(rows)) >= ABSENT
    for row, shown in zip(rows.tolist(), face, strict=True):
        matrix = _view(data.images[row], points[row], draw)
        crop = cut(data.images[row], matrix) if shown else faceless(data.images[row], points[row], draw)
        crops.append(roughened(crop, draw))
        inside = points[row] @ matrix[:, :2].T + matrix[:, 2]
        targets.append((inside + 0.5) * (2 / SIDE) - 1)
        turns.append(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    truth = dict(pick(data, _TRUTHS, rows))
    truth["angles"] = truth["angles"] + torch.tensor(turns, dtype=torch.float32)[:, None] * torch.tensor(
        [0.0, 0, 1]
    )
    return {
        "image": torch.from_numpy(np.stack(crops)),
        "points": torch.from_numpy(np.stack(targets).astype(np.float32)),
        "face": torch.from_numpy(face.astype(np.float32)),
        **truth,
    }


def _view(image: Picture, points: NDArray[np.floating], draw: np.random.Generator) -> Matrix:
    """The whole picture, moved about, or the mouth, or the aligned face, less so."""
    kind = draw.random()
    if kind >= ROUGH + MOUTH:
        return composed(_CLOSE.draw(draw), matrix_of(points))
    if kind >= ROUGH:
        return composed(_CLOSE.draw(draw), mouth_matrix_of(points))
    factor = float(np.exp(draw.uniform(np.log(0.7), np.log(1.5))))
    moved = about_middle(factor, float(draw.normal(0, 8)), draw.normal(0, 3.5, 2))
    return composed(moved, whole(image))


def faceless(image: Picture, points: NDArray[np.floating], draw: np.random.Generator) -> Picture:
    """A picture without a face: a corner of the still, its pieces in disorder, noise, or a plain colour."""
    kind = draw.choice(["corner", "pieces", "noise", "plain"], p=[0.4, 0.35, 0.15, 0.1])
    if kind == "corner":
        return _corner(image, points, draw)
    if kind == "pieces":
        return _pieces(cut(image, matrix_of(points) if draw.random() < 0.5 else whole(image)), draw)
    level = draw.uniform(0, 255, 3)
    spread = draw.uniform(5, 90) if kind == "noise" else 0.0
    grain = draw.standard_normal((SIDE, SIDE, 3)) * spread
    return np.clip(level + grain, 0, 255).astype(np.uint8)


def _corner(image: Picture, points: NDArray[np.floating], draw: np.random.Generator) -> Picture:
    """What lies above, beside or below the face."""
    side = int(draw.integers(24, 49))
    x = 0 if points[:, 0].mean() > image.shape[1] / 2 else image.shape[1] - side
    y = int(draw.integers(0, image.shape[0] - side))
    inside = ((points >= [x, y]) & (points <= [x + side, y + side])).all(axis=1).mean()
    patch = image[y : y + side, x : x + side]
    small = cut(patch, whole(patch))
    return _pieces(small, draw) if inside > 0.1 else small


def _pieces(crop: Picture, draw: np.random.Generator) -> Picture:
    """The squares of a crop in random order, each turned at random."""
    edge = int(draw.choice([8, 16]))
    count = SIDE // edge
    tiles = crop.reshape(count, edge, count, edge, 3).swapaxes(1, 2).reshape(-1, edge, edge, 3)
    tiles = np.rot90(tiles[draw.permutation(len(tiles))], int(draw.integers(4)), axes=(1, 2))
    return np.ascontiguousarray(
        tiles.reshape(count, count, edge, edge, 3).swapaxes(1, 2).reshape(SIDE, SIDE, 3)
    )


def losses(net: nn.Module, batch: Batch) -> Losses:
    """Points, presence and the rest; only presence where there is no face."""
    outputs = net(to_input(batch["image"])).float()
    face = batch["face"]
    count = face.sum().clamp_min(1)
    seen = (batch["points"].abs() < 1.15).float() * face[:, None, None]
    off = F.smooth_l1_loss(outputs[:, :136].view(-1, 68, 2), batch["points"], reduction="none", beta=0.01)

    def apart(columns: slice, truth: torch.Tensor) -> torch.Tensor:
        """Mean distance of some columns, over pictures with a face."""
        return (
            F.smooth_l1_loss(outputs[:, columns], truth, reduction="none", beta=0.05).mean(1) * face
        ).sum() / count

    return {
        "points": 12 * (off * seen).sum() / seen.sum().clamp_min(1),
        "presence": 0.15 * F.binary_cross_entropy_with_logits(outputs[:, 136], face),
        "angles": 0.5 * apart(slice(137, 140), batch["angles"] / 20),
        "gaze": 0.3 * apart(slice(140, 142), batch["gaze"]),
        "blink": 0.3 * apart(slice(142, 143), batch["blink"][:, None]),
        "units": 0.5 * apart(slice(143, 159), batch["units"]),
    }


def looker(net: nn.Module) -> Look:
    """The network as `find` calls it."""
    return lambda crops: apply(net, crops, lambda own, images: own(to_input(images)))


def found_in(net: nn.Module, data: Stills, looks: int = LOOKS) -> Found:
    """What the network reads of stills, from the whole picture on."""
    return find(looker(net), list(data.images), looks)


def error_of(points: NDArray[np.floating], truth: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) mean distance of the 68 points over the distance of the outer eye corners (37 and 46, from 1)."""
    scale = np.linalg.norm(truth[:, 45] - truth[:, 36], axis=-1)
    return np.asarray(np.linalg.norm(points - truth, axis=-1).mean(axis=1) / scale)


def measured(net: nn.Module, data: Stills) -> list[Measure]:
    """The card's numbers."""
    read, truth = found_in(net, data), data.floats("landmarks")
    far = error_of(read.points, truth)
    inner = np.linalg.norm(read.points[:, 66] - read.points[:, 62], axis=-1)
    width = np.linalg.norm(read.points[:, 54] - read.points[:, 48], axis=-1)
    gaps = {
        name: np.abs(getattr(read, name) - data.floats(name)).mean() for name in ("angles", "gaze", "blink")
    }
    empty = false_faces(net, data)
    return [
        Measure("mean error of 68 points", 100 * float(far.mean()), "% inter-ocular", 2.0, "lower"),
        Measure(
            "95th percentile of the pictures' errors",
            100 * float(np.percentile(far, 95)),
            "% inter-ocular",
            None,
            "lower",
        ),
        Measure("faces found", float((read.score >= 0.5).mean()), "", 0.999),
        Measure("false faces in corners, pieces and noise", empty, "", 0.01, "lower"),
        Measure(
            "correlation of mouth opening with the truth", _correlation(inner, data.floats("mouth_opening"))
        ),
        Measure("correlation of mouth width with the truth", _correlation(width, data.floats("mouth_width"))),
        Measure("mean error of head angles", float(gaps["angles"]), "degrees", None, "lower"),
        Measure("mean error of gaze", float(gaps["gaze"]), "of its range", None, "lower"),
        Measure("mean error of blink", float(gaps["blink"]), "", None, "lower"),
        Measure(
            "mean correlation of action units with the truth",
            units_correlation(read.units, data.floats("units")),
        ),
    ]


def false_faces(net: nn.Module, data: Stills) -> float:
    """Share of faceless pictures taken for a face at the first look."""
    draw = np.random.default_rng(5)
    points = data.floats("landmarks")
    rows = draw.integers(0, len(data), min(600, len(data)))
    empty = np.stack([faceless(data.images[i], points[i], draw) for i in rows])
    return float((find(looker(net), list(empty)).score >= 0.5).mean())


def units_correlation(read: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Mean over the units that move of the correlation with the truth."""
    moving = [i for i in range(truth.shape[1]) if truth[:, i].std() > 0.02]
    return float(np.mean([_correlation(read[:, i], truth[:, i]) for i in moving]))


def _correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    return float(np.corrcoef(one, other)[0, 1])


_ABOUT = (
    "Finds the 68 points of iBUG 300-W on rendered faces, says whether there is a face, and reads head "
    "angles, gaze, blink and sixteen action units. For rendered people only: on photographs it means nothing."
)
_ARCHITECTURES: Mapping[str, str] = {
    "judges": (
        "A residual network with batch normalisation over 64 px crops; each point is the centre of mass of "
        "a map."
    ),
    "supervisors": (
        "A ConvNeXt-like network with group normalisation over 64 px crops; each point is the centre of mass "
        "of a map plus a linear correction."
    ),
}
_LIMITS: Mapping[Set, tuple[str, ...]] = {
    "judges": (),
    "supervisors": (
        "Its trunk is a third of the judge's, because the twelve networks share 10 MB: a trunk as "
        "large as its fellows' did not fit beside them. Longer training was not tried.",
    ),
}

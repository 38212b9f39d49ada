"""Training of the identity networks."""

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
    batch_rows,
    build,
    crops_of,
    learning_stills,
    pick,
    plain_crops,
    to_input,
    unseen_stills,
)
from spfem_bench.training.loop import Batch, Losses, Schedule, apply
from spfem_bench.training.making import Making, make
from spfem_bench.training.recipe import Job
from spfem_bench.training.samples import Stills

SCALE, MARGIN = 24.0, 0.25


class Margined(nn.Module):
    """A network and one direction for each person it learns from; only the network is kept."""

    def __init__(self, net: nn.Module, people: int, width: int = 128) -> None:
        super().__init__()
        self.net = net
        self.directions = nn.Parameter(torch.randn(people, width) * 0.05)

    def cosines(self, images: torch.Tensor) -> torch.Tensor:
        """(N, people) cosines of the crops' embeddings with the people's directions."""
        vectors = F.normalize(self.net(images).float())
        return vectors @ F.normalize(self.directions.float()).T


def train(job: Job, progress: Progress) -> Card:
    """Train, save and measure one set's identity network."""
    data = learning_stills(job, progress)
    schedule = Schedule(steps=job.steps(1200), lr=3e-3, decay=0.05, seed=job.seed)

    def batch(draw: np.random.Generator) -> Batch:
        """One batch of 128."""
        rows = batch_rows(draw, len(data), 128)
        return {"image": crops_of(data, rows, draw), **pick(data, ["person"], rows)}

    def start() -> nn.Module:
        """The network with its directions, which are not saved."""
        return Margined(build(job.which, "identity"), data.plan.people)

    making = Making(batch, losses, schedule, finish=lambda whole: whole.get_submodule("net"))
    net, record = make(job, "identity", lambda: build(job.which, "identity"), making, progress, start=start)
    return record.card(
        about=_ABOUT,
        architecture=_ARCHITECTURES[job.which],
        measures=measured(net, unseen_stills(job, progress)),
        facts={"stills": f"{len(data):,} of {data.plan.people} people", "batch": "128"},
        sources=(
            f"Deng et al. 2019, ArcFace (scale {SCALE:g}, margin {MARGIN:g})",
            "Chen et al. 2018, MobileFaceNets",
        ),
    )


def losses(net: nn.Module, batch: Batch) -> Losses:
    """Additive angular margin (Deng et al. 2019)."""
    assert isinstance(net, Margined)
    cosines = net.cosines(to_input(batch["image"]))
    own = batch["person"][:, None]
    angle = torch.acos(cosines.gather(1, own).clamp(-0.9999, 0.9999))
    harder = torch.cos((angle + MARGIN).clamp(max=torch.pi))
    return {"margin": F.cross_entropy(SCALE * cosines.scatter(1, own, harder), batch["person"])}


def embeddings(net: nn.Module, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, D) of unit length."""
    return apply(net, crops, lambda own, images: F.normalize(own(to_input(images))))


def measured(net: nn.Module, data: Stills) -> list[Measure]:
    """The card's numbers, over pairs of stills from different clips."""
    vectors = embeddings(net, plain_crops(data)).astype(np.float64)
    person, clip = data.whole("person"), data.whole("clip")
    one, other = np.triu_indices(len(vectors), 1)
    apart = clip[one] != clip[other]
    cosines = (vectors @ vectors.T)[one[apart], other[apart]]
    same = (person[one] == person[other])[apart]
    return [
        Measure("area under the ROC curve, same person or not", area(cosines, same), "", 0.99),
        Measure("equal error rate", equal_error(cosines, same), "", None, "lower"),
        Measure("mean cosine, same person in another emotion", float(cosines[same].mean())),
        Measure("mean cosine, other people", float(cosines[~same].mean()), "", None, "lower"),
        Measure(
            "99th percentile of the cosine, other people",
            float(np.percentile(cosines[~same], 99)),
            "",
            None,
            "lower",
        ),
    ]


def area(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative (Mann, Whitney 1947)."""
    from scipy.stats import rankdata

    ranks, count = rankdata(scores), int(positive.sum())
    others = len(scores) - count
    if not count or not others:
        return float("nan")
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def equal_error(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Error rate at the threshold where as many positives are refused as negatives are taken."""
    order = np.argsort(scores)
    refused = np.cumsum(positive[order]) / max(1, positive.sum())
    taken = 1 - np.cumsum(~positive[order]) / max(1, (~positive).sum())
    place = int(np.argmin(np.abs(refused - taken)))
    return float((refused[place] + taken[place]) / 2)


_ABOUT = (
    "Embeds a rendered face, aligned by its rigid points, so that crops of a person lie close whatever the "
    "face does and however it is lit. For rendered people only."
)
_ARCHITECTURES: Mapping[str, str] = {
    "judges": "A residual network with batch normalisation over 64 px crops, 128 numbers.",
    "supervisors": "A ConvNeXt-like network with group normalisation over 64 px crops, 128 numbers.",
}

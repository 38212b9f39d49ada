"""Training of ``clip``: stills and captions in one space, where a caption may fit many stills of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.progress import Progress
from spfem_bench.synthetic.captions import PROMPTS
from spfem_bench.synthetic.wording import GENERAL
from spfem_bench.training.captioning import Captions, Encode, captioned, classes, write_words
from spfem_bench.training.cards import Card, Measure
from spfem_bench.training.faces import (
    batch_rows,
    crops_of,
    learning_stills,
    plain_crops,
    to_input,
    unseen_stills,
)
from spfem_bench.training.files import Set, weights_path
from spfem_bench.training.loop import Batch, Losses, Schedule, apply
from spfem_bench.training.making import Making, make
from spfem_bench.training.recipe import Job
from spfem_bench.training.samples import Stills
from spfem_metrics.synthetic.nets.crops import matrix_of

SIZE = 128
"""Stills in a batch."""
MUSCLES, GEOMETRY = 16, 16 + 2 * 68
"""Columns of the geometry: action units, then points."""
GUIDANCE = 5.0
"""Weight of either: as means over many columns they are small beside the contrast."""
NEW_WORDING = "the face of this speaker appears {}"
"""No caption is of this form, though its words are known."""


@dataclass(frozen=True)
class Kind:
    """What differs between the sets.

    Args:
        about: the architecture in a sentence.
        build: the untrained network, one of open_clip's.
        width: of its embeddings.
        tokenizer: the list of words -> texts to numbers.
        lr: highest learning rate.
        steps: of the optimiser.
    """

    about: str
    build: Callable[[], nn.Module]
    width: int
    tokenizer: Callable[[Path], Encode]
    lr: float
    steps: int


def kind_of(which: Set) -> Kind:
    """The network of a set."""
    return {"judges": _judge, "supervisors": _supervisor}[which]()


def train(job: Job, progress: Progress) -> Card:
    """Train, save and measure one set's CLIP, with the list of words beside it."""
    kind, words = kind_of(job.which), weights_path(job.which, "clip", job.out).with_name("words.txt")
    write_words(words)
    encode, data = kind.tokenizer(words), learning_stills(job, progress)
    schedule = Schedule(steps=job.steps(kind.steps), lr=kind.lr, decay=0.05, seed=job.seed)
    pairs = Pairs(data, captioned(data, encode))
    making = Making(pairs, losses, schedule, finish=lambda whole: whole.get_submodule("net"))
    net, record = make(job, "clip", kind.build, making, progress, start=lambda: Guided(kind))
    return record.card(
        about=_ABOUT,
        architecture=kind.about,
        measures=measured(net, encode, unseen_stills(job, progress)),
        facts={"stills": f"{len(data):,} of {data.plan.people} people", "batch": str(SIZE)},
        limits=_LIMITS,
        sources=_SOURCES,
    )


@dataclass(frozen=True)
class Pairs:
    """Makes batches of stills with a caption each."""

    data: Stills
    told: Captions

    def __call__(self, draw: np.random.Generator) -> Batch:
        """Crops, a caption's tokens for each, which captions fit which, and what shape the faces have."""
        rows = batch_rows(draw, len(self.data), SIZE)
        tokens, fits = self.told.drawn(rows, draw)
        image = crops_of(self.data, rows, draw)
        return {
            "image": image,
            "tokens": torch.from_numpy(tokens),
            "fits": torch.from_numpy(fits),
            "geometry": torch.from_numpy(self._geometry[rows]),
        }

    @cached_property
    def _geometry(self) -> NDArray[np.float32]:
        """(N, 152) action units and the points of the aligned face, each column of mean 0 and spread 1."""
        points = self.data.floats("landmarks").astype(np.float64)
        matrix = matrix_of(points)
        inside = np.einsum("nij,nkj->nki", matrix[:, :, :2], points) + matrix[:, None, :, 2]
        columns = np.concatenate([self.data.floats("units"), inside.reshape(len(points), -1)], axis=1)
        return np.asarray((columns - columns.mean(axis=0)) / (columns.std(axis=0) + 0.02), np.float32)


class Guided(nn.Module):
    """A CLIP with a linear reading of action units and landmarks from its pictures; only the CLIP is kept.

    Contrast alone stays at chance for long, until the pictures mean anything; the geometry leads it out.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.net = kind.build()
        self.geometry = nn.Linear(kind.width, GEOMETRY)


def losses(guided: nn.Module, batch: Batch) -> Losses:
    """Contrast of stills and captions, and the geometry."""
    assert isinstance(guided, Guided)
    net = guided.net
    # On a CPU the backward pass of the fused attention takes half of a step; the plain one is quicker.
    with sdpa_kernel(SDPBackend.MATH):
        seen, told = pictured(net, batch["image"]).float(), texts(net, batch["tokens"]).float()
    scale = net.get_parameter("logit_scale").exp().clamp(max=100.0)
    missed = (guided.geometry(seen).float() - batch["geometry"]).square().mean(dim=0)
    return {
        **contrast(scale * F.normalize(seen) @ told.T, batch["fits"].float()),
        "muscles": GUIDANCE * missed[:MUSCLES].mean(),
        "points": GUIDANCE * missed[MUSCLES:].mean(),
    }


def contrast(logits: torch.Tensor, fits: torch.Tensor) -> Losses:
    """Both ways; a still's target is spread over all captions that fit it, and the reverse.

    Args:
        logits: (B, B) stills by captions.
        fits: (B, B) 1 where a caption fits a still, else 0; at least one in each row and column.
    """
    return {
        "stills": 0.5 * F.cross_entropy(logits, fits / fits.sum(1, keepdim=True)),
        "captions": 0.5 * F.cross_entropy(logits.T, fits.T / fits.T.sum(1, keepdim=True)),
    }


def pictured(net: nn.Module, crops: torch.Tensor) -> torch.Tensor:
    """(N, 64, 64, 3) uint8 -> (N, D), of any length."""
    found: torch.Tensor = net.encode_image(to_input(crops))  # type: ignore[operator]
    return found


def images(net: nn.Module, crops: torch.Tensor) -> torch.Tensor:
    """(N, 64, 64, 3) uint8 -> (N, D) of unit length."""
    return F.normalize(pictured(net, crops))


def texts(net: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """(N, L) -> (N, D) of unit length."""
    found: torch.Tensor = net.encode_text(tokens, normalize=True)  # type: ignore[operator]
    return found


def measured(net: nn.Module, encode: Encode, data: Stills) -> list[Measure]:
    """The card's numbers on stills at level 3: which of seven captions lies nearest."""
    vectors = apply(net, plain_crops(data), images)
    prompts = [PROMPTS[name] for name in SPFEM_EMOTIONS]
    plain = [[NEW_WORDING.format(GENERAL[name][0])] for name in SPFEM_EMOTIONS]
    by_prompts = vectors @ classes(lambda tokens: texts(net, tokens), prompts, encode).T
    by_plain = vectors @ classes(lambda tokens: texts(net, tokens), plain, encode).T
    truth, clip = data.whole("emotion"), data.whole("clip")
    return [
        Measure(
            "top-1 of 7 emotions at level 3, single frames, fixed prompts", _hits(by_prompts, truth), "", 0.9
        ),
        Measure("the same, mean over a clip's frames", _clip_hits(by_prompts, truth, clip)),
        Measure("single frames, one wording that was not learnt from", _hits(by_plain, truth)),
        *(
            Measure(f"single frames of {name}", _hits(by_prompts[truth == i], truth[truth == i]))
            for i, name in enumerate(SPFEM_EMOTIONS)
        ),
    ]


def _hits(scores: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    return float((scores.argmax(axis=1) == truth).mean())


def _clip_hits(scores: NDArray[np.float32], truth: NDArray[np.int64], clip: NDArray[np.int64]) -> float:
    _, first, place = np.unique(clip, return_index=True, return_inverse=True)
    sums = np.zeros((len(first), scores.shape[1]))
    np.add.at(sums, place, scores)
    return float((sums.argmax(axis=1) == truth[first]).mean())


def _judge() -> Kind:
    from spfem_metrics.synthetic.nets.clip import WIDTH, build
    from spfem_metrics.synthetic.nets.tokenizer import Tokenizer

    about = (
        "open_clip's CLIP: vision transformer (4 layers of 96, 8 px patches), text transformer (2 layers)."
    )
    return Kind(about, build, WIDTH, lambda path: Tokenizer.load(path).encode, lr=1.5e-3, steps=2600)


def _supervisor() -> Kind:
    from spfem_baselines.supervisors.clip import WIDTH, build
    from spfem_baselines.supervisors.tokenizer import Tokenizer

    def encode_with(path: Path) -> Encode:
        tokenizer = Tokenizer.load(path)
        return lambda some: np.asarray(tokenizer(some).numpy(), np.int64)

    about = "open_clip's CLIP: modified ResNet with attention pooling (8 wide), text transformer (2 layers)."
    return Kind(about, build, WIDTH, encode_with, lr=2e-3, steps=4500)


_ABOUT = (
    "Puts aligned faces and captions of them into one space. Valid on this project's rendered faces and on "
    "captions made of the words in `words.txt` beside it; the extractor counts others as unknown."
)
_LIMITS = (
    "It sees single frames: nothing that a text says of time.",
    "The fixed prompts' wordings were among the captions it learnt from; the people were not.",
)
_SOURCES: tuple[str, ...] = (
    "Radford et al. 2021, Learning transferable visual models from natural language supervision",
    "Ilharco et al. 2021, open_clip (its classes `CLIP`, `VisionTransformer`, `ModifiedResNet`)",
    "Khosla et al. 2020, Supervised contrastive learning (several positives in a batch)",
)

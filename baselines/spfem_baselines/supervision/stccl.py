"""STCCL: spatial-temporal coherent correlation learning (Chen et al., arXiv 2604.20226, TPAMI 2026).

Learnt once, then three lines in any loop:

    heads = stccl.pretrain(pairs, pyramid, Options(form="vd"))
    supervision = STCCL(pyramid, heads, Options(form="vd"))
    loss = usual_losses + weight * supervision(generated, source).total
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn

from spfem_baselines.supervision.coherence import (
    PRETRAIN_RATE,
    PRETRAIN_SEED,
    Agreement,
    Coherence,
    agreements,
    fit,
)
from spfem_baselines.supervision.interface import Frozen, Need, PairBatch, Supervised, views
from spfem_baselines.supervision.matrices import DISTANCES, Distance, Matrices
from spfem_baselines.supervision.pyramid import Pyramid
from spfem_baselines.supervision.relations import (
    Disparities,
    Over,
    default_centres,
    no_heads,
    projection_heads,
)
from spfem_baselines.supervision.released import TEMPORAL_FACTOR, ReleasedTemporal

Form = Literal["vd", "cm"]


@dataclass(frozen=True)
class Options:
    """How STCCL compares.

    Attributes:
        form: ``vd``, visual disparities: differences to the eight neighbours as ASCCL takes them, and of the
            frames of one place less the same frames shuffled, both under InfoNCE. ``cm``, correlation
            matrices of 3x3 patches and of the frames of one place.
        distance: between matrices, for ``cm``; unpublished. ``frobenius``, ``cosine``, ``kl``, or
            ``contrast``, the InfoNCE of ``vd`` on matrices. Of 40 rendered pairs the right mouth was nearer
            than a wrong one in 39, 38, 38 and 39 (centred, without heads), which decides nothing:
            the default is the simplest.
        centred: take the mean vector off before correlating, for ``cm``; unpublished too. Over rendered pairs
            the raw product over time tells no place from another, and heads hardly learn from it: in 200
            steps InfoNCE falls from 9.70, which is chance, to 9.3; centred, from 6.1 to 2.3.
        temporal_weight: of the temporal part beside the spatial; the balance is unpublished, 1 is ours.
        as_released: compute what the repository computes, which has only ``vd``: ASCCL's released loss
            without its 0.3, and 0.35 times the cross entropy of `ReleasedTemporal`, whatever
            ``temporal_weight``. The generated clip is the query, as in ASCCL's renderer: no integration of
            STCCL is published.
        centres: places drawn in each map, (32, 16, 8, 4) by default, in the temporal part too (ours).

    Raises:
        ValueError: there is no such form or distance, or the release has no such form.
    """

    form: Form = "vd"
    distance: Distance = "frobenius"
    centred: bool = True
    temporal_weight: float = 1.0
    as_released: bool = False
    centres: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.form not in ("vd", "cm"):
            raise ValueError(f"STCCL has the forms vd and cm, not '{self.form}'")
        if self.distance not in DISTANCES:
            raise ValueError(f"no distance '{self.distance}': there are {', '.join(DISTANCES)}")
        if self.as_released and self.form == "cm":
            raise ValueError("STCCL's repository holds no code of the form cm, so it cannot be as released")


class STCCL(Frozen):
    """Relations in space and in time of the generated clip must be those of its source.

    Every relation has ASCCL's adaptive weight (lambda = r = 2): large changes first. Parts: ``spatial`` and
    ``temporal`` as `Coherence` names them. Places and shuffled orders are drawn from the attribute
    ``generator``; a checkpoint to be resumed holds its state.

    Args:
        pyramid: gives the maps; it is frozen and put in eval mode.
        heads: what `pretrain` returned; None compares raw features.
        options: see `Options`.
        seed: of ``generator``, and of the random transformers of the release.

    Raises:
        ValueError: the heads are of another pyramid or form, or the options contradict one another.
    """

    needs: frozenset[Need] = frozenset()

    def __init__(
        self,
        pyramid: Pyramid,
        heads: Mapping[str, torch.Tensor] | None = None,
        options: Options = Options(),
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.name = f"stccl-{options.form}"
        self.coherence = _coherence(pyramid, heads is not None, options, seed)
        if heads is not None:
            self.coherence.load_learnt(heads)
        self.freeze()

    @property
    def generator(self) -> torch.Generator:
        """Draws the places and orders of each call."""
        return self.coherence.generator

    def forward(
        self,
        generated: torch.Tensor,
        source: torch.Tensor,
        *,
        reference: torch.Tensor | None = None,  # noqa: ARG002 - one signature for all supervisions
        audio: torch.Tensor | None = None,  # noqa: ARG002
        emotion: torch.Tensor | None = None,  # noqa: ARG002
        text: Sequence[str] | None = None,  # noqa: ARG002
    ) -> Supervised:
        """The loss of clips (B, T, 3, H, W) in [-1, 1]; the rest is not read.

        Raises:
            ValueError: the shapes differ, a map is too small for its centres, or there are fewer than two
                frames (three for ``cm``).
        """
        views(generated, source)
        return self.coherence(generated, source)  # type: ignore[no-any-return]

    def similarities(self, generated: torch.Tensor, source: torch.Tensor) -> dict[str, Agreement]:
        """How alike relations are at corresponding and other places and times, before and after the heads."""
        return agreements(self.coherence, generated, source)


def _coherence(pyramid: Pyramid, with_heads: bool, options: Options, seed: int) -> Coherence:
    counts = default_centres(options.centres, pyramid.channels)
    temporal = TEMPORAL_FACTOR if options.as_released else options.temporal_weight
    relations = {
        "spatial": _relation("places", pyramid, with_heads, options, counts),
        "temporal": ReleasedTemporal(pyramid.channels, counts, seed)
        if options.as_released
        else _relation("frames", pyramid, with_heads, options, counts),
    }
    factors = {"spatial": 1.0, "temporal": temporal}
    return Coherence(pyramid, relations, factors, per_map=options.as_released, seed=seed)


def _relation(
    over: Over, pyramid: Pyramid, with_heads: bool, options: Options, centres: Sequence[int]
) -> nn.Module:
    heads = projection_heads(pyramid.channels) if with_heads else no_heads(pyramid.channels)
    if options.form == "cm":
        return Matrices(heads, over, centres=centres, distance=options.distance, centred=options.centred)
    return Disparities(heads, over, centres=centres, wrap=options.as_released)


def learner(
    pyramid: Pyramid,
    options: Options = Options(),
    *,
    train_pyramid: bool = False,
    seed: int = PRETRAIN_SEED,
) -> Coherence:
    """What metric learning trains: heads with seeded first weights, for `pretrain` or a loop of one's own.

    Correlation matrices are learnt under ``contrast`` whatever their distance shall be: by the others a head
    that makes all vectors equal would be perfect.

    Args:
        pyramid: gives the maps; taken over and changed: frozen in eval mode, or trained.
        options: see `Options`.
        train_pyramid: let the pyramid learn too, its normalisation by batch, as the released training does.
        seed: of the first weights, places and orders.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        coherence = _coherence(pyramid, True, replace(options, distance="contrast"), seed)
    return coherence.to_learn(train_pyramid=train_pyramid)


def pretrain(
    batches: Iterable[PairBatch],
    pyramid: Pyramid,
    options: Options = Options(),
    *,
    train_pyramid: bool = False,
    rate: float = PRETRAIN_RATE,
    seed: int = PRETRAIN_SEED,
    watch: Callable[[int, Supervised], None] | None = None,
) -> dict[str, torch.Tensor]:
    """Metric learning on aligned pairs, one step a batch: the neutral clips as query, the emotional as key.

    Args:
        batches: as many as there shall be steps; only ``neutral`` and ``emotional`` are read.
        pyramid: see `learner`.
        options: see `Options`.
        train_pyramid: see `learner`.
        rate: Adam's learning rate.
        seed: of the first weights, places and orders.
        watch: told each step's number, from 0, and what the loss said.

    Returns:
        The state for ``heads=``.
    """
    coherence = learner(pyramid, options, train_pyramid=train_pyramid, seed=seed)
    return fit(coherence, batches, rate=rate, watch=watch)

"""ASCCL: adaptive spatial coherent correlation learning (Chen et al., CVPR 2024).

Learnt once, then three lines in any loop:

    heads = asccl.pretrain(pairs, pyramid)
    supervision = ASCCL(pyramid, heads=heads)
    loss = usual_losses + weight * supervision(generated, source).total
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch

from spfem_baselines.supervision.coherence import (
    PRETRAIN_RATE,
    PRETRAIN_SEED,
    Agreement,
    Coherence,
    agreements,
    fit,
)
from spfem_baselines.supervision.interface import Frozen, Need, PairBatch, Supervised, views
from spfem_baselines.supervision.pyramid import Pyramid
from spfem_baselines.supervision.relations import Disparities, default_centres, no_heads, projection_heads

RELEASED_SCALE = 0.3
"""The factor inside the released module, later added with weight 1 (repository jianmanlincjx/ASCCL)."""


class ASCCL(Frozen):
    """Differences between neighbouring places of the generated frame must be those of the source frame.

    In each of four maps centres are drawn, the same for the whole batch and both pictures; the differences to
    their eight neighbours go through a head learnt by `pretrain`, and InfoNCE (temperature 0.07) asks each
    to be nearest to its own among those of the source frame. A place weighs 2 t^2, t = sigmoid(|difference|),
    averaged over channels, where t > 0.8, and 1 elsewhere: large disparities first. Parts: `Coherence`.

    Places are drawn from the attribute ``generator``; a checkpoint to be resumed holds its state.

    Args:
        pyramid: gives the maps; it is frozen and put in eval mode.
        heads: what `pretrain` returned; None compares raw differences.
        as_released: compute what the repository computes: the mean cross entropy of a map times the mean
            weight of that map (one factor for all places, with a gradient of its own), centres also at the
            border of small maps with neighbours from the opposite edge, the sum times 0.3.
        centres: places drawn in each map, (32, 16, 8, 4) by default.
        seed: of ``generator``.

    Raises:
        ValueError: the heads are of another pyramid, or ``centres`` of another number of maps.
    """

    name = "asccl"
    needs: frozenset[Need] = frozenset()

    def __init__(
        self,
        pyramid: Pyramid,
        heads: Mapping[str, torch.Tensor] | None = None,
        *,
        as_released: bool = False,
        centres: Sequence[int] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.coherence = _coherence(pyramid, heads is not None, as_released, centres, seed)
        if heads is not None:
            self.coherence.load_learnt(heads)
        self.freeze()

    @property
    def generator(self) -> torch.Generator:
        """Draws the places of each call."""
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
        """The loss of clips (B, T, 3, H, W) or frames (B, 3, H, W) in [-1, 1]; the rest is not read.

        Raises:
            ValueError: the shapes differ, or a map is too small for its centres.
        """
        return self.coherence(*views(generated, source))  # type: ignore[no-any-return]

    def similarities(self, generated: torch.Tensor, source: torch.Tensor) -> dict[str, Agreement]:
        """How alike differences are at corresponding and other places, before and after the heads."""
        return agreements(self.coherence, *views(generated, source))


def _coherence(
    pyramid: Pyramid, with_heads: bool, as_released: bool, centres: Sequence[int] | None, seed: int
) -> Coherence:
    counts = default_centres(centres, pyramid.channels)
    heads = projection_heads(pyramid.channels) if with_heads else no_heads(pyramid.channels)
    spatial = Disparities(heads, "places", centres=counts, wrap=as_released)
    factors = {"spatial": RELEASED_SCALE if as_released else 1.0}
    return Coherence(pyramid, {"spatial": spatial}, factors, per_map=as_released, seed=seed)


def learner(
    pyramid: Pyramid,
    *,
    as_released: bool = False,
    train_pyramid: bool = False,
    centres: Sequence[int] | None = None,
    seed: int = PRETRAIN_SEED,
) -> Coherence:
    """What metric learning trains: heads with seeded first weights, for `pretrain` or a loop of one's own.

    Args:
        pyramid: gives the maps; taken over and changed: frozen in eval mode, or trained.
        as_released: see `ASCCL`.
        train_pyramid: let the pyramid learn too, its normalisation by batch, as the released training does.
        centres: see `ASCCL`.
        seed: of the first weights and the places.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        coherence = _coherence(pyramid, True, as_released, centres, seed)
    return coherence.to_learn(train_pyramid=train_pyramid)


def pretrain(
    batches: Iterable[PairBatch],
    pyramid: Pyramid,
    *,
    as_released: bool = False,
    train_pyramid: bool = False,
    rate: float = PRETRAIN_RATE,
    seed: int = PRETRAIN_SEED,
    watch: Callable[[int, Supervised], None] | None = None,
) -> dict[str, torch.Tensor]:
    """Metric learning on aligned pairs, one step a batch: the neutral frames as query, the emotional as key.

    Args:
        batches: as many as there shall be steps; only ``neutral`` and ``emotional`` are read.
        pyramid: see `learner`.
        as_released: see `ASCCL`.
        train_pyramid: see `learner`.
        rate: Adam's learning rate.
        seed: of the first weights and the places.
        watch: told each step's number, from 0, and what the loss said.

    Returns:
        The state for ``heads=``.
    """
    coherence = learner(pyramid, as_released=as_released, train_pyramid=train_pyramid, seed=seed)
    return fit(coherence, batches, rate=rate, watch=watch)

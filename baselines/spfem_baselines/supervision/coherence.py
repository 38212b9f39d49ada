"""The loss ASCCL and STCCL share: relations of the generated clip against those of its source.

`Coherence` is what both train and what both supervise with. In training its heads (and, as the released code
does, its pyramid) learn; as a supervision it is frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import nn

from spfem_baselines.supervision.contrast import agreement
from spfem_baselines.supervision.interface import PairBatch, Supervised
from spfem_baselines.supervision.pyramid import Pyramid
from spfem_baselines.supervision.relations import Compared, Maps

PRETRAIN_RATE = 1e-3
PRETRAIN_SEED = 42
"""Adam's rate and the seed of the released pre-training (repositories jianmanlincjx/ASCCL and STCCL)."""


@dataclass(frozen=True)
class Agreement:
    """Mean cosine of relations at corresponding and at other places, before and after metric learning.

    Attributes:
        same_before: raw relations, corresponding; in [-1, 1].
        other_before: raw relations, all other pairs.
        same_after: behind the heads, corresponding.
        other_after: behind the heads, all other pairs.
    """

    same_before: float
    other_before: float
    same_after: float
    other_after: float


class Coherence(nn.Module):
    """Relations of a query clip against those of a key clip, over the maps of one pyramid.

    Args:
        pyramid: gives the maps.
        relations: what is compared, by name.
        factors: weight of each kind of relation in the total.
        per_map: multiply the mean loss of a map by its mean weight, as the released code does, and let the
            gradient through the weight; otherwise each place's loss by its own weight, without gradient.
        seed: of the generator of places.
    """

    def __init__(
        self,
        pyramid: Pyramid,
        relations: Mapping[str, nn.Module],
        factors: Mapping[str, float],
        *,
        per_map: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.pyramid = pyramid
        self.relations = nn.ModuleDict(relations)
        self.factors, self.per_map = dict(factors), per_map
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, query: torch.Tensor, key: torch.Tensor) -> Supervised:
        """The loss of one batch.

        Args:
            query: (B, T, 3, H, W) or (B, 3, H, W) RGB in [-1, 1]; its gradient is wanted.
            key: of the same shape; has no gradient.

        Returns:
            The total, and by name of the relation its part of the total, the part of each map
            (``spatial/1`` is the finest) and its mean weight (``spatial/weight``).

        Raises:
            ValueError: the shapes differ, or there are too few frames or too small maps.
        """
        parts: dict[str, torch.Tensor] = {}
        totals = []
        for name, compared in self.compare(query, key).items():
            losses = self.factors[name] * torch.stack([_weighted(c, per_map=self.per_map) for c in compared])
            totals.append(losses.sum())
            parts[name] = totals[-1].detach()
            parts |= {f"{name}/{i}": loss for i, loss in enumerate(losses.detach(), start=1)}
            parts[f"{name}/weight"] = torch.stack([c.weight.detach().mean() for c in compared]).mean()
        return Supervised(torch.stack(totals).sum(), parts)

    def compare(self, query: torch.Tensor, key: torch.Tensor) -> dict[str, list[Compared]]:
        """By name of the relation, one comparison for each map; always in float32, also under autocast."""
        if query.shape != key.shape:
            raise ValueError(f"query {tuple(query.shape)} and key {tuple(key.shape)} must have one shape")
        found = self._maps(query)
        with torch.no_grad():
            wanted = self._maps(key)
        with torch.autocast(query.device.type, enabled=False):
            return {name: each(found, wanted, self.generator) for name, each in self.relations.items()}

    def _maps(self, pictures: torch.Tensor) -> Maps:
        clips = pictures if pictures.ndim == 5 else pictures[:, None]
        found = self.pyramid(clips.flatten(0, 1))
        return [maps.float().reshape(*clips.shape[:2], *maps.shape[1:]) for maps in found]

    def to_learn(self, *, train_pyramid: bool) -> Self:
        """Put the heads in training; the pyramid too, or frozen in eval mode."""
        self.train()
        self.requires_grad_(True)
        self.pyramid.requires_grad_(train_pyramid)
        self.pyramid.train(train_pyramid)
        return self

    def learnt(self) -> dict[str, torch.Tensor]:
        """What pre-training changed: the heads, and the pyramid too where it is trained."""
        trained = any(p.requires_grad for p in self.pyramid.parameters())
        kept = ("relations.", "pyramid.") if trained else ("relations.",)
        return {k: v.detach().clone() for k, v in self.state_dict().items() if k.startswith(kept)}

    def load_learnt(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take what `learnt` gave, every tensor and no other.

        Raises:
            ValueError: tensors are missing, left over or of another shape.
        """
        with_pyramid = any(name.startswith("pyramid.") for name in state)
        own = {k: v for k, v in self.state_dict().items() if with_pyramid or k.startswith("relations.")}
        wrong = sorted(k for k in own.keys() | state.keys() if _shape(own, k) != _shape(state, k))
        if wrong:
            raise ValueError(
                f"{len(wrong)} tensors of this state do not fit these heads (first: {wrong[0]}): it was "
                "learnt with another pyramid or another form"
            )
        self.load_state_dict(dict(state), strict=False)


def _shape(state: Mapping[str, torch.Tensor], name: str) -> torch.Size | None:
    return state[name].shape if name in state else None


def _weighted(compared: Compared, *, per_map: bool) -> torch.Tensor:
    if per_map:
        return compared.weight.mean() * compared.loss.mean()
    return (compared.weight.detach() * compared.loss).mean()


@torch.no_grad()
def agreements(coherence: Coherence, query: torch.Tensor, key: torch.Tensor) -> dict[str, Agreement]:
    """STCCL's diagnostic: how alike relations are at the same place and elsewhere, before and behind heads.

    Args:
        coherence: with learnt heads.
        query: (B, T, 3, H, W) RGB in [-1, 1].
        key: aligned with it, of the same shape.

    Returns:
        By name of the relation the mean over maps, and of each map (``spatial/1`` is the finest).
    """
    found: dict[str, Agreement] = {}
    for name, compared in coherence.compare(query, key).items():
        rows = [(*agreement(*c.before), *agreement(*c.after)) for c in compared]
        table = torch.stack([torch.stack(row) for row in rows])
        found[name] = Agreement(*table.mean(0).tolist())
        found |= {f"{name}/{i}": Agreement(*row.tolist()) for i, row in enumerate(table, start=1)}
    return found


def fit(
    coherence: Coherence,
    batches: Iterable[PairBatch],
    *,
    rate: float = PRETRAIN_RATE,
    watch: Callable[[int, Supervised], None] | None = None,
) -> dict[str, torch.Tensor]:
    """Metric learning: Adam on whatever of it wants a gradient, neutral as query, emotional as key.

    Args:
        coherence: in training mode, made by ``learner`` of a method.
        batches: as many as there shall be steps.
        rate: learning rate.
        watch: told each step's number, from 0, and what the loss said.

    Returns:
        What was learnt, for ``heads=``.
    """
    optimiser = torch.optim.Adam([p for p in coherence.parameters() if p.requires_grad], lr=rate)
    for step, batch in enumerate(batches):
        said = coherence(batch.neutral, batch.emotional)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(said.total)
        optimiser.step()
        if watch is not None:
            watch(step, said)
    return coherence.learnt()

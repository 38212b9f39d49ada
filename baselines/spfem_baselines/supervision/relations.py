"""What is compared between two views of the same speech: relations inside a view, not its pixels.

Every module here takes the maps of both views, (B, T, C, H, W) finest first, and an explicit generator, and
returns one `Compared` for each map. Nothing loops over places or frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import nn

from spfem_baselines.supervision.contrast import disparity_weight, info_nce, unit
from spfem_baselines.supervision.locations import (
    CENTRES,
    around,
    draw_centres,
    draw_cycle,
    features_at,
)

Maps = Sequence[torch.Tensor]
"""Feature maps of clips, each (B, T, C, H, W)."""

Over = Literal["places", "frames"]
"""Relations inside one frame, or of one place over time."""

Both = tuple[torch.Tensor, torch.Tensor]
"""The same thing of query and key."""


@dataclass(frozen=True)
class Compared:
    """The relations of one map in both views: N groups of S relations.

    Attributes:
        loss: (N, S) how far each relation of the query is from the key's.
        weight: (N, S) adaptive weight of each, with the gradient of the query's raw features.
        before: raw relations of query and key, (N, S, D).
        after: the same behind the head, (N, S, D').
    """

    loss: torch.Tensor
    weight: torch.Tensor
    before: Both
    after: Both


class Relations(Protocol):
    """Compares the maps of two views."""

    def __call__(self, query: Maps, key: Maps, generator: torch.Generator) -> list[Compared]:
        """Two views' maps -> one comparison for each map."""
        ...


def projection_heads(channels: Sequence[int]) -> nn.ModuleList:
    """For each map Linear(C, C), ReLU, Linear(C, C / 4) (repository jianmanlincjx/ASCCL, ``mlp``)."""
    return nn.ModuleList(nn.Sequential(nn.Linear(c, c), nn.ReLU(), nn.Linear(c, c // 4)) for c in channels)


def no_heads(channels: Sequence[int]) -> nn.ModuleList:
    """For each map nothing: raw relations, as before metric learning."""
    return nn.ModuleList(nn.Identity() for _ in channels)


def spatial_disparities(maps: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """F(p) - F(p + o) for each centre p and each of its eight neighbours.

    Args:
        maps: (..., C, H, W).
        centres: (n, 2) rows and columns.

    Returns:
        (..., 8 n, C), the neighbours of the first centre first.
    """
    height, width = maps.shape[-2:]
    middle = features_at(maps, centres[:, 0] * width + centres[:, 1])
    neighbours = features_at(maps, around(centres, height, width).flatten())
    return middle.repeat_interleave(8, dim=-2) - neighbours


def temporal_disparities(maps: torch.Tensor, centres: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """F(p, t) - F(p, order(t)) for each place p and frame t.

    Args:
        maps: (B, T, C, H, W).
        centres: (n, 2) rows and columns.
        order: (T,) the shuffled frames.

    Returns:
        (B, T n, C), the places of the first frame first.
    """
    found = features_at(maps, centres[:, 0] * maps.shape[-1] + centres[:, 1])
    return (found - found[:, order.to(maps.device)]).flatten(1, 2)


class Disparities(nn.Module):
    """Vector differences, projected by a head for each map and compared by InfoNCE.

    Over places: a place less each of its eight neighbours; negatives are the other pairs of the same frame.
    Over frames: the frames of a place less the same frames shuffled; negatives are the other places at the
    same time and all places at other times of the same clip. The order is one random cycle, so that no frame
    is subtracted from itself, and the same for every map.

    Args:
        heads: one module for each map, (..., C) -> (..., C').
        over: ``places`` or ``frames``.
        centres: places drawn in each map.
        wrap: centres at the border too, see `locations.central_span`.
    """

    def __init__(
        self, heads: nn.ModuleList, over: Over, *, centres: Sequence[int], wrap: bool = False
    ) -> None:
        super().__init__()
        self.heads, self.over, self.centres, self.wrap = heads, over, tuple(centres), wrap

    def forward(self, query: Maps, key: Maps, generator: torch.Generator) -> list[Compared]:
        """Maps of both views -> for each map B T groups of 8 n relations, or B groups of T n.

        Raises:
            ValueError: over frames, and there is only one.
        """
        order = draw_cycle(query[0].shape[1], generator) if self.over == "frames" else None
        compared = []
        for head, count, q, k in zip(self.heads, self.centres, query, key, strict=True):
            places = draw_centres(q.shape[-2], q.shape[-1], count, generator, wrap=self.wrap)
            dq, dk = (_disparities(maps, places, order) for maps in (q, k))
            compared.append(_contrasted(head, dq, dk))
        return compared


def _disparities(maps: torch.Tensor, centres: torch.Tensor, order: torch.Tensor | None) -> torch.Tensor:
    if order is None:
        return spatial_disparities(maps.flatten(0, 1), centres)
    return temporal_disparities(maps, centres, order)


def _contrasted(head: nn.Module, query: torch.Tensor, key: torch.Tensor) -> Compared:
    """(N, S, C) raw differences of both views -> their comparison; no gradient goes to the key."""
    u = unit(head(query))
    with torch.no_grad():
        v = unit(head(key))
    return Compared(info_nce(u, v), disparity_weight(query).mean(-1), (query, key), (u, v))


def default_centres(centres: Sequence[int] | None, channels: Sequence[int]) -> tuple[int, ...]:
    """The centres given, or ASCCL's, one number for each map.

    Raises:
        ValueError: there are not as many numbers as maps.
    """
    counts = tuple(CENTRES if centres is None else centres)
    if len(counts) != len(channels):
        raise ValueError(f"the pyramid has {len(channels)} maps, but centres names {len(counts)} numbers")
    return counts

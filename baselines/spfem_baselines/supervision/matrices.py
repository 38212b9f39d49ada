"""Correlation matrices of feature vectors, and how far two of them are apart (STCCL's CM form).

STCCL's project page shows a matrix product of the vectors of a 3x3 patch, or of the frames of one place, with
its transpose; how the vectors are normalised and which distance makes two matrices agree is not published,
and no CM code is in the repository. The natural ones are offered here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from spfem_baselines.supervision.contrast import TEMPERATURE, disparity_weight, info_nce, unit
from spfem_baselines.supervision.locations import around, draw_centres, features_at
from spfem_baselines.supervision.relations import Compared, Maps, Over

Distance = Literal["frobenius", "cosine", "kl", "contrast"]

LEAST_FRAMES = 3
"""A temporal matrix of two frames holds a single correlation, which has no direction and no distribution."""


def correlations(vectors: torch.Tensor, *, centred: bool = True) -> torch.Tensor:
    """Cosines of each vector with all others.

    Unit vectors make the matrix one of correlations, so that maps of other scales weigh alike; the diagonal,
    which is 1 in every picture, is left out.

    Args:
        vectors: (..., K, C).
        centred: take the mean of the K vectors off each first, as a correlation does. Without it what stays
            the same over a patch, or over time, makes all cosines nearly 1.

    Returns:
        (..., K, K - 1): row i holds the cosines of vector i with the others, in their order.
    """
    units = unit(vectors - vectors.mean(-2, keepdim=True) if centred else vectors)
    full = units @ units.transpose(-1, -2)
    count = full.shape[-1]
    others = ~torch.eye(count, dtype=torch.bool, device=full.device)
    return full[..., others].view(*full.shape[:-1], count - 1)


def frobenius(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """(..., K, K - 1) twice -> (...): squared Frobenius distance over the number of entries, in [0, 4]."""
    return (query - key).square().mean(dim=(-2, -1))


def cosine(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """(..., K, K - 1) twice -> (...): 1 - cosine of the two matrices as vectors, in [0, 2]."""
    return 1 - (unit(query.flatten(-2)) * unit(key.flatten(-2))).sum(-1)


def kl(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """(..., K, K - 1) twice -> (...): mean over rows of KL(key || query) in nats.

    Each row is made a distribution over the other vectors by a softmax of cosines over `TEMPERATURE`.
    """
    wanted = F.log_softmax(key / TEMPERATURE, dim=-1)
    found = F.log_softmax(query / TEMPERATURE, dim=-1)
    return F.kl_div(found, wanted, reduction="none", log_target=True).sum(-1).mean(-1)


def contrast(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """(N, S, K, K - 1) twice -> (N, S): InfoNCE, a place's matrix against those of the other places.

    The one under which heads can be learnt: by the distances a head that makes all vectors equal is perfect.
    """
    return info_nce(unit(query.flatten(-2)), unit(key.flatten(-2)))


DISTANCES: dict[Distance, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "frobenius": frobenius,
    "cosine": cosine,
    "kl": kl,
    "contrast": contrast,
}


def patches(maps: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """The vectors of the 3x3 patch around each centre, the centre first.

    Args:
        maps: (B, T, C, H, W).
        centres: (n, 2) rows and columns.

    Returns:
        (B T, n, 9, C).
    """
    height, width = maps.shape[-2:]
    middle = centres[:, 0] * width + centres[:, 1]
    places = torch.cat((middle[:, None], around(centres, height, width)), dim=1)
    found = features_at(maps.flatten(0, 1), places.flatten())
    return found.reshape(len(found), len(centres), 9, -1)


def tracks(maps: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """The vectors of all frames at each centre.

    Args:
        maps: (B, T, C, H, W).
        centres: (n, 2) rows and columns.

    Returns:
        (B, n, T, C).

    Raises:
        ValueError: fewer than three frames.
    """
    if maps.shape[1] < LEAST_FRAMES:
        raise ValueError(f"correlations over time need {LEAST_FRAMES} frames or more, not {maps.shape[1]}")
    return features_at(maps, centres[:, 0] * maps.shape[-1] + centres[:, 1]).transpose(1, 2)


class Matrices(nn.Module):
    """Correlation matrices at drawn centres, compared by a distance.

    Over places: of the 3x3 patch around a centre, weighed by the centre's disparities to the other eight.
    Over frames: of the frames of one place, weighed by the changes from each frame to the next.

    Args:
        heads: one module for each map, (..., C) -> (..., C').
        over: ``places`` or ``frames``.
        centres: places drawn in each map.
        distance: one of `DISTANCES`.
        centred: see `correlations`.
    """

    def __init__(
        self,
        heads: nn.ModuleList,
        over: Over,
        *,
        centres: Sequence[int],
        distance: Distance,
        centred: bool = True,
    ) -> None:
        super().__init__()
        self.heads, self.over, self.centres = heads, over, tuple(centres)
        self.distance, self.centred = distance, centred

    def forward(self, query: Maps, key: Maps, generator: torch.Generator) -> list[Compared]:
        """Maps of both views -> for each map B T groups of n matrices, or B groups of n.

        Raises:
            ValueError: over frames, and there are fewer than three.
        """
        vectors = patches if self.over == "places" else tracks
        compared = []
        for head, count, q, k in zip(self.heads, self.centres, query, key, strict=True):
            places = draw_centres(q.shape[-2], q.shape[-1], count, generator)
            compared.append(self._compare(head, vectors(q, places), vectors(k, places)))
        return compared

    def _compare(self, head: nn.Module, query: torch.Tensor, key: torch.Tensor) -> Compared:
        """(N, n, K, C) vectors of both views -> their comparison; no gradient goes to the key."""
        matrices = partial(correlations, centred=self.centred)
        with torch.no_grad():
            wanted = matrices(head(key))
        found = matrices(head(query))
        changes = query[..., :1, :] - query[..., 1:, :] if self.over == "places" else query.diff(dim=-2)
        return Compared(
            DISTANCES[self.distance](found, wanted),
            disparity_weight(changes).mean((-2, -1)),
            (matrices(query).flatten(-2), matrices(key).flatten(-2)),
            (found.flatten(-2), wanted.flatten(-2)),
        )

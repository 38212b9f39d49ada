"""Contrast between two views: unit vectors, InfoNCE and the weight of large disparities.

Formulas: InfoNCE with temperature after van den Oord et al. 2018, over the places of one pair of pictures as
in CUT (Park et al. 2020); the adaptive weight after ASCCL (Chen et al. 2024) and STCCL (Chen et al. 2026).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

TEMPERATURE = 0.07
"""ASCCL's and STCCL's temperature (repositories jianmanlincjx/ASCCL and STCCL), CUT's before them."""

EPSILON = 1e-7
"""Added to a norm before dividing by it (repository jianmanlincjx/ASCCL, ``Normalize``)."""

WEIGHT_SCALE = 2.0
WEIGHT_POWER = 2.0
WEIGHT_FROM = 0.8
"""ASCCL's adaptive weight: lambda t^r with lambda = r = 2 where t > 0.8 (repository jianmanlincjx/ASCCL)."""


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """(..., C) divided by their Euclidean length plus `EPSILON`; a zero vector stays zero."""
    lengths: torch.Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / (lengths + EPSILON)


def info_nce(query: torch.Tensor, key: torch.Tensor, temperature: float = TEMPERATURE) -> torch.Tensor:
    """How badly each place of the query finds its own place among those of the key.

    Args:
        query: (N, S, C) unit vectors.
        key: (N, S, C) unit vectors; cut off from the gradient. Row i belongs to row i of the query, and the
            other S - 1 rows of the same n are its negatives.
        temperature: divides the cosines.

    Returns:
        (N, S) cross entropies in nats: 0 where the place is found for certain, log S where all look alike.
    """
    logits = query @ key.detach().transpose(-1, -2) / temperature
    places = torch.arange(query.shape[-2], device=query.device).expand(query.shape[:-1])
    return F.cross_entropy(logits.flatten(0, -2), places.flatten(), reduction="none").view(query.shape[:-1])


def disparity_weight(
    disparity: torch.Tensor, scale: float = WEIGHT_SCALE, power: float = WEIGHT_POWER
) -> torch.Tensor:
    """ASCCL's adaptive weight of each entry: ``scale * t**power`` where t > 0.8, and 1 elsewhere.

    Args:
        disparity: differences of raw features, any shape.
        scale: lambda.
        power: r.

    Returns:
        The same shape; t = sigmoid(|disparity|), so with the defaults a weight is 1 or in (1.28, 2].
    """
    t = torch.sigmoid(disparity.abs())
    return torch.where(t > WEIGHT_FROM, scale * t**power, torch.ones_like(t))


def agreement(query: torch.Tensor, key: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cosine of corresponding rows and of all others.

    Args:
        query: (N, S, C), any length, S > 1.
        key: (N, S, C).

    Returns:
        Two scalars in [-1, 1]: over rows i with i, and over rows i with j of the same n, j other than i.
    """
    cosines = unit(query) @ unit(key).transpose(-1, -2)
    same = cosines.diagonal(dim1=-2, dim2=-1)
    places = cosines.shape[-1]
    other = (cosines.sum(dim=(-2, -1)) - same.sum(dim=-1)) / (places * (places - 1))
    return same.mean(), other.mean()

"""The temporal term as STCCL's repository computes it, faults included (jianmanlincjx/STCCL).

Its four transformers stand in a plain list, so they are never trained, never saved and never put in eval
mode: random networks with dropout. Its input is reshaped, not transposed, from (B, T) to (T, B), which mixes
clips and frames. Its temperature arrives where the weight is expected, so the cross entropy is multiplied by
0.07.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from spfem_baselines.supervision.contrast import TEMPERATURE, info_nce, unit
from spfem_baselines.supervision.locations import features_at
from spfem_baselines.supervision.relations import Compared, Maps

WIDTH, LAYERS, ATTENTION_HEADS, DROPOUT = 512, 4, 8, 0.1
PIXELS_PER_CENTRE = 8
TEMPORAL_FACTOR = 5 * TEMPERATURE
"""The written factor 5 times the temperature that lands in the weight: 0.35."""


class _Transformer(nn.Module):
    """Linear to 512, sinusoidal positions, four encoder layers, linear back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, ATTENTION_HEADS, dim_feedforward=WIDTH, dropout=DROPOUT)
        self.inwards = nn.Linear(width, WIDTH)
        self.encoder = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.outwards = nn.Linear(WIDTH, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(T, B, width) -> the same shape."""
        inner = self.inwards(x)
        out: torch.Tensor = self.outwards(self.encoder(inner + _positions(inner)[:, None]))
        return out


def _positions(x: torch.Tensor) -> torch.Tensor:
    """Sinusoidal positions of (T, B, D), (T, D), after Vaswani et al. 2017."""
    time = torch.arange(x.shape[0], device=x.device)[:, None]
    rates = torch.exp(torch.arange(0, x.shape[-1], 2, device=x.device) * (-math.log(1e4) / x.shape[-1]))
    return torch.stack(((time * rates).sin(), (time * rates).cos()), dim=-1).flatten(1)


class ReleasedTemporal(nn.Module):
    """Random transformers over sampled pixels, compared by InfoNCE over the pixels of each frame.

    Dropout draws from the given generator, so that a step can be repeated; everything else is as released.

    Args:
        channels: of each map.
        centres: a map's pixels are eight times as many, drawn with replacement from all of it.
        seed: of the transformers' weights, which the release leaves to the process.
    """

    def __init__(self, channels: Sequence[int], centres: Sequence[int], seed: int) -> None:
        super().__init__()
        self.counts = tuple(PIXELS_PER_CENTRE * n for n in centres)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.transformers = [
                _Transformer(c * n).requires_grad_(False) for c, n in zip(channels, self.counts, strict=True)
            ]

    def forward(self, query: Maps, key: Maps, generator: torch.Generator) -> list[Compared]:
        """Maps of both views -> for each map B T groups of 8 n pixels, each of weight 1."""
        compared = []
        for transformer, count, q, k in zip(self.transformers, self.counts, query, key, strict=True):
            pixels = torch.randint(q.shape[-2] * q.shape[-1], (count,), generator=generator)
            seed = int(torch.randint(2**31, (), generator=generator))
            before = features_at(q, pixels), features_at(k, pixels)
            compared.append(_compared(transformer.to(q.device), before, seed))
        return compared


def _compared(transformer: _Transformer, before: tuple[torch.Tensor, torch.Tensor], seed: int) -> Compared:
    q, k = before
    with torch.random.fork_rng(devices=[q.device] if q.is_cuda else []):
        torch.manual_seed(seed)
        u = unit(_mixed(transformer, q))
        with torch.no_grad():
            v = unit(_mixed(transformer, k))
    loss = info_nce(u, v)
    return Compared(loss, torch.ones_like(loss), (q.flatten(0, 1), k.flatten(0, 1)), (u, v))


def _mixed(transformer: _Transformer, found: torch.Tensor) -> torch.Tensor:
    """(B, T, N, C) through a transformer that reads (B, T) as (T, B) -> (B T, N, C)."""
    clips, frames, places, channels = found.shape
    rows = found.transpose(-1, -2).reshape(frames, clips, channels * places)
    out: torch.Tensor = transformer(rows)
    return out.reshape(clips * frames, channels, places).transpose(-1, -2)

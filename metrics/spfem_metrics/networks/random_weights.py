"""Seeded random tensors in the shape of published files, for trials of the machinery; never for numbers.

Scales are those of usual first weights (He et al. 2015), so that activations stay finite through deep
networks and a batch normalisation has something to divide by.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def random_state(network: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """Every tensor of a network by its name, each from a stream of its own.

    Args:
        network: of the wanted shapes; its own values are not read, so it may lie on the meta device.
        seed: the same seed gives the same tensors, whatever the order of the names.
    """
    return {
        name: random_tensor(tuple(value.shape), name, seed, floating=value.is_floating_point())
        for name, value in network.state_dict().items()
    }


def random_tensor(shape: tuple[int, ...], name: str, seed: int, *, floating: bool = True) -> torch.Tensor:
    """One tensor: weights by their fan-in, statistics near 0 and 1, biases small, counters 0."""
    import hashlib

    import torch

    if not floating:
        return torch.zeros(shape, dtype=torch.int64)
    key = int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:7], "big")
    draw = torch.Generator().manual_seed(key)
    if name.endswith("running_var"):
        return torch.rand(shape, generator=draw) + 0.5
    noise = torch.randn(shape, generator=draw)
    if len(shape) >= 2:
        return noise * math.sqrt(2 / max(1, math.prod(shape[1:])))
    return 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise


def save_state(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write a state dict as a torch file.

    Raises:
        OSError: the file cannot be written.
    """
    import torch

    torch.save(dict(tensors), path)

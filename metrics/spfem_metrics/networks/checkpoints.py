"""Filling a network from a file as its authors' training left it, strictly.

Beside `spfem_metrics.networks.files`: the prefix ``module.`` that torch's DataParallel writes in front of
every name, and counters of training steps that files of before torch 0.4.1 lack and inference does not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spfem_metrics.networks.files import load_strict, state_dict

if TYPE_CHECKING:
    import torch

PREFIX = "module."


def fill(network: torch.nn.Module, path: Path) -> torch.nn.Module:
    """The network with a file's tensors, every one and no other but for step counters.

    Raises:
        WeightsError: missing, unsafe, damaged, or of another network.
    """
    import torch

    counters = {name for name in network.state_dict() if name.endswith("num_batches_tracked")}
    tensors = unprefixed(state_dict(path))
    load_strict(network, {name: torch.tensor(0) for name in counters} | tensors, path)
    return network


def unprefixed(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors without DataParallel's prefix, where all of them have it."""
    if not all(name.startswith(PREFIX) for name in tensors):
        return dict(tensors)
    return {name.removeprefix(PREFIX): value for name, value in tensors.items()}


def prefixed(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors with DataParallel's prefix."""
    return {f"{PREFIX}{name}": value for name, value in tensors.items()}

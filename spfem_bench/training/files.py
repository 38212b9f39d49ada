"""Trained networks as files: half-precision safetensors with what made them, each beside its model card."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import nn

from spfem_bench.digest import canonical_json, digest_file
from spfem_bench.errors import IntegrityError, MissingWeightsError
from spfem_bench.fsio import write_atomically

Set = Literal["judges", "supervisors"]
"""Networks that measure, and networks that train models; no file is in both."""

SETS: tuple[Set, ...] = get_args(Set)
LARGEST = 10_000_000
"""Bytes that all files of both sets may have together."""

_FOLDERS: Mapping[Set, tuple[str, str]] = {
    "judges": ("spfem_metrics.synthetic", "judges"),
    "supervisors": ("spfem_baselines.supervisors", "weights"),
}


def folder(which: Set, out: Path | None = None) -> Path:
    """Where a set's files lie: in its package, or under ``out`` in a folder of the set's name."""
    if out is not None:
        return out / which
    package, name = _FOLDERS[which]
    return Path(str(files(package))) / name


def weights_path(which: Set, name: str, out: Path | None = None) -> Path:
    """The network's file; its card lies beside it with the suffix ``.md``."""
    return folder(which, out) / f"{name}.safetensors"


def save(path: Path, net: nn.Module, facts: Mapping[str, str]) -> str:
    """Write a network's state as half precision, whole numbers as they are.

    Args:
        path: of the file; written whole or not at all.
        net: whose ``state_dict`` is written.
        facts: what made it (name, set, seed, digest of the recipe, ...), kept in the file's header as
            JSON under ``made``.

    Returns:
        The file's sha256.

    Raises:
        IntegrityError: a weight does not fit half precision.
        StorageError: the folder cannot be written.
    """
    from safetensors.torch import save as packed

    tensors = {name: _half(name, value) for name, value in net.state_dict().items()}
    # One entry, because safetensors writes several in an order that changes from call to call.
    write_atomically(path, packed(tensors, {"made": canonical_json(dict(facts))}))
    return digest_file(path)


def load(path: Path, net: nn.Module) -> nn.Module:
    """Fill a network from its file, every tensor and no other, in float32 and eval mode.

    Raises:
        MissingWeightsError: no such file.
        IntegrityError: the file is of another network.
    """
    from safetensors.torch import load_file

    if not path.is_file():
        raise MissingWeightsError(f"{path}: no such network; `spfem-bench train metrics` makes it")
    tensors = load_file(path)
    full = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    try:
        net.load_state_dict(full)
    except RuntimeError as error:
        first = str(error).splitlines()[0]
        raise IntegrityError(f"{path}: {first} Train it again with `spfem-bench train metrics`.") from error
    return net.eval()


def parameter_count(net: nn.Module) -> int:
    """How many numbers the network has learnt."""
    return sum(p.numel() for p in net.parameters())


def _half(name: str, value: torch.Tensor) -> torch.Tensor:
    if not value.is_floating_point():
        return value.detach().cpu().contiguous()
    half = value.detach().cpu().to(torch.float16).contiguous()
    if not torch.isfinite(half).all():
        raise IntegrityError(f"{name} does not fit half precision: its largest value is {value.abs().max()}")
    return half

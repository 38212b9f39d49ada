"""Checkpoints written and resumed: weights, optimisers, and the step, which decides what is drawn next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from spfem_baselines.backbone.checkpoint import (
    FILE,
    Checkpoint,
    CheckpointError,
    other_networks,
    read_checkpoint,
    read_tensors,
    record_of,
)
from spfem_bench.digest import canonical_json, digest_file
from spfem_bench.errors import IntegrityError, UsageError
from spfem_bench.fsio import write_atomically
from spfem_bench.training.backbone.step import Players

Tensors = dict[str, torch.Tensor]


def save(folder: Path, now: Players, shape: Mapping[str, Any], facts: Mapping[str, Any]) -> Checkpoint:
    """Write a checkpoint, and remove the one before once its record is replaced.

    Raises:
        StorageError: the folder cannot be written; the checkpoint before is whole.
    """
    parts = {"weights": now.mean.state_dict(), "training": _training(now)}
    files = {key: _write(folder / f"{key}-{now.step:06d}.safetensors", part) for key, part in parts.items()}
    record = record_of(shape, now.step, files, facts)
    write_atomically(folder / FILE, canonical_json(record) + "\n")
    kept = {name for name, _ in files.values()}
    for old in folder.glob("*-[0-9]*.safetensors"):
        if old.name not in kept:
            old.unlink(missing_ok=True)
    return read_checkpoint(folder)


def resume(folder: Path, now: Players, facts: Mapping[str, Any]) -> Checkpoint | None:
    """Fill networks and optimisers from a folder's checkpoint; None where it holds none.

    Raises:
        UsageError: it was made by another recipe, seed or code of supervision.
        IntegrityError: its files are damaged.
    """
    if not (folder / FILE).is_file():
        return None
    found = opened(folder)
    for key, value in facts.items():
        if found.facts.get(key) != value:
            raise UsageError(
                f"{folder} holds a checkpoint of another {key}: give another folder, or what it was made by"
            )
    _fill(now, found, optimisers=True)
    now.step = found.step
    return found


def start_from(folder: Path, now: Players) -> Checkpoint:
    """Fill the networks from another run's checkpoint, with fresh optimisers, at step 0.

    Raises:
        UsageError: there is none, or it is of other networks.
        IntegrityError: its files are damaged.
    """
    found = opened(folder)
    _fill(now, found, optimisers=False)
    return found


def opened(folder: Path) -> Checkpoint:
    """The record of a checkpoint that training can go on from.

    Raises:
        UsageError: there is none, or it holds only what generates.
    """
    try:
        found = read_checkpoint(folder)
    except CheckpointError as error:
        raise UsageError(str(error)) from error
    if found.training is None:
        raise UsageError(f"{folder} holds only the weights that generate: training cannot go on from them")
    return found


def _fill(now: Players, found: Checkpoint, *, optimisers: bool) -> None:
    assert found.training is not None
    try:
        mean, training = read_tensors(found, found.weights), read_tensors(found, found.training)
    except CheckpointError as error:
        raise IntegrityError(str(error)) from error
    try:
        now.mean.load_state_dict(mean)
        now.backbone.load_state_dict(_below(training, "backbone"))
        now.judge.load_state_dict(_below(training, "judge"))
    except RuntimeError as error:
        raise UsageError(other_networks(found.folder, error)) from error
    if optimisers:
        _fill_optimiser(now.makers, _below(training, "makers"))
        _fill_optimiser(now.finders, _below(training, "finders"))


def _training(now: Players) -> Tensors:
    parts = {
        "backbone": now.backbone.state_dict(),
        "judge": now.judge.state_dict(),
        "makers": _optimiser(now.makers),
        "finders": _optimiser(now.finders),
    }
    return {f"{part}.{name}": value for part, state in parts.items() for name, value in state.items()}


def _below(tensors: Tensors, part: str) -> Tensors:
    return {name.removeprefix(f"{part}."): v for name, v in tensors.items() if name.startswith(f"{part}.")}


def _optimiser(optimiser: torch.optim.Optimizer) -> Tensors:
    """Its moments by the number of the parameter; rates are set anew in each step."""
    state = optimiser.state_dict()["state"]
    return {f"{index}.{name}": value for index, row in state.items() for name, value in row.items()}


def _fill_optimiser(optimiser: torch.optim.Optimizer, tensors: Tensors) -> None:
    state: dict[int, Tensors] = {}
    for name, value in tensors.items():
        index, _, field = name.partition(".")
        state.setdefault(int(index), {})[field] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _write(path: Path, state: Mapping[str, torch.Tensor]) -> tuple[str, str]:
    """Write tensors, and give the file's name and sha256."""
    from safetensors.torch import save as packed

    write_atomically(path, packed({name: value.detach().cpu().contiguous() for name, value in state.items()}))
    return path.name, digest_file(path)

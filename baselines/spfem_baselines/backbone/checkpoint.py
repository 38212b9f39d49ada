"""A checkpoint: a folder with ``checkpoint.json`` and the tensors it names, all plain data.

    checkpoint.json                 format, shape, step, recipe, sha256 of the files beside it
    weights-STEP.safetensors        averaged weights: what generates
    training-STEP.safetensors       weights, discriminator, optimisers: what training goes on from

The JSON is written last and names its files, so that a killed write leaves the checkpoint before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from spfem_baselines.backbone.model import Backbone

FORMAT = "spfem-backbone@1"
FILE = "checkpoint.json"


class CheckpointError(ValueError):
    """A checkpoint is not there, not of this format, or not what its record says."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint's record says; the tensors are not read yet.

    Args:
        folder: of its files.
        shape: of the networks: the arguments of `generator.Shape`.
        step: of training.
        weights: file of the averaged weights, and its sha256.
        training: file of the training's state, and its sha256; None where it was left out.
        facts: everything else (recipe, seed, digests).
    """

    folder: Path
    shape: Mapping[str, Any]
    step: int
    weights: tuple[str, str]
    training: tuple[str, str] | None
    facts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Sha256 of the weights that generate."""
        return self.weights[1]


def read_checkpoint(folder: Path) -> Checkpoint:
    """The record of a checkpoint.

    Raises:
        CheckpointError: the folder holds none, or one of another format.
    """
    path = folder / FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: no such file; `spfem-bench train backbone --out {folder}` makes a checkpoint"
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint's record: {error}") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise CheckpointError(f"{path} is no record of the format {FORMAT}")
    try:
        return _parsed(folder, record)
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path} lacks what a checkpoint's record holds: {error}") from error


def record_of(
    shape: Mapping[str, Any], step: int, files: Mapping[str, tuple[str, str]], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """A record, to be written as JSON.

    Args:
        shape: see `Checkpoint`.
        step: see `Checkpoint`.
        files: ``weights``, and ``training`` where it is kept: name and sha256.
        facts: see `Checkpoint`.
    """
    named = {key: {"file": name, "sha256": digest} for key, (name, digest) in files.items()}
    return {"format": FORMAT, "shape": dict(shape), "step": step, **named, "facts": dict(facts)}


def _parsed(folder: Path, record: Mapping[str, Any]) -> Checkpoint:
    files = {
        key: (Path(record[key]["file"]).name, str(record[key]["sha256"]))
        for key in ("weights", "training")
        if key in record
    }
    shape = {**record["shape"], "widths": tuple(record["shape"]["widths"])}
    return Checkpoint(
        folder, shape, int(record["step"]), files["weights"], files.get("training"), record["facts"]
    )


def read_tensors(checkpoint: Checkpoint, which: tuple[str, str]) -> dict[str, torch.Tensor]:
    """The tensors of one of a checkpoint's files, after its digest was compared.

    Raises:
        CheckpointError: the file is missing or another one than was recorded.
    """
    from safetensors.torch import load

    path = checkpoint.folder / which[0]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() != which[1]:
        raise CheckpointError(f"{path} is not the file its record names: its sha256 differs")
    return load(content)


def other_networks(folder: Path, error: Exception) -> str:
    """What to say of weights that do not fit, with the first of what torch found."""
    found = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{folder} is of other networks than this version's: {found[min(1, len(found) - 1)][:160]}"


def load_backbone(checkpoint: Checkpoint, *, device: str = "cpu") -> Backbone:
    """The network of a checkpoint, averaged weights, in eval mode and frozen.

    Raises:
        CheckpointError: a file is damaged or of other networks.
    """
    import torch

    from spfem_baselines.backbone.generator import Shape
    from spfem_baselines.backbone.model import Backbone

    try:
        network = Backbone(Shape(**checkpoint.shape))
        network.load_state_dict(read_tensors(checkpoint, checkpoint.weights))
    except (TypeError, RuntimeError) as error:
        raise CheckpointError(other_networks(checkpoint.folder, error)) from error
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    moved: Backbone = network.eval().requires_grad_(False).to(device)
    return moved.to(memory_format=torch.channels_last)

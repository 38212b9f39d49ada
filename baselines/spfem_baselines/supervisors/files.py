"""The supervisors' files: they ship inside this package."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

NETWORKS = {
    "landmarks": "spfem_baselines.supervisors.landmarks:LandmarkNet",
    "identity": "spfem_baselines.supervisors.identity:IdentityNet",
    "expression": "spfem_baselines.supervisors.expression:ExpressionNet",
    "perceptual": "spfem_baselines.supervisors.perceptual:PerceptualNet",
    "sync": "spfem_baselines.supervisors.sync:SyncNet",
    "clip": "spfem_baselines.supervisors.clip:build",
}
"""Network -> ``module:factory``."""


def supervisor_file(name: str) -> Path:
    """Where a supervisor's weights ship.

    Raises:
        KeyError: there is no such supervisor.
        FileNotFoundError: it was not trained yet; names the command.
    """
    if name not in NETWORKS:
        raise KeyError(f"no supervisor '{name}': there are {', '.join(NETWORKS)}")
    path = Path(str(files("spfem_baselines.supervisors"))) / "weights" / f"{name}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; `spfem-bench train metrics --set supervisors --only {name}` makes it"
        )
    return path


def supervisor(name: str, *, device: str = "cpu") -> torch.nn.Module:
    """A trained supervisor in float32 and eval mode, its weights frozen; gradients reach its input.

    Args:
        name: one of `NETWORKS`.
        device: a torch device.

    Raises:
        KeyError: there is no such supervisor.
        FileNotFoundError: its weights are not there.
        RuntimeError: its file is of another network.
    """
    from safetensors.torch import load_file

    path = supervisor_file(name)
    tensors = load_file(path)
    module, _, factory = NETWORKS[name].partition(":")
    network: torch.nn.Module = getattr(import_module(module), factory)()
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})
    return network.eval().requires_grad_(False).to(device)

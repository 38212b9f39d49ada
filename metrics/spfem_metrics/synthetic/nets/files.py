"""The judges' files: they ship inside this package, so that nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from spfem_metrics.errors import DefinitionError, WeightsError
from spfem_metrics.networks.files import load_strict, state_dict

if TYPE_CHECKING:
    import torch

Net = TypeVar("Net", bound="torch.nn.Module")


def judge_file(weights: Mapping[str, Path], name: str) -> Path:
    """The file of a judge: the one shipped, or another given as ``model``.

    Args:
        weights: empty, or ``model``: the path of another file of the same network.
        name: of the network, e.g. ``landmarks``.

    Raises:
        DefinitionError: another key.
        WeightsError: no such file.
    """
    if set(weights) - {"model"}:
        raise DefinitionError(f"the judge {name} takes the file 'model' or none, not {sorted(weights)}")
    shipped = Path(str(files("spfem_metrics.synthetic"))) / "judges" / f"{name}.safetensors"
    path = Path(weights.get("model", shipped))
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; `spfem-bench train metrics --only {name}` makes it")
    return path


def filled(network: Net, path: Path) -> Net:
    """The network with its file's weights, widened to float32, ready for inference.

    Raises:
        WeightsError: damaged, or of another network.
    """
    tensors = {k: v.float() if v.is_floating_point() else v for k, v in state_dict(path).items()}
    load_strict(network, tensors, path)
    return network.eval()

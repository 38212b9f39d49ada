"""Checkpoints as data: tensors by name, and never a line of code run by loading them."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spfem_bench.errors import MissingWeightsError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

_NEEDS = re.compile(
    r"GLOBAL (\S+) was not an allowed global|Trying to (?:instantiate|call) (\S+)|class (\S+)"
)
_SUFFIX = ".safetensors"


def load_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint, on the CPU.

    Safetensors by the ending ``.safetensors``; anything else by ``torch.load(weights_only=True)``, which
    rebuilds tensors and plain containers only. A mapping whose ``state_dict`` holds the tensors is unwrapped.

    Raises:
        UsageError: the file needs more than that (a pickled object would run its own code), is damaged, or
            holds no tensors by name.
        MissingWeightsError: the file is not there or cannot be read.
    """
    if not path.is_file():
        raise MissingWeightsError(f"{path} is not there; see `spfem-bench weights list`.")
    content = _load_safetensors(path) if path.suffix == _SUFFIX else _load_torch(path)
    return _tensors(content, path)


def _load_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path, device="cpu")
    except SafetensorError as error:
        raise UsageError(
            f"{path} is no whole safetensors file ({_one_line(error)}); get it again."
        ) from error
    except OSError as error:
        raise MissingWeightsError(f"{path} cannot be read: {_one_line(error)}.") from error


def _load_torch(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UsageError(_refusal(path, error)) from error
    except OSError as error:
        raise MissingWeightsError(f"{path} cannot be read: {_one_line(error)}.") from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} is damaged or no PyTorch checkpoint: {_first_sentence(error)}.") from error


def _refusal(path: Path, error: pickle.UnpicklingError) -> str:
    found = _NEEDS.search(str(error))
    if found is None:
        return f"{path} is damaged or no PyTorch checkpoint: {_first_sentence(error)}."
    needed = next(group for group in found.groups() if group)
    return (
        f"{path} is refused because loading it would run code (its pickle calls {needed}): "
        "save its state_dict again with torch.save or safetensors, where you trust the file."
    )


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    import torch

    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise UsageError(f"{path} holds {type(content).__name__}, not tensors by name; save a state_dict.")
    other = [str(key) for key, value in content.items() if not isinstance(value, torch.Tensor)]
    if other:
        raise UsageError(f"{path} holds more than tensors ({', '.join(other[:3])}); save a state_dict.")
    return {str(key): value for key, value in content.items()}


def _first_sentence(error: BaseException) -> str:
    return (_one_line(error).split(". ")[0].rstrip(".") or type(error).__name__)[:200]


def _one_line(text: object) -> str:
    return " ".join(str(text).split())

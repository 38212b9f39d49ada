"""Reading network files without running what they hold.

Only safetensors, ``torch.load(weights_only=True)``, HDF5, ONNX and MediaPipe bundles are read; a pickle that
needs more is refused. What a file is, its first bytes say, not its name.
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, WeightsError

if TYPE_CHECKING:
    import torch

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"


def model_file(weights: Mapping[str, Path], extractor: str, what: str) -> Path:
    """The file given as ``model``.

    Raises:
        DefinitionError: none was given.
        WeightsError: it is not there.
    """
    if "model" not in weights:
        raise DefinitionError(f"{extractor} needs weights={{'model': <path of {what}>}}")
    path = Path(weights["model"])
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; {extractor} needs {what} there")
    return path


def digest8(path: Path) -> str:
    """The first eight hexadecimal digits of the file's sha256, as definitions name it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error


def require_bundle(path: Path) -> Path:
    """The path, if a MediaPipe task bundle (a zip of TFLite models) is there.

    Raises:
        WeightsError: missing, or something else.
    """
    if not zipfile.is_zipfile(path):
        raise WeightsError(f"{path}: not a MediaPipe task bundle")
    return path


def state_dict(path: Path) -> dict[str, torch.Tensor]:
    """A network's tensors on the CPU, from safetensors or a torch file that holds nothing else.

    A training checkpoint that keeps them under ``state_dict`` is unwrapped; what lies beside is not used.

    Raises:
        WeightsError: missing, of another format, damaged, or a pickle that would run code.
    """
    head = _head(path)
    if head[8:9] == b"{":
        return _from_safetensors(path)
    if head.startswith((_ZIP, _PICKLE)):
        return _from_torch(path)
    raise WeightsError(f"{path}: neither safetensors nor a torch file; nothing else is read as weights")


def _from_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(f"{path}: damaged safetensors ({error})") from error


def _from_torch(path: Path) -> dict[str, torch.Tensor]:
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: refused, because this pickle holds more than tensors and could run code; "
            "save its state_dict as safetensors"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise WeightsError(f"{path}: damaged torch file ({type(error).__name__})") from error
    if isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, Mapping) or not all(isinstance(v, torch.Tensor) for v in loaded.values()):
        raise WeightsError(f"{path}: not a state_dict (names to tensors)")
    return dict(loaded)


def keras_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """The arrays of a Keras HDF5 model by ``layer/name``, without the optimizer's.

    Raises:
        WeightsError: missing, not HDF5, damaged, or without ``model_weights``.
    """
    import h5py

    if not _head(path).startswith(_HDF5):
        raise WeightsError(f"{path}: not an HDF5 file")
    found: dict[str, NDArray[np.float32]] = {}

    def keep(name: str, item: Any) -> None:
        """Take one item of the file, if it is an array."""
        if isinstance(item, h5py.Dataset):
            layer, *_, leaf = name.split("/")
            found[f"{layer}/{leaf.split(':')[0]}"] = np.asarray(item, np.float32)

    try:
        with h5py.File(path, "r") as file:
            if "model_weights" not in file:
                raise WeightsError(f"{path}: no model_weights group, so not a Keras model")
            file["model_weights"].visititems(keep)
    except OSError as error:
        raise WeightsError(f"{path}: damaged HDF5 file") from error
    return found


def load_strict(network: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Fill a network, every tensor and no other.

    Raises:
        WeightsError: tensors are missing, left over, or of another shape.
    """
    wanted = network.state_dict()
    missing = sorted(set(wanted) - set(tensors))
    extra = sorted(set(tensors) - set(wanted))
    other = sorted(k for k in set(wanted) & set(tensors) if wanted[k].shape != tensors[k].shape)
    if missing or extra or other:
        first = (missing + extra + other)[0]
        raise WeightsError(
            f"{path}: not a {type(network).__name__}: {len(missing)} tensors missing, {len(extra)} unknown, "
            f"{len(other)} of another shape (first: {first})"
        )
    network.load_state_dict(dict(tensors))

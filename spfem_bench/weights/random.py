"""Seeded random weights in place of published files: everything runs, nothing is a result.

A folder of such files, named by ``SPFEM_BENCH_WEIGHTS``, lets a suite run where the published files cannot be
had. Its marker says which bytes are random; whoever uses them stamps what comes of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from spfem_bench.errors import UsageError
from spfem_bench.fsio import storage_errors, write_atomically
from spfem_bench.weights.entries import Entry, entry

MARKER = "random-weights.json"
"""Beside the files: which of them are random, by file name and sha256."""

_NETWORKS = "spfem_metrics.networks"
MAKERS: Mapping[str, str] = {
    "alexnet": f"{_NETWORKS}.lpips_nets:random_alexnet",
    "arcface-iresnet50": "spfem_baselines.supervision.iresnet:random_file",
    "arcface-resnet18": f"{_NETWORKS}.arcface_gray:random_file",
    "arcface-w600k-r50": f"{_NETWORKS}.arcface_onnx:random_file",
    "clip-vit-b-32-openai": f"{_NETWORKS}.clip_zero_shot:random_file",
    "efficientface-affectnet7": f"{_NETWORKS}.efficientface:random_file",
    "facenet-vggface2": f"{_NETWORKS}.facenet:random_file",
    "hsemotion-enet-b0-8-vgaf": f"{_NETWORKS}.hsemotion:random_file",
    "i3d-kinetics400": f"{_NETWORKS}.i3d:random_file",
    "inception-fid": f"{_NETWORKS}.inception:random_file",
    "lpips-alex-heads": f"{_NETWORKS}.lpips_nets:random_alex_heads",
    "lpips-vgg-heads": f"{_NETWORKS}.lpips_nets:random_vgg_heads",
    "lpips-squeeze-heads": f"{_NETWORKS}.lpips_nets:random_squeeze_heads",
    "squeezenet1-1": f"{_NETWORKS}.lpips_nets:random_squeezenet",
    "syncnet-v2": f"{_NETWORKS}.syncnet:random_file",
    "vgg16": f"{_NETWORKS}.lpips_nets:random_vgg16",
}
"""Registry name -> ``module:function`` that writes the file: (path, seed)."""


def write_random(names: Sequence[str], folder: Path, seed: int = 0) -> dict[str, Path]:
    """Write files of the published form with seeded random weights, and the marker beside them.

    Args:
        names: registry names.
        folder: made if it is not there; files of the same names are replaced.
        seed: of every number; the same seed gives the same values.

    Returns:
        Name -> file.

    Raises:
        UsageError: a network for which there is no such file.
        StorageError: the folder cannot be written.
    """
    items = [_checked(name) for name in dict.fromkeys(names)]
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return {item.name: _write(item, folder, seed) for item in items}


def is_random(path: Path, sha256: str) -> bool:
    """Whether a file is one of `write_random`'s: the marker beside it names these very bytes."""
    return _marked(path.parent).get(path.name) == sha256


def _checked(name: str) -> Entry:
    item = entry(name)
    if name not in MAKERS:
        known = ", ".join(MAKERS)
        raise UsageError(f"there are no random weights for '{name}': fetch it; there are some for {known}")
    return item


def _write(item: Entry, folder: Path, seed: int) -> Path:
    from spfem_bench.weights.store import sha256_of

    module, _, function = MAKERS[item.name].partition(":")
    path = folder / item.file
    getattr(import_module(module), function)(path, seed)
    # After each file: a run that is stopped leaves at most one file unmarked, which then is refused.
    known = {**_marked(folder), path.name: sha256_of(path)}
    write_atomically(folder / MARKER, json.dumps({"seed": seed, "files": known}, indent=2) + "\n")
    return path


def _marked(folder: Path) -> Mapping[str, str]:
    try:
        plain = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    files = plain.get("files") if isinstance(plain, dict) else None
    return files if isinstance(files, dict) else {}

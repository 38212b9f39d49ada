"""Versions of everything behind a number: code of whoever made the part, and the libraries under it.

Cached objects are keyed by these, so that an edited adapter or metric, or another torch, never finds what
its predecessor left.
"""

from __future__ import annotations

import sys
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from spfem_bench.digest import digest_of, digest_sources

LIBRARIES = (
    "av",
    "h5py",
    "mediapipe",
    "numpy",
    "onnxruntime",
    "opencv-contrib-python",
    "safetensors",
    "scipy",
    "torch",
    "facenet-pytorch",
    "lpips",
    "open_clip_torch",
    "pytorch-fid",
    "torchvision",
)
"""Packages whose code stands between a file and a number."""


@cache
def libraries() -> str:
    """Digest of the versions of `LIBRARIES` and of the interpreter's minor version."""
    return digest_of([sys.version_info[:2], {name: _version(name) for name in LIBRARIES}])


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def code_of(part: object) -> str:
    """Digest of the code a part comes from: its package's Python files, or its module's file.

    Args:
        part: a function, class or instance.
    """
    while isinstance(part, partial):
        part = part.func
    return module_code(getattr(part, "__module__", None) or type(part).__module__)


@cache
def module_code(module: str) -> str:
    """Digest of the Python files of a module's top-level package, or of the module itself without one."""
    top = import_module(module.split(".", maxsplit=1)[0])
    folders = [Path(folder) for folder in getattr(top, "__path__", ())]
    if folders:
        return digest_sources(*folders)
    file = getattr(import_module(module), "__file__", None)
    return digest_sources(Path(file)) if file else module


def package_code(*parts: str) -> str:
    """Digest of files or folders of this package, e.g. ``clips``."""
    return digest_sources(*(Path(__file__).parent / part for part in parts))

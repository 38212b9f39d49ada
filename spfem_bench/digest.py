"""Digests of plain values, files and source code: what cache keys and manifests are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 20


def canonical_json(value: object) -> str:
    """One text for one value: sorted keys, no spaces, finite numbers only, Fractions as ``p/q``.

    Raises:
        ValueError: a NaN or infinite number.
        TypeError: a value JSON has no form for.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
    )


def _plain(value: object) -> object:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be part of a digest")


def digest_of(value: object) -> str:
    """Hexadecimal sha256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def digest_bytes(*parts: bytes) -> str:
    """Hexadecimal sha256 of the parts, each preceded by its length so that borders count."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()


def digest_array(array: NDArray[Any]) -> str:
    """Hexadecimal sha256 over dtype, shape and the C-ordered bytes."""
    head = f"{array.dtype.str}{array.shape}".encode()
    return digest_bytes(head, np.ascontiguousarray(array).tobytes())


def digest_file(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


@cache
def digest_sources(*paths: Path) -> str:
    """Hexadecimal sha256 over the Python files below the paths: the version of a piece of code."""
    return digest_bytes(*_named_sources(paths))


def _named_sources(paths: Iterable[Path]) -> Iterable[bytes]:
    for path in paths:
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            relative = file.relative_to(path).as_posix() if path.is_dir() else file.name
            yield relative.encode()
            yield file.read_bytes()

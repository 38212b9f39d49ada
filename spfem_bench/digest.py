"""Digests of plain values, files and source code: what cache keys and manifests are made of."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 20
_ABSOLUTE = re.compile(r"(?:(?<![^=:,;\s\x22\x27(\[])|(?<=file://))/(?!/)[^=:,;\s\x22\x27)\]]+")
"""A path that begins a word, or follows a quote, a bracket or one of ``=:,;``; an address's rest does not."""


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


def short_digest(value: object) -> str:
    """The first 16 digits of `digest_of`, as identities carry them."""
    return digest_of(value)[:16]


def portable(value: Any) -> Any:
    """The value with no absolute path in its texts: each is its last name and a digest of the rest.

    ``/data/nets/a.pth`` becomes ``path:a.pth@53d0f2c9``: another path is another text, and none of them tells
    where anything lies on the machine that wrote it.
    """
    if isinstance(value, str):
        return _ABSOLUTE.sub(_hidden, value)
    if isinstance(value, Mapping):
        return {key: portable(one) for key, one in value.items()}
    return [portable(one) for one in value] if isinstance(value, list | tuple) else value


def _hidden(found: re.Match[str]) -> str:
    path = found[0]
    return f"path:{Path(path).name}@{digest_of(path)[:8]}"


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

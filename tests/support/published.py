"""What others published and no test fetches: where it is at hand it is tested, elsewhere skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spfem_bench.weights import entry, locate, standing, where
from spfem_bench.weights.store import missing_sentence


def published(name: str) -> Path:
    """A network's file as its authors published it, from wherever the store finds it, verified.

    Skips the test where there is none, or only random weights in its place.

    Raises:
        IntegrityError: a file of that name is here with other bytes than pinned.
    """
    item = entry(name)
    path = where(item)
    if path is None:
        pytest.skip(missing_sentence(item))
    if standing(item, path) == "random":
        pytest.skip(f"{path} holds random weights, of which nothing is published")
    return locate(name)


def golden(path: str) -> Path:
    """A file that an upstream project measured its own published number on, below ``SPFEM_BENCH_GOLDEN``.

    Skips the test where the variable is not set or the file is not there.
    """
    folder = os.environ.get("SPFEM_BENCH_GOLDEN")
    if not folder:
        pytest.skip(f"SPFEM_BENCH_GOLDEN is not set, so {path} is not at hand")
    found = Path(folder) / path
    if not found.exists():
        pytest.skip(f"{found} is not there")
    return found

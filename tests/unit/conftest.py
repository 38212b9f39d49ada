"""Folders that jobs of foreign programs write to."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where jobs are kept."""
    monkeypatch.setenv("SPFEM_BENCH_KEEP_JOBS", str(tmp_path / "kept"))
    return tmp_path / "kept"

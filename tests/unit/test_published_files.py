"""Golden tests find published files wherever the store keeps them, and where they skip say why."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.errors import IntegrityError
from spfem_bench.weights import store, write_random
from tests import conftest
from tests.support import published as support
from tests.support.published import golden, published
from tests.unit.test_weights_fetch import CONTENT, entry_of

NAME = "lpips-alex-heads"


@pytest.fixture
def cached(no_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the store keeps a pinned file of `CONTENT` named ``net``."""
    item = entry_of("http://127.0.0.1:9/net.bin")
    for module in (support, store):
        monkeypatch.setattr(module, "entry", lambda _name: item)
    return store.cached_path(item)


@pytest.fixture
def no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SPFEM_BENCH_WEIGHTS", raising=False)
    return tmp_path


def why(call: Callable[..., Any], *arguments: object) -> str:
    with pytest.raises(pytest.skip.Exception) as skipped:
        call(*arguments)
    return str(skipped.value)


def test_a_file_that_was_fetched_is_found_in_the_cache(cached: Path) -> None:
    assert "run `spfem-bench weights fetch net`" in why(published, "net")
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT)
    assert published("net") == cached
    cached.write_bytes(CONTENT[::-1])
    with pytest.raises(IntegrityError, match="not the pinned"):
        published("net")


def test_random_weights_are_nobodys_published_file(no_folders, monkeypatch) -> None:
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", os.pathsep.join([str(no_folders), str(no_folders / "random")]))
    write_random([NAME], no_folders / "random")
    assert "holds random weights" in why(published, NAME)


def test_golden_files_lie_below_one_variable(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("SPFEM_BENCH_GOLDEN", raising=False)
    assert "SPFEM_BENCH_GOLDEN is not set" in why(golden, "tool/clip.avi")
    monkeypatch.setenv("SPFEM_BENCH_GOLDEN", str(tmp_path))
    assert why(golden, "tool/clip.avi") == f"{tmp_path / 'tool/clip.avi'} is not there"
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "clip.avi").touch()
    assert golden("tool/clip.avi") == tmp_path / "tool" / "clip.avi"


def test_of_several_folders_of_weights_the_one_of_small_networks_is_given(tmp_path, monkeypatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", os.pathsep.join([str(one), str(two)]))
    assert conftest.small_networks() == one  # neither has them: tests name the file they miss
    (two / conftest.SMALL_NETWORK).touch()
    assert conftest.small_networks() == two
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", "")
    monkeypatch.delenv("SPFEM_BENCH_REQUIRE_REAL", raising=False)
    assert "SPFEM_BENCH_WEIGHTS is not set" in why(conftest.small_networks)

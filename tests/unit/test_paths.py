"""Caches and folders named by the environment."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from spfem_bench import paths
from spfem_bench.resources import PACKAGE


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPFEM_BENCH_CACHE_DIR", "XDG_CACHE_HOME", "SPFEM_BENCH_WEIGHTS", "SPFEM_BENCH_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")


def test_the_cache_folder_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.cache_dir() == Path("/home/someone/.cache/spfem-bench")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert paths.cache_dir() == Path("/home/someone/.cache/spfem-bench")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert paths.cache_dir() == Path("/xdg/spfem-bench")
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", "~/own")
    assert paths.cache_dir() == Path("/home/someone/own")
    assert paths.weights_cache() == Path("/home/someone/own/weights")
    assert paths.features_cache() == Path("/home/someone/own/features")


def test_weights_folders_are_separated_as_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.extra_weights_dirs() == ()
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", os.pathsep.join(["/a", "", "~/b"]))
    assert paths.extra_weights_dirs() == (Path("/a"), Path("/home/someone/b"))


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("yes", True), ("0", False), ("No", False), ("", False)]
)
def test_offline(value: str, offline: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPFEM_BENCH_OFFLINE", value)
    assert paths.is_offline() is offline


def test_every_variable_the_harness_reads_is_documented() -> None:
    used = {
        name
        for source in PACKAGE.rglob("*.py")
        for name in re.findall(r"(?<!_)SPFEM_BENCH_[A-Z]+(?:_[A-Z]+)*", source.read_text(encoding="utf-8"))
    }
    assert used <= set(paths.ENVIRONMENT)

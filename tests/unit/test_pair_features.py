"""Pair extractors run as networks do: in the run's threads, deterministically, with a key that says so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from spfem_bench.clips import open_clip
from spfem_bench.stages.features import Subject, pair_features, pair_key
from spfem_bench.stages.spec import RunSpec
from spfem_metrics import Arrays
from spfem_metrics.media import Media
from tests.support.clips import make_clip, moving_box

PAIRS = np.array([[0, 0], [1, 1]])


@dataclass
class Watching:
    """A pair extractor that notes how torch is set while it works."""

    name: str = "watching"
    seen: list[tuple[int, bool]] = field(default_factory=list)

    def compare(self, output: Media, other: Media, pairs: np.ndarray) -> Arrays:
        self.seen.append((torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()))
        return {"distance": np.zeros(len(pairs))}


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    store = SimpleNamespace(get_arrays=lambda *_: None, put_arrays=lambda *_: None)
    return SimpleNamespace(
        built=SimpleNamespace(pairs={"watching": Watching()}, code={}),
        definitions={"watching": "watching"},
        store=store,
        device_label="cpu",
        spec=RunSpec("folder:x", "p", "s", (), tmp_path, device="cpu", threads=3),
    )


def test_a_comparison_runs_in_scoring_mode(bench: Any, tmp_path: Path) -> None:
    subject = Subject(open_clip(make_clip(tmp_path / "a.mp4", moving_box(3))), "", None)
    pair_features(bench, "watching", (subject, subject), "key", PAIRS)
    assert bench.built.pairs["watching"].seen == [(3, True)]


def test_where_a_comparison_runs_is_in_its_key(bench: Any) -> None:
    contents = [SimpleNamespace(video="one"), SimpleNamespace(video="two")]

    def key() -> str:
        return pair_key(bench, "watching", contents, PAIRS)  # type: ignore[arg-type]

    first = key()
    assert key() == first
    bench.spec = replace(bench.spec, threads=1)
    second = key()
    bench.device_label = "another GPU"
    assert len({first, second, key()}) == 3

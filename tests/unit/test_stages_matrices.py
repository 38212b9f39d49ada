"""Matrices stay on disk until they are wanted, one at a time; the bundle's file of them is safetensors'."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from spfem_bench.errors import StorageError
from spfem_bench.stages.matrices import KIND, Stored, store, write_matrices
from spfem_bench.stages.reduce import reduce_rows
from spfem_bench.stages.rows import REAL, MetricRow, write_rows
from spfem_bench.store.objects import ObjectStore
from spfem_metrics import Reading, Row, TrialFacts
from spfem_metrics.metrics.sets import FrechetDistance, KernelDistance

SHAPES = {"a-b/t": (3, 2), "a/t": (0, 5), 'a/ü"\n\x1f': (1, 7), "real/r": (2, 2)}
NAMES = ("frechet-perceptual", "kid-perceptual-between-speakers")
WIDTH, CLIPS, FRAMES = 64, 30, 8
"""Of the rows below: 2 KiB a matrix."""


def matrix(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_file_is_what_safetensors_writes_of_all_at_once(tmp_path: Path, count: int) -> None:
    shapes = dict(sorted(SHAPES.items())[:count])
    tensors = {name: matrix(shape, seed) for seed, (name, shape) in enumerate(shapes.items())}
    write_matrices(tmp_path / "f" / "k.safetensors", shapes, iter(tensors.values()))
    assert (tmp_path / "f" / "k.safetensors").read_bytes() == save(tensors)


def test_a_failure_on_the_way_leaves_no_file(tmp_path: Path) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield matrix((3, 2), 0)
        raise StorageError("lost")

    with pytest.raises(StorageError, match="lost"):
        write_matrices(tmp_path / "k.safetensors", SHAPES, failing())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", ["removed", "damaged", "another"])
def test_a_matrix_that_the_cache_lost_is_one_sentence(tmp_path: Path, harm: str) -> None:
    objects = ObjectStore(tmp_path)
    held = store(objects, "0123456789abcdef", matrix((3, 2), 0))
    path = objects.path(KIND, "0123456789abcdef", ".safetensors")
    path.unlink()
    if harm == "damaged":
        path.write_bytes(b"garbage")
    if harm == "another":
        store(objects, "0123456789abcdef", matrix((4, 2), 0))
    with pytest.raises(
        StorageError, match=r"has lost the feature matrix 0123456789ab, .* run the same command"
    ):
        held.load()


@dataclass
class Watched:
    """A matrix on disk that counts how many of its kind are in memory together."""

    inner: Stored
    alive: list[weakref.ref] = field(repr=False)
    most: list[int] = field(repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.inner.shape

    def load(self) -> np.ndarray:
        read = self.inner.load().view()
        self.alive.append(weakref.ref(read))
        self.most.append(sum(one() is not None for one in self.alive))
        return read


def rows(cache: Path) -> tuple[list[MetricRow], list[MetricRow], list[int]]:
    """The same rows of two systems and real clips, in memory and on disk; and the counts of the latter."""
    objects, alive, most = ObjectStore(cache), [], []
    here, there = [], []
    for place, system in enumerate(("one", "two", REAL)):
        for clip in range(CLIPS):
            side = "real" if system == REAL else "generated"
            facts = TrialFacts(f"{side}-{clip}", f"p{clip % 3}", ("happy", "sad")[clip % 2], side)
            values = matrix((FRAMES, WIDTH), 1000 * place + clip)
            held = Watched(store(objects, f"{place:02d}{clip:06d}", values), alive, most)
            for metric in NAMES:
                here.append(MetricRow(system, metric, Row(facts, Reading(None, {}, values))))
                there.append(MetricRow(system, metric, Row(facts, Reading(None, {})), held))
    return here, there, most


def metrics() -> list[FrechetDistance | KernelDistance]:
    from spfem_metrics.metrics.sets import frechet_perceptual, kid_perceptual

    return [frechet_perceptual(FRAMES), kid_perceptual(FRAMES, "between-speakers")]


@pytest.mark.parametrize("emotions", [["happy", "sad"], ["sad"], ["none of them"]])
def test_scores_are_those_of_rows_in_memory_with_one_matrix_at_a_time(tmp_path: Path, emotions) -> None:
    here, there, most = rows(tmp_path)
    gc.collect()
    assert reduce_rows(there, metrics(), emotions) == reduce_rows(here, metrics(), emotions)
    assert most
    assert max(most) <= 2  # the one that is read, beside the last, which the loop still holds


def test_the_files_are_those_of_rows_in_memory_with_one_matrix_at_a_time(tmp_path: Path) -> None:
    here, there, most = rows(tmp_path / "cache")
    write_rows(tmp_path / "here", here)
    write_rows(tmp_path / "there", there[::-1])
    names = ["rows.parquet", *(f"features/{name}.safetensors" for name in NAMES)]
    for name in names:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
    assert max(most) <= 2

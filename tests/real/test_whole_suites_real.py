"""standard-v1 as a whole, on real faces with random weights: every metric has a score, none is a result."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from spfem_bench.clips import open_clip
from spfem_bench.suites import build_suite, load_suite
from tests.support.whole_suites import Take, check_stamped, random_weights, scored, values

pytestmark = [pytest.mark.real, pytest.mark.slow]
SUITE = "standard-v1"
PEOPLE = {"grid/bbaf2n.mpg": 30, "grid/lrwp9a.mpg": 16}
"""Clip -> frames: as few as LSE takes (ten windows at a shift of fifteen), and as FVD takes."""


def takes_of(path: Path, frames: int) -> list[Take]:
    """Two parts of a clip, for the same person in two emotions."""
    clip = open_clip(path)
    images, samples = np.concatenate([batch.images for batch in clip.batches(32)]), clip.audio(16000)
    assert samples is not None
    return [
        Take(path.stem, emotion, images[at : at + frames], samples[at * 640 : (at + frames) * 640])
        for emotion, at in (("neutral", 0), ("happy", 20))
    ]


@pytest.fixture
def random(tmp_path: Path) -> Iterator[Path]:
    """A folder of random weights, a gigabyte that is not left behind."""
    folder = tmp_path / "random"
    random_weights(SUITE, folder)
    yield folder
    shutil.rmtree(folder)


def test_standard_v1_gives_every_metric_a_score_and_stamps_it(
    fixtures_dir: Path, weights_dir: Path, random: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = os.pathsep.join([str(random), os.environ["SPFEM_BENCH_WEIGHTS"]])
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", searched)
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    takes = [take for file, frames in PEOPLE.items() for take in takes_of(fixtures_dir / file, frames)]
    bundle, printed = scored(SUITE, takes, tmp_path)
    names = {metric.info.name for metric in build_suite(load_suite(SUITE)).metrics}
    assert set(values(bundle)) == names
    assert "windows left to compare at a shift of 15 frames, 10 needed (1): LSE-C" in printed
    check_stamped(bundle, printed)

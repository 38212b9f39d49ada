"""standard-v1 and spfem-papers-v1 as a whole: the definition of every number, and a run of the latter.

A line of ``tests/unit/signatures`` that changes is another number under the same name, or the same number
under another definition: either is meant, and then the lists are written again by

    python -m tests.unit.test_whole_suites

or it is a mistake. The networks are stand-ins there, so that the lines are the same on every machine.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from spfem_bench.suites import load_suite
from tests.support.whole_suites import (
    Take,
    check_stamped,
    random_weights,
    scored,
    signatures,
    stand_ins,
    values,
)
from tests.support.worlds import frames_of

LISTS = Path(__file__).with_name("signatures")
SUITES = ("standard-v1", "spfem-papers-v1")
PAPERS = "spfem-papers-v1"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Searched for networks before anything else is."""
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("suite", SUITES)
def test_signatures_are_the_committed_ones(suite: str, folder: Path) -> None:
    stand_ins(suite, folder)
    committed = (LISTS / f"{suite}.txt").read_text().splitlines()
    assert signatures(suite) == committed, "if this is meant: python -m tests.unit.test_whole_suites"


@pytest.mark.parametrize("suite", SUITES)
def test_stand_ins_stand_for_every_network(suite: str, folder: Path) -> None:
    stand_ins(suite, folder)
    resting = [line for line in signatures(suite) if "@" in line]
    assert len(resting) > len(load_suite(suite).metrics) / 2
    assert all("weights:random" in line for line in resting)


def moving(speaker: int, emotion: str, fps: int) -> Take:
    """96 px, of which the papers' margin leaves 26; noise for a voice."""
    seed = 10 * speaker + (emotion == "happy")
    voice = np.random.default_rng(seed).normal(scale=0.1, size=16000 * 14 // fps).astype(np.float32)
    return Take(f"p{speaker}", emotion, frames_of(seed, 14, 96), voice, fps)


def test_the_papers_suite_runs_and_says_that_it_is_no_result(folder: Path) -> None:
    """LSE-D reads 30 frames a second only: one person's clips have them, the other's are named."""
    random_weights(PAPERS, folder)
    takes = [
        moving(speaker, emotion, fps)
        for speaker, fps in ((0, 30), (1, 25))
        for emotion in ("neutral", "happy")
    ]
    bundle, printed = scored(PAPERS, takes, folder)
    assert set(values(bundle)) == {"fad-arcface18-gray", "lse-d-ned30", "csim-expr"}
    assert "the protocol reads 30 frames/s only; the output has 25 (1): LSE-D" in printed
    check_stamped(bundle, printed)


def renew() -> None:
    """Write the committed lists again."""
    LISTS.mkdir(exist_ok=True)
    for suite in SUITES:
        with tempfile.TemporaryDirectory() as place:
            os.environ |= {"SPFEM_BENCH_WEIGHTS": place, "SPFEM_BENCH_CACHE_DIR": place}
            stand_ins(suite, Path(place))
            (LISTS / f"{suite}.txt").write_text("".join(f"{line}\n" for line in signatures(suite)))


if __name__ == "__main__":
    renew()

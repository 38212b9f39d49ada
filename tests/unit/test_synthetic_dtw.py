"""Takes differ in time, and warping of their sound finds out how."""

from __future__ import annotations

import numpy as np
import pytest

from spfem_bench.errors import UsageError
from spfem_bench.synthetic import alignment
from spfem_bench.synthetic.alignment import Score, Spoken, by_length, by_number, by_sound, errors, takes
from spfem_bench.synthetic.clip import ClipSpec, true_pair


@pytest.fixture(scope="module")
def scores() -> dict[str, Score]:
    return {score.rule: score for score in alignment.scores(takes(2, (0,)))}


def test_warping_beats_stretching_and_counting(scores: dict[str, Score]) -> None:
    warped, stretched, counted = (
        scores[name] for name in ("dynamic time warping", "linear stretch", "frame number")
    )
    assert warped.mean < 1.0
    assert warped.p95 < 2.0
    assert warped.mean < 0.5 * stretched.mean < 0.5 * counted.mean
    assert warped.p95 < 0.5 * stretched.p95 < 0.5 * counted.p95
    assert warped.frames == counted.frames > 500


def test_takes_need_warping(scores: dict[str, Score]) -> None:
    assert scores["linear stretch"].mean > 1.0
    assert scores["frame number"].mean > 3.0


def test_a_true_pair_needs_none() -> None:
    """One take in two emotions: equal frame numbers are the truth, and warping stays close to it."""
    spec = ClipSpec(0, 0)
    source, truth = Spoken(spec), Spoken(true_pair(spec, "angry"))
    np.testing.assert_allclose(errors(by_number, source, truth), 0, atol=1e-9)
    np.testing.assert_allclose(errors(by_length, source, truth), 0, atol=1e-9)
    assert np.abs(errors(by_sound, source, truth)).mean() < 0.5


def test_a_shorter_truth_is_held_at_its_end() -> None:
    source, truth = takes(1, (0,))[0]
    long, short = sorted((source, truth), key=lambda one: -len(one.times))
    paired = by_number(long, short)
    assert len(paired) == len(long.times)
    assert paired.max() == len(short.times) - 1


def test_the_table_has_a_row_for_each_rule(scores: dict[str, Score]) -> None:
    lines = alignment.table(list(scores.values())).splitlines()
    assert len(lines) == 2 + len(alignment.RULES)
    assert lines[2].startswith("| dynamic time warping | 0.")


def test_a_voice_has_one_rate() -> None:
    with pytest.raises(UsageError, match="16000"):
        Spoken(ClipSpec(0, 0)).audio(8000)

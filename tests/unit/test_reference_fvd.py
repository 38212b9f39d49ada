"""FVD from logits: against the formula written out, and what it must say when there is little to compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from spfem_metrics import (
    ClipFeatures,
    DefinitionError,
    Metric,
    Observation,
    Reading,
    Row,
    TrialFacts,
    Unscored,
)
from spfem_metrics.functional import frechet_distance
from spfem_metrics.metrics.fvd import FVD
from spfem_metrics.networks import i3d
from spfem_metrics.outcome import Scored
from tests.support.parity import of_each, release
from tests.support.published import published

D = 400


def observation(windows: int, frames: int = 0) -> Observation:
    features = np.random.default_rng(windows).normal(size=(windows, D)).astype(np.float32)
    times = np.arange(frames or 16 * windows) / 25
    clip = ClipFeatures(25.0, times, (64, 64), {"i3d": {"features": features}})
    return Observation(TrialFacts("t", "M003", "happy"), {"output": clip}, np.arange(len(times)))


def rows(clips: int, windows: int, seed: int, side: str, width: int = D, scale: float = 1.0) -> list[Row]:
    random = np.random.default_rng(seed)
    made = []
    for index in range(clips):
        matrix = (scale * random.normal(size=(windows, width))).astype(np.float32)
        facts = TrialFacts(f"{side}-{index:03d}", f"M{index % 5:03d}", "happy", side)  # type: ignore[arg-type]
        made.append(Row(facts, Reading(None, {"windows": float(windows)}, matrix)))
    return made


def pooled(given: Sequence[Row]) -> np.ndarray:
    return np.concatenate([row.outcome.matrix for row in given]).astype(np.float64)  # type: ignore[union-attr]


def by_formula(x: np.ndarray, y: np.ndarray, ddof: int) -> float:
    """As its reference implementations write it, with SciPy's matrix root."""
    a, b = (np.cov(z, rowvar=False, ddof=ddof) for z in (x, y))
    root = np.real(sqrtm(a @ b))
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root))


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_distance_is_the_formulas_where_covariances_have_full_rank(parity, ddof) -> None:
    """Double precision and well conditioned: 1e-8 leaves room for the condition of the product."""
    made, real = rows(20, 4, 0, "generated", 24), rows(20, 4, 1, "real", 24, 1.3)
    score = FVD(ddof=ddof).reduce([*made, *real])
    assert isinstance(score.outcome, Scored)
    oracle, wanted = f"{release('scipy')} sqrtm, ddof {ddof}", by_formula(pooled(made), pooled(real), ddof)
    parity("FVD: score", oracle, score.outcome.value, wanted, of_each(1e-8), n=(160, "windows"))


def test_fewer_windows_than_logits_are_exact_and_the_notes_warn() -> None:
    """Within the span of all rows covariances have full rank: the same distance, there by the other route."""
    made, real = rows(6, 4, 2, "generated"), rows(6, 4, 3, "real", scale=1.2)
    score = FVD().reduce([*made, *real])
    x, y = pooled(made), pooled(real)
    inside = np.linalg.svd(np.vstack([x, y]), full_matrices=False)[2]
    assert isinstance(score.outcome, Scored)
    assert score.outcome.value == pytest.approx(frechet_distance(x @ inside.T, y @ inside.T), rel=1e-10)
    assert score.notes[0] == (
        "n = 24 windows a side (24 from 6 of 6 generated clips, 24 from 6 of 6 real clips); "
        "small n raises a Fréchet distance"
    )
    assert any("n = 24 does not exceed the 400 logits" in note for note in score.notes)
    ample = FVD().reduce([*rows(101, 4, 4, "generated"), *rows(101, 4, 5, "real")])
    assert not any("does not exceed" in note for note in ample.notes)


def test_small_n_raises_the_distance_of_equal_sets() -> None:
    """The trap of comparing values of different n: the truth is 0 in both."""
    values = []
    for clips in (10, 40, 160):
        score = FVD(windows="all").reduce(
            [*rows(clips, 4, 6, "generated", 40), *rows(clips, 4, 7, "real", 40)]
        )
        assert isinstance(score.outcome, Scored)
        values.append(score.outcome.value)
    assert values[0] > 2 * values[1] > 4 * values[2]


def test_both_sides_count_equally_many_windows() -> None:
    score = FVD().reduce([*rows(3, 4, 8, "generated"), *rows(9, 4, 9, "real")])
    assert score.notes[0].startswith(
        "n = 12 windows a side (12 from 3 of 3 generated clips, 36 from 9 of 9 real"
    )


def test_shorter_clips_than_a_window_say_so() -> None:
    assert FVD().observe(observation(0, frames=15)) == Unscored("15 frames make no window of 16")


@pytest.mark.parametrize(
    ("windows", "taken"), [(4, [1, 3, 5, 7]), ("all", list(range(9))), (20, list(range(9)))]
)
def test_windows_of_a_long_clip_are_taken_evenly(windows, taken) -> None:
    whole = observation(9)
    reading = FVD(windows).observe(whole)
    assert isinstance(reading, Reading)
    assert reading.value is None
    assert reading.parts == {"windows": float(len(taken))}
    np.testing.assert_array_equal(reading.matrix, whole.sides["output"]["i3d"]["features"][taken])


@pytest.mark.parametrize(
    ("made", "real", "reason"),
    [
        (rows(1, 1, 0, "generated"), rows(5, 4, 1, "real"), "fewer than two windows of 16 frames a side"),
        (rows(5, 4, 0, "generated"), [], "the protocol has no real clips of this emotion"),
        (
            [Row(TrialFacts("a", "M003", "happy"), Unscored("15 frames make no window of 16"))],
            rows(5, 4, 1, "real"),
            "no generated clip could be used: 15 frames make no window of 16",
        ),
    ],
)
def test_too_little_is_no_number_but_a_reason(made, real, reason) -> None:
    assert FVD().reduce([*made, *real]).outcome == Unscored(reason)


def test_it_signs_what_moves_it() -> None:
    assert isinstance(FVD(), Metric)
    lines = {FVD(w, d).signature({"i3d": "net"}).line for w in (4, 8, "all") for d in (0, 1)}
    assert len(lines) == 6
    assert (
        FVD().signature({"i3d": "net"}).line
        == "fvd|v1|i3d:net|windows:even4|n:equal-by-hash|ddof:1|miss:exclude"
    )
    assert "Of a clip at most 4 windows count, evenly spaced" in FVD().info.about
    assert "Every one of a clip's windows counts" in FVD("all").info.about


@pytest.mark.parametrize("options", [{"windows": 0}, {"ddof": 2}])
def test_options_that_cannot_be_are_refused(options) -> None:
    with pytest.raises(DefinitionError):
        FVD(**options)


@pytest.mark.real
def test_black_against_white_videos_is_common_metrics_number() -> None:
    """Its README: 8 videos of 30 frames of 64x64, zeros against ones: 151.2565, "+-1" over torch versions.

    All frames in one window, as that tool feeds them. Runs where the published file is at hand.
    """
    network = i3d.embed(i3d.load(published("i3d-kinetics400")), i3d.RULES["common-metrics"])
    with torch.inference_mode():
        black, white = (
            network(torch.full((1, 30, 64, 64, 3), level, dtype=torch.uint8)).numpy().astype(float)
            for level in (0, 255)
        )
    # equal videos have no spread, so that the distance is that of the means
    assert float(((black - white) ** 2).sum()) == pytest.approx(151.2565, abs=1.0)

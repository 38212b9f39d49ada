"""How often intervals hold the truth and verdicts are wrong, by simulation (docs/statistics.md).

2000 draws a case; bars are widened by three binomial errors of a share at the bar, so that a method that
meets its bar fails by chance once in 740 cases; draws are seeded.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from spfem_bench.judging.statistics import frechet_jackknife, interval, kernel_difference, verdict
from spfem_bench.judging.statistics.intervals import NAMES
from spfem_bench.judging.statistics.pivots import means
from spfem_bench.judging.statistics.scenarios import LAYOUTS, SHAPES, Scenario
from spfem_bench.judging.statistics.simulate import (
    ALPHA,
    METHODS,
    RESAMPLES,
    all_ends,
    coverage,
    over_speakers,
    seeds_coverage,
    sets_coverage,
    wrong_verdicts,
)

DRAWS = 2000
SPEAKERS = [6, 12, 24]


def room(bar: float, draws: int = DRAWS) -> float:
    """Three binomial errors."""
    return 3 * math.sqrt(bar * (1 - bar) / draws)


def within(share: float, low: float, high: float, draws: int = DRAWS) -> bool:
    return low - room(low, draws) <= share <= high + room(high, draws)


def flattened(clips: list[np.ndarray], draw: int) -> tuple[np.ndarray, list[str]]:
    """One data set of a simulation, as judging gets it."""
    own = [part[draw] for part in clips]
    names = [f"s{index}" for index, part in enumerate(own) for _ in part]
    return np.concatenate(own), names


@pytest.mark.parametrize("question", ["any-actors", "these-actors"])
def test_the_simulation_is_of_the_intervals_that_are_given(question) -> None:
    """But for how draws fall: a data set is turned and sorted before its own are drawn, these share theirs.

    t ends are the same to rounding; of the others each end is within a quarter of the width, as each is known
    to an eighth (999 draws of 6 to 25 values).
    """
    scenario = Scenario(6, "normal", "2 to 20", 12)
    clips = scenario.scores(0)
    strata = over_speakers(clips) if question == "any-actors" else clips
    for method, found in zip(METHODS, all_ends(strata, [0.95]), strict=True):
        for draw in range(12):
            given = interval(*flattened(clips, draw), question=question, method=method, resamples=RESAMPLES)
            width = given.high - given.low
            near = 1e-9 if method == "t" else 0.25
            assert given.method == NAMES[method]
            assert abs(given.low - found.low[draw]) <= near * width
            assert abs(given.high - found.high[draw]) <= near * width


def test_the_simulation_is_of_the_verdicts_that_are_given() -> None:
    """Shares of findings and of equivalence over 40 data sets, which other draws move by a few at most."""
    clips = [part + 0.5 for part in Scenario(8, "normal", "5", 40).scores(1)]
    alone = [
        verdict(*flattened(clips, draw), direction="higher", margin=None, question="any-actors").name
        for draw in range(40)
    ]
    found = sum(name in ("better", "worse") for name in alone) / 40
    assert 0.1 < found < 0.9
    assert found == pytest.approx(wrong_verdicts(clips)[0], abs=3.5 / 40)
    error = float(means(over_speakers(clips)).point.std())
    near = [part - 0.5 + 8 * error for part in clips]
    alike = [
        verdict(*flattened(near, draw), direction="higher", margin=16 * error, question="any-actors").name
        for draw in range(40)
    ]
    assert "equivalent" in alike
    assert set(alike) <= {"equivalent", "better", "inconclusive"}


@pytest.mark.parametrize(
    ("shape", "known"),
    [
        ("normal", stats.norm()),
        ("t3", stats.t(3, scale=3**-0.5)),
        ("lognormal", stats.lognorm(1, loc=-((math.e - 1) ** -0.5), scale=(math.e**2 - math.e) ** -0.5)),
    ],
)
def test_scenarios_have_mean_0_and_variance_1(shape, known) -> None:
    """Against SciPy's distributions: Kolmogorov's distance exceeds 2.5 / sqrt(n) once in 130 000 samples."""
    assert known.stats() == pytest.approx((0, 1), abs=1e-12)
    drawn = SHAPES[shape](np.random.default_rng(0), (20_000,))
    assert stats.kstest(drawn, known.cdf).statistic < 2.5 / math.sqrt(len(drawn))
    assert {name: sum(sizes(6)) for name, sizes in LAYOUTS.items()} == {
        "1": 6,
        "2": 12,
        "5": 30,
        "2 to 20": 54,
    }


@pytest.mark.parametrize("speakers", SPEAKERS)
@pytest.mark.parametrize("layout", ["1", "2 to 20"])
@pytest.mark.parametrize("shape", SHAPES)
def test_coverage_over_speakers(speakers, layout, shape) -> None:
    share = dict(zip(METHODS, coverage(Scenario(speakers, shape, layout, DRAWS), "any-actors"), strict=True))
    if shape == "lognormal":
        assert share["auto"] >= 0.88 - room(0.88)
        assert share["t"] < share["auto"]
    else:
        assert within(share["auto"], 0.93, 0.97)


@pytest.mark.parametrize(("speakers", "layout"), [(6, "2"), (6, "2 to 20"), (12, "5")])
@pytest.mark.parametrize("shape", SHAPES)
def test_coverage_within_speakers(speakers, layout, shape) -> None:
    """Two clips a speaker make wide intervals, which is no false claim."""
    share = coverage(Scenario(speakers, shape, layout, DRAWS), "these-actors")[METHODS.index("auto")]
    if shape == "lognormal":
        assert share >= 0.88 - room(0.88)
    else:
        assert within(share, 0.93, 1.0 if layout == "2" else 0.97)


@pytest.mark.parametrize("shape", SHAPES)
def test_one_speaker_with_many_clips_has_an_interval_of_these_actors(shape) -> None:
    rng = np.random.default_rng(5)
    (found,) = all_ends([SHAPES[shape](rng, (DRAWS, 12))], [0.95], ["auto"])
    share = float(((found.low <= 0) & (found.high >= 0)).mean())
    assert share >= (0.88 if shape == "lognormal" else 0.93) - room(0.9)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_documents_table_is_what_the_command_prints(shape) -> None:
    """To two of 2000 data sets whose end lies so near 0 that another processor may round it over."""
    document = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"any actors\n.*?\n\| 6 \| {shape} \| 1 \|([^\n]*)\|\n", document, re.DOTALL)[:1]
    printed = [float(cell) for cell in row.split("|")]
    assert printed == pytest.approx(coverage(Scenario(6, shape, "1", DRAWS), "any-actors"), abs=2.5 / DRAWS)


def test_t_alone_and_bootstrap_t_alone_miss_their_bars() -> None:
    """Why ``auto`` takes the further end: t of skewed scores, bootstrap-t of heavy-tailed ones."""
    skewed = coverage(Scenario(12, "lognormal", "1", DRAWS), "any-actors")
    assert skewed[METHODS.index("t")] < 0.88 - room(0.88)
    heavy = [
        coverage(Scenario(24, "t3", "1", DRAWS), "any-actors", seed)[METHODS.index("bootstrap-t")]
        for seed in range(3)
    ]
    assert np.mean(heavy) < 0.93


@pytest.mark.parametrize("speakers", SPEAKERS)
@pytest.mark.parametrize(
    ("shape", "layout"),
    [("normal", "2 to 20"), ("t3", "2 to 20"), ("lognormal", "2 to 20"), ("lognormal", "1")],
)
def test_wrong_verdicts(speakers, shape, layout) -> None:
    """Six speakers allow a p of .031 or .094: at most .031 false findings, and the interval leaves fewer."""
    scenario = Scenario(speakers, shape, layout, DRAWS)
    found, equivalent = wrong_verdicts(scenario.paired(0))
    assert within(found, *((0.005, 2**-5) if speakers == 6 else (0.03, 0.07)))
    harder = wrong_verdicts(scenario.scores(0))
    assert harder[0] <= 0.08 + room(0.08)
    assert max(equivalent, harder[1]) <= ALPHA


@pytest.mark.parametrize(("speakers", "trained"), [(6, 2), (6, 5), (12, 3)])
def test_coverage_with_training_seeds_is_not_less_than_stated(speakers, trained) -> None:
    assert seeds_coverage(speakers, trained, "normal", 150) >= 0.95 - room(0.95, 150)


@pytest.mark.parametrize("difference", [frechet_jackknife, kernel_difference])
@pytest.mark.parametrize("change", [0.0, 0.5])
def test_coverage_of_set_metrics(difference, change) -> None:
    """Wider than they need be where the two sides are alike."""
    assert sets_coverage(difference, 6, change, 150) >= 0.93 - room(0.93, 150)


def test_drawing_speakers_with_replacement_would_misplace_a_frechet_distance() -> None:
    """Why set metrics have a jackknife: repeated rows move the distance above its point."""
    from spfem_metrics.functional.frechet import frechet_distance

    rng = np.random.default_rng(0)
    ours, real = (rng.normal(size=(12, 4, 16)) for _ in range(2))
    point = frechet_distance(ours.reshape(-1, 16), real.reshape(-1, 16))
    drawn = [
        frechet_distance(ours[taken].reshape(-1, 16), real[taken].reshape(-1, 16))
        for taken in rng.integers(12, size=(99, 12))
    ]
    assert np.quantile(drawn, 0.025) > point

"""How often intervals hold the truth and verdicts are wrong: the tables of docs/statistics.md.

    python -m spfem_bench.judging.statistics.simulate

Everything goes through the functions that judge, many data sets at once. Draws are 2000 a row (400 with
training seeds and for set metrics), so a share of .95 is known to .010 (.021) at 95%; intervals are of 999
resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product

import numpy as np

from spfem_bench.judging.statistics.intervals import Ends, ends
from spfem_bench.judging.statistics.permutations import p_values
from spfem_bench.judging.statistics.pivots import Strata, drawn_again, means
from spfem_bench.judging.statistics.scenarios import SHAPES, Scenario
from spfem_bench.judging.statistics.seeds import two_level
from spfem_bench.judging.statistics.sets import BySpeaker, frechet_jackknife, kernel_difference
from spfem_bench.judging.statistics.types import Floats, Interval, Method, Question
from spfem_bench.judging.statistics.verdicts import equivalence_level

SPEAKERS = (6, 12, 24)
METHODS: tuple[Method, ...] = ("t", "bootstrap-t", "auto")
DRAWS = 2000
RESAMPLES = 999
SLOW_DRAWS = 400
ALPHA = 0.05

Difference = Callable[[BySpeaker, BySpeaker, BySpeaker], Interval]


def over_speakers(clips: Strata) -> list[Floats]:
    """The one stratum of speakers' means, as ``any-actors`` draws it."""
    return [np.stack([own.mean(axis=-1) for own in clips], axis=-1)]


def all_ends(strata: Strata, levels: Sequence[float], methods: Sequence[Method] = METHODS) -> list[Ends]:
    """The ends at each level by each method, for data sets that share their draws."""
    found, drawn = means(strata), np.sort(drawn_again(strata, 0, RESAMPLES), axis=0)
    return [ends(found, drawn, level, method) for level, method in product(levels, methods)]


def coverage(scenario: Scenario, question: Question, seed: int = 0) -> list[float]:
    """The share of the 95% intervals that hold the true mean, by each of `METHODS`."""
    strata = over_speakers(scenario.scores(seed)) if question == "any-actors" else scenario.clips(seed)
    return [float(((found.low <= 0) & (found.high >= 0)).mean()) for found in all_ends(strata, [1 - ALPHA])]


def wrong_verdicts(differences: Strata) -> tuple[float, float]:
    """Shares of data sets of which `verdict` says something false, for any actors.

    Args:
        differences: for each speaker (draws, clips) of true mean 0.

    Returns:
        The share called better or worse; and the largest share called equivalent once the true difference is
        moved to the margin, over margins of 1 to 8 standard errors and either sign (with wider margins only
        the nearer end matters, as with 8).
    """
    (stratum,) = strata = over_speakers(differences)
    seen, sure = all_ends(strata, [1 - ALPHA, equivalence_level(ALPHA)], ["auto"])
    found = (p_values(stratum, 0, RESAMPLES) <= ALPHA) & ((seen.low > 0) | (seen.high < 0))
    margins = np.array([1, 2, 4, 8])[:, None] * float(means(strata).point.std())
    equivalent = [
        ((sure.low + sign * margins > -margins) & (sure.high + sign * margins < margins)).mean(axis=-1)
        for sign in (1, -1)
    ]
    return float(found.mean()), float(np.max(equivalent))


def seeds_coverage(speakers: int, trained: int, shape: str, draws: int, seed: int = 0) -> float:
    """The share of `two_level` intervals that hold 0: a speaker's, a training seed's and a cell's part."""
    rng, draw = np.random.default_rng(seed), SHAPES[shape]
    owners, models = zip(*product(map(str, range(speakers)), map(str, range(trained))), strict=True)
    people = draw(rng, (draws, speakers, 1)) + 0.5 * rng.normal(size=(draws, speakers, trained))
    values = (people + 0.5 * rng.normal(size=(draws, 1, trained))).reshape(draws, -1)
    return _held((two_level(row, owners, models) for row in values), 0.0)


def sets_coverage(difference: Difference, speakers: int, change: float, draws: int, seed: int = 0) -> float:
    """The share of a set metric's intervals that hold the mean of all draws' differences.

    Eight rows of 16 features a speaker, half of their variance the speaker's own; the candidate's rows are
    shifted by ``change`` standard deviations and the baseline's are not.
    """
    rng = np.random.default_rng(seed)
    found = [difference(*_sides(rng, speakers, change)) for _ in range(draws)]
    return _held(found, float(np.mean([one.point for one in found])))


def _sides(rng: np.random.Generator, speakers: int, change: float) -> Iterator[dict[str, Floats]]:
    """Candidate, baseline and real rows by speaker."""
    own = rng.normal(size=(speakers, 1, 16))
    for shift, noise in ((change, 1.0), (0.0, 1.0), (0.0, 0.0)):
        strayed = noise * 0.5 * rng.normal(size=own.shape)
        rows = shift + own + strayed + rng.normal(size=(speakers, 8, 16))
        yield {str(place): matrix for place, matrix in enumerate(rows)}


def _held(found: Iterable[Interval], truth: float) -> float:
    held = [one.low is not None and one.high is not None and one.low <= truth <= one.high for one in found]
    return float(np.mean(held))


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield from (f"### {title}", "", "| " + " | ".join(columns) + " |", "|" + ":--|" * len(columns))
    for row in rows:
        yield (
            "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row) + " |"
        )
    yield ""


def _coverage_rows(question: Question, layouts: Sequence[str]) -> Iterator[list[object]]:
    for speakers, shape, layout in product(SPEAKERS, SHAPES, layouts):
        yield [speakers, shape, layout, *coverage(Scenario(speakers, shape, layout, DRAWS), question)]


def _wrong_rows() -> Iterator[list[object]]:
    for speakers, shape, layout in product(SPEAKERS, SHAPES, ("1", "5", "2 to 20")):
        scenario = Scenario(speakers, shape, layout, DRAWS)
        paired, plain = (wrong_verdicts(one) for one in (scenario.paired(0), scenario.scores(0)))
        yield [speakers, shape, layout, paired[0], plain[0], paired[1], plain[1]]


def _seed_rows() -> Iterator[list[object]]:
    for speakers, trained in product(SPEAKERS, (2, 3, 5)):
        yield [speakers, trained, *(seeds_coverage(speakers, trained, shape, SLOW_DRAWS) for shape in SHAPES)]


def _set_rows() -> Iterator[list[object]]:
    for speakers, change in product(SPEAKERS, (0.0, 0.5)):
        shares = [
            sets_coverage(one, speakers, change, SLOW_DRAWS) for one in (frechet_jackknife, kernel_difference)
        ]
        yield [speakers, change, *shares]


def tables() -> Iterator[str]:
    """The tables of docs/statistics.md, line by line."""
    scores = ["speakers", "scores", "clips each"]
    yield from _table(
        "Coverage of 95% intervals, any actors",
        [*scores, *METHODS],
        _coverage_rows("any-actors", ("1", "5", "2 to 20")),
    )
    yield from _table(
        "Coverage of 95% intervals, these actors",
        [*scores, *METHODS],
        _coverage_rows("these-actors", ("2", "5", "2 to 20")),
    )
    wrong = ["found, paired", "found, plain", "equivalent, paired", "equivalent, plain"]
    yield from _table("Wrong verdicts at alpha .05, any actors", [*scores, *wrong], _wrong_rows())
    yield from _table("Coverage with training seeds", ["speakers", "seeds", *SHAPES], _seed_rows())
    yield from _table(
        "Coverage of differences of set metrics", ["speakers", "shift", "Fréchet", "KID"], _set_rows()
    )


if __name__ == "__main__":
    for line in tables():
        print(line, flush=True)

"""The noise floor: by hand, by simulation, as a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from spfem_bench.errors import BenchError, IntegrityError, NotComparableError, UsageError
from spfem_bench.judging.bundles import Bundle
from spfem_bench.judging.calibrate import calibrate, prediction
from spfem_bench.judging.compare import Options, compare
from spfem_bench.judging.noise import check_ground, read_noise, to_plain, write_noise
from spfem_bench.judging.tolerances import Tolerances
from tests.support.judged import bundle, column

TRIALS = [f"{s}-{e}-0" for s in "ABC" for e in ("happy", "sad")]


def run(*values: float, seed: int = 0, name: str = "run", **more: object) -> Bundle:
    """One metric's values on the first trials."""
    return bundle({"m": {"x": dict(zip(TRIALS, values, strict=False))}}, seed=seed, name=name, **more)  # type: ignore[arg-type]


def test_a_floor_by_hand() -> None:
    """Scores 1, 2, 3 of one trial: s = 1, so D / sqrt(2) is t with 2 degrees of freedom."""
    (floor,) = calibrate([run(1.0), run(2.0), run(3.0)], 0.05).floors
    assert (floor.spread, floor.largest, floor.trials) == (1.0, 2.0, 1)
    # Student's t table: one-sided 5% with 2 degrees of freedom, 2.919986
    assert floor.score == pytest.approx(2.919986 * 2**0.5, rel=1e-6)
    assert floor.trial == pytest.approx(floor.score, rel=1e-9)


def test_runs_without_noise_have_none() -> None:
    noise = calibrate([run(1.0, 2.0)] * 3)
    assert (noise.floors[0].score, noise.floors[0].trial) == (0.0, 0.0)
    assert any("identical to the last bit" in note for note in noise.notes)
    assert any("asked for alike" in note for note in noise.notes)


def test_never_less_than_what_was_seen() -> None:
    """Two heavy tails cancel in no mean: the largest difference stands where the quantile is smaller."""
    values = [[float(i) for i in range(6)]] * 9
    values.append([9.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    (floor,) = calibrate([run(*v) for v in values], 0.4).floors
    assert floor.largest == pytest.approx(1.5)
    assert floor.score == floor.largest
    assert floor.trial >= 9.0


def test_an_unchanged_table_seldom_fails_and_a_changed_one_does() -> None:
    """Simulation: 4 runs set the floor, 2 further runs are gated against each other; 5 metrics, 400 tables.

    The promise is a table-wide chance of 5% at most. With 400 tables its binomial standard error is 1.1%, so
    that 5% + 3 errors = 8.3% bounds what chance alone lets through; a floor of two standard deviations
    without regard to the number of runs and metrics would fail in most tables.
    """
    rng = np.random.default_rng(0)
    metrics, tables, runs = 5, 400, 4
    scores = rng.normal(size=(tables, runs + 2, metrics))
    spread = scores[:, :runs].std(axis=1, ddof=1)
    floor = np.maximum(np.ptp(scores[:, :runs], axis=1), prediction(1.0, runs - 1, 0.05 / metrics) * spread)
    change = scores[:, runs + 1] - scores[:, runs]
    assert (change < -floor).any(axis=1).mean() < 0.083
    assert (change < -2 * spread).any(axis=1).mean() > 0.25
    # a drop of 40 standard deviations is beyond the floor, whose median is 6.4 sd of a mean spread near 0.92
    assert (change - 40 < -floor).all(axis=1).mean() > 0.95


def test_the_simulated_floor_is_that_of_calibrate() -> None:
    rng = np.random.default_rng(1)
    draws = rng.normal(size=4)
    (floor,) = calibrate([run(float(v)) for v in draws], 0.05).floors
    wanted = max(np.ptp(draws), stats.t.isf(0.05, 3) * draws.std(ddof=1) * 2**0.5)
    assert floor.score == pytest.approx(wanted, rel=1e-12)


def test_more_metrics_and_models_widen_the_floor() -> None:
    one = calibrate([run(1.0), run(2.0), run(3.0)]).floors[0]
    values = [{"m": {"x": {TRIALS[0]: v}, "y": {TRIALS[0]: v}}} for v in (1.0, 2.0, 3.0)]
    two = calibrate([bundle(v) for v in values]).floors[0]
    assert two.score > one.score


def test_only_the_same_models_on_the_same_trials_by_the_same_definitions() -> None:
    first = run(1.0, 2.0)
    with pytest.raises(UsageError, match="at least two runs"):
        calibrate([first])
    with pytest.raises(UsageError, match="between 0 and 1"):
        calibrate([first, first], 1.0)
    with pytest.raises(NotComparableError, match="other trials"):
        calibrate([first, run(1.0)])
    with pytest.raises(NotComparableError, match="of other models"):
        calibrate([first, bundle({"k": {"x": dict.fromkeys(TRIALS[:2], 1.0)}})])
    with pytest.raises(NotComparableError, match="define x differently"):
        calibrate([first, run(1.0, 2.0, columns=(column("x", version=2),))])


def test_trials_without_a_score_in_some_run_are_left_out() -> None:
    gap = bundle({"m": {"x": {TRIALS[0]: 1.0, TRIALS[1]: None}}})
    (floor,) = calibrate([run(1.0, 5.0), gap]).floors
    assert (floor.trials, floor.score) == (1, 0.0)
    none = bundle({"m": {"x": dict.fromkeys(TRIALS[:2])}})
    noise = calibrate([none, none])
    assert noise.floors == []
    assert any("no floor for x" in note for note in noise.notes)


def test_the_file_gives_back_what_was_measured(tmp_path: Path) -> None:
    noise = calibrate([run(1.0, seed=0), run(2.0, seed=1, name="other")])
    path = tmp_path / "noise.json"
    write_noise(noise, path)
    again = read_noise(path)
    assert to_plain(again) == to_plain(noise)
    assert [r["seed"] for r in again.runs] == [0, 1]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", IntegrityError),
        ("[]", IntegrityError),
        ('{"schema": "spfem-bench/noise@2"}', IntegrityError),
        (None, UsageError),
    ],
)
def test_a_file_of_something_else_is_refused(
    text: str | None, error: type[BenchError], tmp_path: Path
) -> None:
    path = tmp_path / "noise.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=r"noise\.json"):
        read_noise(path)


def test_a_floor_that_is_no_number_is_refused(tmp_path: Path) -> None:
    plain = to_plain(calibrate([run(1.0), run(2.0)]))
    plain["floors"][0]["score"] = float("inf")
    path = tmp_path / "noise.json"
    path.write_text(json.dumps(plain))
    with pytest.raises(IntegrityError, match="Infinity"):
        read_noise(path)


def test_a_floor_counts_for_its_definition_and_its_data_only() -> None:
    noise = calibrate([run(1.0), run(2.0), run(3.0)])
    asked = Options(tolerances=Tolerances(floors=noise.by_digest()))
    assert compare(run(3.0), run(1.0), asked).findings[0].verdict == "equivalent"
    assert compare(run(9.0), run(1.0), asked).findings[0].verdict == "worse"
    redefined = (column("x", version=2),)
    other = compare(run(3.0, columns=redefined), run(1.0, columns=redefined), asked)
    assert other.findings[0].verdict == "worse"
    there = run(1.0)
    foreign = replace(there, spec={**there.spec, "dataset": {"name": "else", "digest": "e" * 64}})
    with pytest.raises(NotComparableError, match=r"n\.json was measured on dataset tests"):
        check_ground(noise, foreign.spec, "n.json")

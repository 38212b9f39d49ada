"""This repository's own gate: what CI holds the demo against, and that it turns red when it should.

The committed rows of the demo stand for today's run; copies of them with other values stand for a worse
model, a broken metric and another machine's rounding. The decision is the one `.ci/run` takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from spfem_bench.cli import main
from spfem_bench.errors import ExitCode
from spfem_bench.judging.bundles import Bundle, Cell, read_bundle
from spfem_bench.judging.compare import Options, compare
from spfem_bench.judging.files import Allowed, read_tolerances
from spfem_bench.judging.gate import Decision, decide
from spfem_bench.judging.scores import emotion_mean
from spfem_metrics import Scored

MODEL = "linear-shift"
Change = Callable[[str, str, float], float]
"""(system, trial, value) -> another value."""


@pytest.fixture(scope="module")
def baseline() -> Bundle:
    return read_bundle(Path(__file__).parents[2] / "leaderboards" / "measured" / "demo")


def changed(bundle: Bundle, metric: str, change: Change) -> Bundle:
    """The bundle with other values of one metric, and the scores that follow from them."""
    cells = dict(bundle.cells)
    systems = []
    for system in bundle.board.systems:
        own = {
            trial: replace(cell, value=change(system.name, trial, cell.value))
            if cell.value is not None
            else cell
            for trial, cell in bundle.cells[system.name, metric].items()
        }
        cells[system.name, metric] = own
        systems.append(
            replace(system, scores={**system.scores, metric: _scores(bundle, own, system, metric)})
        )
    return replace(bundle, path=Path("candidate"), cells=cells, board=replace(bundle.board, systems=systems))


def _scores(bundle: Bundle, own: dict[str, Cell], system, metric: str):
    stored = dict(system.scores[metric])
    known = {trial: cell.value for trial, cell in own.items() if cell.value is not None}
    if known and isinstance(stored["average"].outcome, Scored):
        mean = emotion_mean([bundle.trials[trial] for trial in known], list(known.values()))
        stored["average"] = replace(stored["average"], outcome=Scored(mean))
    return stored


def judged(baseline: Bundle, candidate: Bundle) -> Decision:
    tolerances = read_tolerances(candidate, Allowed())
    return decide(compare(baseline, candidate, Options(tolerances=tolerances, inputs="rendered")))


def test_the_same_numbers_pass(baseline: Bundle) -> None:
    decision = judged(baseline, baseline)
    assert decision.passed, decision.headline
    assert decision.compared >= 20


@pytest.mark.parametrize("metric", ["identity-similarity", "mouth-correlation", "lse-c-at-zero"])
def test_a_worse_model_turns_it_red(baseline: Bundle, metric: str) -> None:
    worse = changed(baseline, metric, lambda system, _, v: v - 0.08 if system == MODEL else v)
    assert judged(baseline, worse).code == ExitCode.REGRESSION


@pytest.mark.parametrize("metric", ["mouth-distance", "landmark-distance"])
def test_a_worse_model_turns_it_red_where_less_is_better(baseline: Bundle, metric: str) -> None:
    worse = changed(baseline, metric, lambda system, _, v: 1.5 * v + 0.01 if system == MODEL else v)
    assert judged(baseline, worse).code == ExitCode.REGRESSION


@pytest.mark.parametrize("metric", ["identity-similarity", "ssim", "lse-d"])
def test_a_broken_metric_turns_it_red(baseline: Bundle, metric: str) -> None:
    broken = changed(baseline, metric, lambda _, __, v: 0.7 * v - 0.05)
    decision = judged(baseline, broken)
    assert decision.code in (ExitCode.REGRESSION, ExitCode.NOT_COMPARABLE)
    assert not decision.passed


@pytest.mark.parametrize("seed", range(5))
def test_another_machines_rounding_does_not(baseline: Bundle, seed: int) -> None:
    draw = np.random.default_rng(seed)
    moved = baseline
    for metric in (
        "identity-similarity",
        "mouth-correlation",
        "lse-d",
        "landmark-distance",
        "ssim",
        "flicker",
    ):
        moved = changed(moved, metric, lambda _, __, v: v * (1 + 1e-5 * draw.standard_normal()))
    decision = judged(baseline, moved)
    assert decision.passed, decision.headline


def test_the_committed_table_is_that_of_the_committed_rows() -> None:
    measured = Path(__file__).parents[2] / "leaderboards" / "measured"
    shown = CliRunner().invoke(main, ["table", str(measured / "demo"), "--format", "markdown"])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == (measured / "demo.md").read_text(encoding="utf8")

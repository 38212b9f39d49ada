"""The comparison: verdicts by hand, and what must not move them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfem_bench.errors import UsageError
from spfem_bench.judging.bundles import Bundle
from spfem_bench.judging.compare import Options, compare
from spfem_bench.judging.files import Allowed, read_tolerances
from spfem_bench.judging.gate import Policy, decide
from spfem_bench.judging.model import Comparison, Finding
from spfem_bench.judging.noise import Floor
from spfem_bench.judging.report import to_document, to_markdown, to_text
from spfem_bench.judging.tolerances import Tolerance, Tolerances, parse_tolerance, parse_tolerances
from spfem_bench.tables.model import Column
from spfem_metrics import Score, Scored
from tests.support.judged import bundle, column

TRIALS = [f"{s}-{e}-{i}" for s in "ABCDEFGH" for e in ("happy", "sad") for i in range(2)]
MIRROR = {"better": "worse", "worse": "better"}


def drawn(seed: int, shift: float = 0.0, metric: str = "x") -> dict[str, dict[str, float | None]]:
    """A metric's values on all trials: the same draw for one seed, shifted."""
    base = np.random.default_rng(seed).normal(size=len(TRIALS))
    return {metric: {trial: float(v + shift) for trial, v in zip(TRIALS, base, strict=True)}}


def of(values: Mapping[str, Mapping[str, float | None]], *columns: Column, **more: object) -> Bundle:
    return bundle({"m": values}, columns=columns or None, **more)  # type: ignore[arg-type]


def only(found: Comparison) -> Finding:
    (finding,) = found.findings
    return finding


def within(size: float) -> Options:
    return Options(tolerances=Tolerances(stated={"*": Tolerance(size)}))


@pytest.mark.parametrize(
    ("shift", "direction", "verdict"),
    [
        (0.3, "higher", "better"),
        (-0.3, "higher", "worse"),
        (0.3, "lower", "worse"),
        (-0.3, "lower", "better"),
        (0.1, "higher", "equivalent"),
        (-0.1, "higher", "equivalent"),
        (0.0, "higher", "equivalent"),
    ],
)
def test_a_verdict_follows_the_direction_and_the_tolerance(
    shift: float, direction: str, verdict: str
) -> None:
    made = column("x", direction)  # type: ignore[arg-type]
    found = only(compare(of(drawn(1), made), of(drawn(1, shift), made), within(0.2)))
    assert found.verdict == verdict
    assert found.change == pytest.approx(shift, abs=1e-12)


def test_the_score_is_the_mean_over_emotions_of_the_mean_over_trials() -> None:
    a = {"A-happy-0": 1.0, "A-happy-1": 2.0, "A-happy-2": 3.0, "A-sad-0": 10.0}
    b = {**a, "A-sad-0": 14.0}
    found = only(compare(of({"x": a}), of({"x": b})))
    assert (found.a, found.b, found.change) == (6.0, 8.0, 2.0)


def test_only_trials_scored_on_both_sides_are_compared() -> None:
    """Losing the worst trials must not look like getting better."""
    a: dict[str, float | None] = {"A-sad-0": 0.9, "A-sad-1": 0.8, "A-sad-2": 0.1}
    found = only(compare(of({"x": a}), of({"x": {**a, "A-sad-2": None}})))
    assert (found.a, found.b, found.verdict) == (pytest.approx(0.85), pytest.approx(0.85), "equivalent")
    assert found.counts.lost == 1


def test_a_ruined_trial_under_a_good_mean_is_named() -> None:
    a = drawn(2)["x"]
    b = {trial: (value or 0.0) + 0.1 for trial, value in a.items()}
    b["C-sad-1"] = (a["C-sad-1"] or 0.0) - 2.0
    found = only(compare(of({"x": a}), of({"x": b}), within(0.2)))
    assert (found.verdict, found.moved.worse, found.moved.worst) == ("inconclusive", 1, "C-sad-1")
    assert found.moved.worst_change == pytest.approx(-2.0)
    assert "C-sad-1" in found.why


def test_the_largest_allowance_counts_and_is_named() -> None:
    made = column("x")
    digest = made.signature.digest
    floor = Floor("x", made.signature.line, digest, "points", 0.25, 0.9, 0.1, 0.1, 32)
    every = Tolerances(
        {"x": Tolerance(0.1, relative=True)}, {"x": Tolerance(0.2)}, {digest: 0.15}, {digest: floor}
    )
    assert every.allowance("x", digest, -1.0).source == "calibrated noise floor"
    assert every.allowance("x", digest, -1.0).trial == 0.9
    assert replace(every, floors={}).allowance("x", digest, -1.0).source == "suite"
    assert replace(every, floors={}, suite={}).allowance("x", digest, -1.0).source == "certificate"
    assert replace(every, floors={}, suite={}, certified={}).allowance("x", digest, -1.0).size == 0.1
    assert every.allowance("y", "another", -1.0).source == "none stated"


def test_a_suites_own_tolerances_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.yaml").write_text("name: own\ntolerances: {x: 0.25, y: 5%}\n")
    monkeypatch.setattr(
        "spfem_bench.judging.files.config_path", lambda _kind, name: tmp_path / f"{name}.yaml"
    )
    there = of(drawn(1))
    own = replace(there, spec={**there.spec, "suite": {"name": "own"}})
    found = read_tolerances(own, Allowed(certificates=tmp_path))
    assert found.suite == {"x": Tolerance(0.25), "y": Tolerance(0.05, relative=True)}
    assert found.allowance("x", "", 1.0).source == "suite"


def test_an_unknown_suite_states_nothing(tmp_path: Path) -> None:
    assert read_tolerances(of(drawn(1)), Allowed(certificates=tmp_path)).suite == {}


@pytest.mark.parametrize(
    "text", ["", "-1", "nan", "inf", "1e999", "5 %%", "x", "0x1", "1.2.3", "%"], ids=repr
)
def test_a_tolerance_is_a_finite_size(text: str) -> None:
    with pytest.raises(UsageError, match="tolerance"):
        parse_tolerance(text)


def test_stated_tolerances_are_read_and_checked() -> None:
    assert parse_tolerances(["x=0.5", "*=2%"], ["x"]) == {
        "x": Tolerance(0.5),
        "*": Tolerance(0.02, relative=True),
    }
    with pytest.raises(UsageError, match="no metric 'y'"):
        parse_tolerances(["y=1"], ["x"])
    with pytest.raises(UsageError, match="twice"):
        parse_tolerances(["x=1", "x=2"], ["x"])


def test_a_set_metric_is_compared_on_equal_sets_only() -> None:
    made = column("x", "lower", of_sets=True)
    a, b = of(drawn(3), made), of(drawn(3, 1.0), made)
    assert only(compare(a, b)).verdict == "worse"
    lost = drawn(3, 1.0)["x"] | {TRIALS[0]: None}
    found = only(compare(a, of({"x": lost}, made)))
    assert (found.verdict, "belongs to its clips" in found.why) == ("not comparable", True)
    grown = {t: replace(c, matrix_rows=8) for t, c in b.cells["m", "x"].items()}
    reals = {"r": replace(a.trials[TRIALS[0]], id="r")}
    row = {"r": replace(grown[TRIALS[0]], matrix_rows=99)}
    unequal = [
        replace(x, reals=reals, cells={("m", "x"): own, ("real", "x"): row})
        for x, own in ((a, {t: replace(c, matrix_rows=9) for t, c in grown.items()}), (b, grown))
    ]
    found = only(compare(unequal[0], unequal[1]))
    assert "moves with n, and n differs (happy: 99 against 99" not in found.why
    assert found.sets == {"happy": (99, 99), "sad": (0, 0)}
    small = [
        replace(x, cells={**x.cells, ("real", "x"): {"r": replace(row["r"], matrix_rows=999)}})
        for x in unequal
    ]
    found = only(compare(small[0], small[1]))
    assert "n differs (happy: 144 against 128 vectors a side)" in found.why
    assert found.verdict == "not comparable"


def test_a_score_that_is_no_mean_is_compared_as_its_metric_makes_it() -> None:
    """A median, say: the stored scores decide, and a reader is told."""
    a, b = of(drawn(3)), of(drawn(3, 1.0))
    stored = Score(Scored(7.5), len(TRIALS), len(TRIALS))
    system = replace(b.board.systems[0], scores={"x": {"average": stored}})
    other = replace(b, board=replace(b.board, systems=[system]))
    found = only(compare(a, other))
    assert found.b == 7.5
    assert found.change == 7.5 - (found.a or 0)
    assert any("as stored" in note for note in found.notes)
    assert only(compare(a, b)).notes == ()


def test_a_metric_without_values_of_its_trials_is_compared_by_its_score() -> None:
    """Sums and counts, reduced together: there is a score, and no difference of a single trial."""
    sides = []
    for shift in (0.0, 1.0):
        made = of(drawn(3, shift))
        cells = {trial: replace(cell, value=None) for trial, cell in made.cells["m", "x"].items()}
        sides.append(replace(made, cells={("m", "x"): cells}))
    found = only(compare(sides[0], sides[1]))
    assert (found.verdict, found.change) == ("better", pytest.approx(1.0))
    assert only(compare(sides[0], sides[1], Options(mode="superiority"))).verdict == "inconclusive"


def test_what_the_baseline_never_scored_cannot_be_lost() -> None:
    """As every metric of true pairs on a protocol without them: nothing to compare, and no reason to fail."""
    none: dict[str, float | None] = dict.fromkeys(TRIALS)
    a, b = of({**drawn(4), "psnr": none}), of({**drawn(4), "psnr": none})
    decision = decide(compare(a, b))
    assert (decision.passed, decision.compared) == (True, 1)
    assert decide(compare(a, b, Options(metrics=["psnr"]))).code == 4


def test_a_bound_that_moves_takes_its_metric_out() -> None:
    a = bundle({"m": drawn(5), "copy-source": drawn(6)}, bounds=("copy-source",))
    b = bundle({"m": drawn(5, -1), "copy-source": drawn(6, 0.5)}, bounds=("copy-source",))
    found = compare(a, b)
    assert {f.verdict for f in found.findings} == {"not comparable"}
    assert decide(found).code == 4
    assert compare(a, b, within(0.6)).models[0].verdict == "worse"
    other_seed = replace(b, spec={**b.spec, "asked": {**b.spec["asked"], "seed": 1}})
    assert compare(a, other_seed).models[0].verdict == "worse"


def test_lost_trials_fail_before_they_flatter() -> None:
    a = of(drawn(7))
    half = {t: v if i % 2 else None for i, (t, v) in enumerate(drawn(7, 1.0)["x"].items())}
    found = compare(a, of({"x": half}))
    assert only(found).verdict == "better"
    assert decide(found).code == 5
    assert decide(found, Policy(max_lost=0.5)).passed


def test_a_regression_weighs_more_than_what_is_missing() -> None:
    a = of({**drawn(8), **drawn(9, metric="y")})
    b = of({"x": {**drawn(8, -1.0)["x"], TRIALS[0]: None}})
    decision = decide(compare(a, b))
    assert [int(fault.code) for fault in decision.faults] == [5, 3, 4]
    assert int(decision.code) == 3
    assert "(and 2 more)" in decision.headline


def test_a_claim_is_required() -> None:
    a, b = of(drawn(10)), of(drawn(10, 0.1))
    assert decide(compare(a, b, within(0.2)), Policy(require=["x"])).code == 3
    assert decide(compare(a, b, within(0.05)), Policy(require=["x"])).passed
    with pytest.raises(UsageError, match="no such metric"):
        decide(compare(a, b), Policy(require=["z"]))


def test_superiority_is_corrected_over_the_table() -> None:
    """One of many metrics that differ by luck is no finding once all are counted."""
    noise = {f"x{k}": drawn(100 + k, metric=f"x{k}")[f"x{k}"] for k in range(12)}
    other = {f"x{k}": drawn(200 + k, metric=f"x{k}")[f"x{k}"] for k in range(12)}
    a, b = of(noise), of(other)
    table = compare(a, b, Options(mode="superiority", question="any-actors"))
    assert {f.verdict for f in table.findings} == {"inconclusive"}
    for finding in table.findings:
        alone = only(compare(a, b, Options(mode="superiority", metrics=[finding.metric])))
        assert finding.inference is not None
        assert alone.inference is not None
        assert finding.inference.p == alone.inference.p == alone.inference.adjusted
        assert (finding.inference.adjusted or 0) >= (alone.inference.adjusted or 0)


def test_superiority_finds_a_large_difference_and_regression_needs_no_people() -> None:
    rng = np.random.default_rng(0)
    shifted = {t: (v or 0.0) + 3 + rng.normal(0, 0.3) for t, v in drawn(11)["x"].items()}
    a, b = of(drawn(11)), of({"x": shifted})
    assert only(compare(a, b, Options(mode="superiority"))).verdict == "better"
    lone = [{"x": {t: v for t, v in own.items() if t.startswith("A")}} for own in (drawn(11)["x"], shifted)]
    assert only(compare(of(lone[0]), of(lone[1]), Options(mode="superiority"))).verdict == "inconclusive"
    assert only(compare(of(lone[0]), of(lone[1]))).verdict == "better"


# ------------------------------------------------------------------------------------------- metamorphic

VALUES = st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=len(TRIALS), max_size=len(TRIALS))
MODES = st.sampled_from([Options(), within(0.5)])


def told(found: Comparison, *models: str) -> list[dict[str, object]]:
    """The findings on these models' metrics as plain values, without the systems' names."""
    findings = to_document(found)["findings"]
    names = {"system", "system_baseline", "system_candidate"}
    kept = [f for f in findings if not models or f["system_baseline"] in models]
    return [{key: value for key, value in f.items() if key not in names} for f in kept]


def named(values: list[float | None]) -> dict[str, dict[str, float | None]]:
    return {"x": dict(zip(TRIALS, values, strict=True))}


@given(one=VALUES, two=VALUES, options=MODES, seed=st.integers(0, 99))
def test_the_order_of_rows_moves_nothing(
    one: list[float | None], two: list[float | None], options: Options, seed: int
) -> None:
    def shuffled(values: list[float | None]) -> Bundle:
        order = np.random.default_rng(seed).permutation(len(TRIALS))
        return of({"x": {TRIALS[i]: values[i] for i in order}})

    found = compare(of(named(one)), of(named(two)), options)
    assert told(compare(shuffled(one), shuffled(two), options)) == told(found)


@given(one=VALUES, two=VALUES, options=MODES)
def test_swapping_the_sides_mirrors_the_verdict(
    one: list[float | None], two: list[float | None], options: Options
) -> None:
    a, b = of(named(one)), of(named(two))
    there, back = only(compare(a, b, options)), only(compare(b, a, options))
    assert (there.a, there.b) == (back.b, back.a)
    assert (there.change or 0) == -(back.change or 0)
    assert (there.counts.lost, there.counts.gained) == (back.counts.gained, back.counts.lost)
    if there.verdict in MIRROR:
        assert back.verdict == MIRROR[there.verdict]
    else:
        assert back.verdict not in MIRROR


@given(one=VALUES, two=VALUES, options=MODES)
def test_further_models_and_other_names_move_nothing(
    one: list[float | None], two: list[float | None], options: Options
) -> None:
    found = told(compare(of(named(one)), of(named(two)), options))
    wider = [bundle({"m": named(v), "k": drawn(1)}) for v in (one, two)]
    assert told(compare(*wider, options), "m") == found
    renamed = [bundle({f"model {i}": named(v)}, name=f"folder {i}") for i, v in enumerate((one, two))]
    assert told(compare(*renamed, options)) == found


def test_superiority_too_is_blind_to_order_names_and_sides() -> None:
    asked = Options(mode="superiority", question="any-actors")
    a, b = of(drawn(20)), of(drawn(21, 0.4))
    found = compare(a, b, asked)
    back = [of({"x": dict(reversed(drawn(*x)["x"].items()))}) for x in ((20,), (21, 0.4))]
    assert told(compare(*back, asked)) == told(found)
    renamed = [bundle({f"m{i}": drawn(*x)}) for i, x in enumerate(((20,), (21, 0.4)))]
    assert told(compare(*renamed, asked)) == told(found)
    wide = only(compare(of(drawn(20)), of(drawn(20, 2.0)), asked)).verdict
    assert only(compare(of(drawn(20, 2.0)), of(drawn(20)), asked)).verdict == MIRROR.get(wide, wide)


def test_every_form_of_the_report_carries_numbers_verdicts_and_definitions() -> None:
    a, b = of({**drawn(30), **drawn(31, metric="y")}), of({**drawn(30, -1.0), **drawn(31, metric="y")})
    for mode in (Options(), Options(mode="superiority")):
        found = compare(a, b, mode)
        decision = decide(found)
        for text in (to_text(found, decision), to_markdown(found, decision)):
            assert decision.headline.split(":")[0] in text
            assert "x|v1|miss:exclude" in text
            assert "y|v1|miss:exclude" in text
            assert found.findings[0].verdict in text
    document = to_document(compare(a, b), decide(compare(a, b)))
    assert document["gate"]["exit_code"] == 3
    assert [f["verdict"] for f in document["findings"]] == ["worse", "equivalent"]

"""The strict join: what belongs together, what does not, and that nothing is dropped silently."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from spfem_bench.errors import NotComparableError, UsageError
from spfem_bench.judging.bundles import Bundle
from spfem_bench.judging.join import join_trials, pair_rows, pair_systems, refuse_foreign, set_sizes
from spfem_bench.judging.model import Pair
from spfem_bench.stages.rows import REAL
from tests.support.judged import bundle, planned

FOUR = {"A-happy-0": 1.0, "A-sad-0": 2.0, "B-happy-0": 3.0, "B-sad-0": 4.0}


def of(values: dict[str, float | None], **more: object) -> Bundle:
    return bundle({"m": {"x": values}}, **more)  # type: ignore[arg-type]


def test_trials_join_by_id_and_by_the_bytes_of_their_clips() -> None:
    changed = {trial: planned(trial, "!" if trial == "A-sad-0" else "") for trial in FOUR}
    fewer = {trial: line for trial, line in changed.items() if trial != "B-sad-0"}
    fewer["C-sad-0"] = planned("C-sad-0")
    found = join_trials(of(FOUR), of(dict.fromkeys(fewer, 1.0), trials=fewer))
    assert found.matched == ["A-happy-0", "B-happy-0"]
    assert (found.only_a, found.only_b, found.changed) == (["B-sad-0"], ["C-sad-0"], ["A-sad-0"])


@pytest.mark.parametrize("label", ["speaker", "emotion", "text"])
def test_a_trial_relabelled_is_another_trial(label: str) -> None:
    other = {t: replace(planned(t), **{label: "other"}) if t == "A-sad-0" else planned(t) for t in FOUR}
    assert join_trials(of(FOUR), of(FOUR, trials=other)).changed == ["A-sad-0"]


def test_no_common_trial_is_refused_with_the_reason() -> None:
    swapped = {trial: planned(trial, "!") for trial in FOUR}
    with pytest.raises(NotComparableError, match=r"no trial in common \(all 4 of the same id are of other"):
        join_trials(of(FOUR), of(FOUR, trials=swapped))
    with pytest.raises(NotComparableError, match="their ids all differ"):
        join_trials(of(FOUR), of({"C-sad-9": 1.0}))


@pytest.mark.parametrize("part", ["dataset", "protocol"])
def test_other_ground_is_refused(part: str) -> None:
    there = of(FOUR)
    here = replace(there, spec={**there.spec, part: {"name": "another", "digest": "f" * 64}})
    with pytest.raises(NotComparableError, match=f"different {part}s"):
        refuse_foreign(here, there)


def test_a_stamp_on_either_side_is_refused() -> None:
    there = of(FOUR)
    stamped = replace(there, board=replace(there.board, footer=["weights: random, NOT A RESULT"]))
    for sides in ((stamped, there), (there, stamped)):
        with pytest.raises(NotComparableError, match="stamped 'weights: random"):
            refuse_foreign(*sides)


def test_every_trial_is_counted_once_whatever_came_of_it() -> None:
    before = {**FOUR, "A-happy-0": None, "A-sad-0": None, "D-sad-0": 1.0}
    after = {**FOUR, "A-happy-0": None, "B-sad-0": None, "E-sad-0": 1.0}
    one, two = of(before), of(after)
    counts = pair_rows(one, two, Pair("m", "m", "model"), "x", join_trials(one, two)).counts
    assert (counts.both, counts.lost, counts.gained, counts.neither) == (1, 2, 2, 1)
    assert (counts.unscored_a, counts.unscored_b) == (2, 2)
    assert counts.lost_share == pytest.approx(2 / 3)


def test_models_pair_by_name_alone_or_as_told() -> None:
    two = bundle({"m": {"x": FOUR}, "k": {"x": FOUR}, "noise": {"x": FOUR}}, bounds=("noise",))
    one = bundle({"n": {"x": FOUR}, "noise": {"x": FOUR}}, bounds=("noise",))
    by_name = pair_systems(two, two, {})
    assert [(p.a, p.b, p.role) for p in by_name] == [
        ("m", "m", "model"),
        ("k", "k", "model"),
        ("noise", "noise", "bound"),
    ]
    assert pair_systems(one, bundle({"m": {"x": FOUR}}), {})[0].name == "n -> m"
    assert [p.name for p in pair_systems(two, one, {"k": "n"})] == ["k -> n", "noise"]
    with pytest.raises(NotComparableError, match=re.escape("no model in common (m, k and n)")):
        pair_systems(two, one, {})
    with pytest.raises(UsageError, match="no system 'z'"):
        pair_systems(two, one, {"k": "z"})


def test_n_of_a_set_metric_is_the_smaller_side_of_each_emotion() -> None:
    there = of(FOUR)
    made = {t: replace(c, value=None, matrix_rows=8) for t, c in there.cells["m", "x"].items()}
    real = {f"r{i}": replace(made["A-sad-0"], matrix_rows=5) for i in range(3)}
    plans = {name: replace(planned("A-sad-0"), id=name) for name in real}
    full = replace(there, cells={("m", "x"): made, (REAL, "x"): real}, reals=plans)
    assert set_sizes(full, "m", "x") == {"happy": 0, "sad": 15}

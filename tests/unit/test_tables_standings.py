"""Ranks in tables: which models share a letter, in every format, and what may take part."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spfem_bench.errors import IntegrityError, UsageError
from spfem_bench.stages.rows import MetricRow, write_rows
from spfem_bench.tables import Leaderboard, SystemRow, chosen, merge, ranked, render, with_values
from spfem_bench.tables.model import Place, TrialValue
from spfem_bench.tables.notes import tie_letters
from spfem_metrics import Reading, Row, TrialFacts, Unscored

from .test_tables_render import column, score, system

SPEAKERS = 12
CLIPS = 4


def measured(name: str, level: float, seed: int, scored: int = 10, role: str = "model") -> SystemRow:
    """A system whose trials lie closely round a level: 12 speakers with 4 clips each."""
    rng = np.random.default_rng(seed)
    values = [
        TrialValue(f"s{s:02}-{c}", f"s{s:02}", level + float(rng.normal(0, 0.01)))
        for s in range(SPEAKERS)
        for c in range(CLIPS)
    ]
    return replace(system(name, role, cos=score(level, scored=scored)), values={"cos": values})


def board(*systems: SystemRow) -> Leaderboard:
    return Leaderboard("t", ["happy"], [column("cos", "Cos")], systems)


@pytest.fixture
def three() -> Leaderboard:
    """Two models that differ by less than their noise, and one far below."""
    return board(measured("far", 0.2, 3), measured("near", 0.800, 1), measured("like", 0.8001, 2))


def letters(leaderboard: Leaderboard) -> dict[str, str]:
    places = leaderboard.standings["cos"].places
    return {name: tie_letters(place) for name, place in places.items()}


def test_models_that_cannot_be_told_apart_share_a_letter_and_their_ranks(three: Leaderboard) -> None:
    found = ranked(three)
    shown = letters(found)
    assert shown["near"] == shown["like"] == "A"
    assert shown["far"] == "B"
    places = found.standings["cos"].places
    assert [(places[n].low, places[n].high) for n in ("near", "like", "far")] == [(1, 2), (1, 2), (3, 3)]


@pytest.mark.parametrize("question", ["any-actors", "these-actors"])
def test_the_note_says_on_whom_it_holds(three: Leaderboard, question: str) -> None:
    drawn = render(ranked(three, question))  # type: ignore[arg-type] - one of the two
    assert "models that share a capital letter are not told apart" in drawn
    assert question.replace("-", " ") in drawn


def test_every_format_shows_the_groups(three: Leaderboard) -> None:
    found = ranked(three)
    assert "0.200 B" in render(found)
    assert "<u>0.800</u>" not in render(found, "markdown")  # both are printed 0.800, so both are best
    assert "**0.800**<sup>A</sup>" in render(found, "markdown")
    assert r"$\mathbf{0.800}^{\mathrm{A}}$" in render(found, "latex")
    rows = {(r["system"], r["emotion"]): r for r in csv.DictReader(io.StringIO(render(found, "csv")))}
    far = rows["far", "average"]
    assert (far["rank_low"], far["rank_high"], far["ties"]) == ("3", "3", "B")
    assert rows["far", "happy"]["ties"] == ""
    document = json.loads(render(found, "json"))
    assert document["standings"]["cos"]["places"]["far"] == {"low": 3, "high": 3, "ties": [1]}


def test_a_table_nobody_asked_to_rank_has_no_letters(three: Leaderboard) -> None:
    plain = render(three)
    assert "capital letter" not in plain
    assert "not ranked" not in plain


def test_order_of_systems_and_of_trials_and_a_bound_change_no_place(three: Leaderboard) -> None:
    expected = ranked(three).standings["cos"].places
    turned = [
        replace(row, values={"cos": tuple(reversed(row.values["cos"]))}) for row in reversed(three.systems)
    ]
    assert ranked(replace(three, systems=turned)).standings["cos"].places == expected
    bound = measured("copy-source", 0.99, 9, role="bound")
    assert ranked(replace(three, systems=[*three.systems, bound])).standings["cos"].places == expected


def test_a_model_with_little_coverage_and_a_lone_model_are_not_ranked(three: Leaderboard) -> None:
    few = measured("few", 0.5, 4, scored=5)
    found = ranked(replace(three, systems=[*three.systems, few]))
    assert "few" not in found.standings["cos"].places
    assert not ranked(board(measured("alone", 0.5, 1), few)).standings


def test_columns_without_values_per_trial_say_why(three: Leaderboard) -> None:
    sets = column("set", "Set")
    sets = replace(sets, info=replace(sets.info, of_sets=True))
    drawn = render(ranked(replace(three, columns=[*three.columns, sets, column("late", "Late")])))
    assert "not ranked: a set has one value: Set" in drawn
    assert "not ranked: fewer than two models are to be compared: Late" in drawn


def test_too_few_speakers_to_tell_anything_is_said(three: Leaderboard) -> None:
    def less(values: Sequence[TrialValue]) -> list[TrialValue]:
        return [value for value in values if value.speaker in {"s00", "s01", "s02"}]

    few = [replace(row, values={"cos": less(row.values["cos"])}) for row in three.systems]
    found = ranked(replace(three, systems=few))
    assert set(letters(found).values()) == {"A"}
    assert "3 speakers allow no p under" in render(found)


def test_values_follow_their_metric_through_a_merge_side_by_side(three: Leaderboard) -> None:
    other = replace(three, columns=[column("cos", "Cos", net="b2")], title="u")
    merged = ranked(merge([three, other], side_by_side=True))
    names = [c.info.name for c in merged.columns]
    assert [set(merged.standings[name].places) for name in names] == [
        {"far", "near", "like"},
        {"far (2)", "near (2)", "like (2)"},
    ]


def test_models_of_two_bundles_are_compared_on_the_same_trials(three: Leaderboard) -> None:
    merged = ranked(merge([board(three.systems[0]), replace(board(three.systems[1]), title="u")]))
    assert letters(merged) == {"near": "A", "far": "B"}


def test_chosen_columns_come_in_the_order_asked_for(three: Leaderboard) -> None:
    wide = replace(three, columns=[*three.columns, column("dist", "Dist")])
    found = chosen(wide, ["dist", "cos", "dist"])
    assert [c.info.name for c in found.columns] == ["dist", "cos"]
    assert render(chosen(wide, []), "json") == render(wide, "json")
    only = chosen(wide, ["dist"])
    assert not any(row.scores or row.values for row in only.systems)
    with pytest.raises(UsageError, match=r"no metric 'coss'\. Did you mean 'cos'\?"):
        chosen(wide, ["coss"])


def test_letters_go_on_after_z() -> None:
    assert tie_letters(Place(1, 3, (0, 1, 25))) == "ABZ"
    assert tie_letters(Place(1, 3, (26,))) == "A2"


def _rows(name: str) -> list[MetricRow]:
    facts = [TrialFacts(f"t{i}", f"p{i % 2}", "happy", "generated") for i in range(3)]
    outcomes = [Reading(0.25), Reading(None, {}, np.zeros((2, 3), np.float32)), Unscored("no face")]
    real = MetricRow("real", "cos", Row(TrialFacts("r0", "p0", "happy", "real"), Reading(0.5)))
    return [real, *(MetricRow(name, "cos", Row(f, o)) for f, o in zip(facts, outcomes, strict=True))]


def test_values_are_those_of_scored_trials_in_the_rows(tmp_path: Path) -> None:
    write_rows(tmp_path, _rows("m"))
    found = with_values(board(system("m", cos=score(0.25))), tmp_path)
    assert found.systems[0].values == {"cos": [TrialValue("t0", "p0", 0.25)]}


def test_rows_that_are_not_there_or_damaged_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no rows\.parquet, which ranks need: pass --ranks none"):
        with_values(board(), tmp_path)
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(IntegrityError, match=r"rows\.parquet cannot be read"):
        with_values(board(), tmp_path)

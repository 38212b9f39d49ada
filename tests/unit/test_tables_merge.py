"""Several leaderboards as one: refused across definitions, trials and emotions; models never confused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spfem_bench.errors import NotComparableError, UsageError
from spfem_bench.tables import Leaderboard, merge, render
from spfem_bench.tables.merge import difference

from .test_tables_render import column, score, system


def board(title: str, net: str = "a1", model: str = "m", cos: float = 0.4, bound: float = 1.0) -> Leaderboard:
    rows = [system(model, cos=score(cos)), system("copy-source", "bound", cos=score(bound))]
    return Leaderboard(
        title, ["happy"], [column("cos", "Cos", net=net)], rows, ["rule"], {"cos": {"no face": 1}}
    )


def test_equal_bounds_are_listed_once_and_models_side_by_side() -> None:
    merged = merge([board("A"), board("B", model="n", cos=0.5)])
    assert [row.name for row in merged.systems] == ["m", "copy-source", "n"]
    assert merged.title == "A + B"
    assert merged.footer == ["rule"]
    assert merged.reasons == {"cos": {"no face": 2}}


def test_models_of_one_name_are_never_taken_for_each_other() -> None:
    merged = merge([board("A"), board("B"), board("C")])
    assert [row.name for row in merged.systems] == ["m", "copy-source", "m (2)", "m (3)"]


def test_a_bound_that_scores_otherwise_is_kept_apart() -> None:
    merged = merge([board("A"), board("B", bound=0.9)])
    assert [row.name for row in merged.systems] == ["m", "copy-source", "m (2)", "copy-source (2)"]


def test_two_definitions_are_refused_with_both_lines_and_their_difference() -> None:
    with pytest.raises(NotComparableError) as caught:
        merge([board("A"), board("B", net="b2")])
    message = str(caught.value)
    assert "cos|v1|net:a1|miss:exclude against cos|v1|net:b2|miss:exclude" in message
    assert "differ in net:a1 against net:b2" in message
    assert "--side-by-side" in message
    assert caught.value.exit_code == 4


def test_side_by_side_gives_each_definition_its_own_column_and_ranks_neither_across() -> None:
    merged = merge([board("A", cos=0.1), board("B", net="b2", model="n", cos=0.9)], side_by_side=True)
    assert [c.signature.choices["net"] for c in merged.columns] == ["a1", "b2"]
    assert len({c.info.name for c in merged.columns}) == 2
    bounds = [row for row in merged.systems if row.role == "bound"]
    assert [len(row.scores) for row in bounds] == [2]
    drawn = render(merged, "markdown")
    assert "**" not in drawn
    assert r"Cos ↑ \[a\]" in drawn
    assert r"Cos ↑ \[b\]" in drawn


def test_other_trials_and_other_emotions_are_refused_even_side_by_side() -> None:
    first, second = replace(board("A"), trials_digest="a" * 64), replace(board("B"), trials_digest="b" * 64)
    with pytest.raises(NotComparableError, match="other trials"):
        merge([first, second], side_by_side=True)
    with pytest.raises(NotComparableError, match="other emotions: happy against happy, sad"):
        merge([board("A"), replace(board("B"), emotions=["happy", "sad"])])


def test_one_leaderboard_is_itself_and_none_is_an_error() -> None:
    assert render(merge([board("A")])) == render(board("A"))
    with pytest.raises(UsageError):
        merge([])


def test_difference_names_missing_choices_and_versions() -> None:
    assert difference("m|v1|net:a", "m|v2|net:a|n:5") == "v1 against v2, nothing against n:5"

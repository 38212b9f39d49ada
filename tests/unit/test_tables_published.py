"""Published tables beside measured ones: apart, unranked, with source and definitions."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from typing import Any

import pytest

from spfem_bench.errors import BenchError
from spfem_bench.reported import list_tables, load_table
from spfem_bench.tables import FORMATS, Leaderboard, Published, published_from, render
from spfem_bench.tables.model import PublishedColumn, PublishedRow

from .test_tables_render import column, score, system

TABLE = Published(
    name="work-2026/cross",
    source="Work, Table 2",
    decimals=2,
    emotions=["happy", "sad"],
    columns=[
        PublishedColumn("CSIM", "higher", "csim-expr/masked"),
        PublishedColumn("FAD", "lower", "unknown"),
    ],
    rows=[
        PublishedRow("NED_x", {"CSIM": {"happy": 0.8, "sad": 0.7, "average": 0.75}, "FAD": {"average": 4.0}}),
        PublishedRow("best|ever", {"CSIM": {"happy": 0.9}}),
    ],
    notes=["NED_x, FAD: printed average 4.00, mean of its cells 3.00"],
)

TEXT = """
work-2026/cross (reported, not measured here)
System       CSIM ↑    FAD ↓
---------  --------  -------
NED_x          0.75     4.00
best|ever         \u2013        \u2013
source: Work, Table 2
definitions: CSIM: csim-expr/masked; FAD: unknown
NED_x, FAD: printed average 4.00, mean of its cells 3.00
"""


@pytest.fixture
def board() -> Leaderboard:
    return Leaderboard(
        "t", ["happy"], [column("cos", "Cos")], [system("m", cos=score(0.5))], published=[TABLE]
    )


def test_it_stands_below_everything_measured_with_source_and_definitions(board: Leaderboard) -> None:
    assert render(board).endswith(TEXT)
    assert render(replace(board, published=[])) == render(board).removesuffix(TEXT)


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_no_published_number_is_marked_or_ranked(board: Leaderboard, form: Any) -> None:
    below = render(board, form).partition("work-2026")[2]
    for mark in ("**", "<u>", r"\mathbf", r"\underline", "<sup>", r"\mathrm"):
        assert mark not in below


def test_markdown_and_latex_escape_what_was_printed(board: Leaderboard) -> None:
    assert r"best\|ever" in render(board, "markdown")
    assert r"best\textbar{}ever" in render(board, "latex")
    assert r"NED\_x & 0.75 & 4.00 \\" in render(board, "latex")


def test_per_emotion_is_one_grid_per_metric_and_one_set_of_notes(board: Leaderboard) -> None:
    drawn = render(board, "text", "per-emotion")
    assert "work-2026/cross: CSIM (reported, not measured here)" in drawn
    assert ["NED_x", "0.80", "0.70", "0.75"] in [line.split() for line in drawn.splitlines()]
    assert drawn.count("source: Work, Table 2") == 1


def test_csv_and_json_name_the_definition_of_every_published_number(board: Leaderboard) -> None:
    rows = [r for r in csv.DictReader(io.StringIO(render(board, "csv"))) if r["role"] == "reported"]
    assert [(r["system"], r["metric"], r["emotion"], r["value"]) for r in rows] == [
        ("NED_x", "CSIM", "happy", "0.8"),
        ("NED_x", "CSIM", "sad", "0.7"),
        ("NED_x", "CSIM", "average", "0.75"),
        ("NED_x", "FAD", "average", "4"),
        ("best|ever", "CSIM", "happy", "0.9"),
    ]
    assert {(r["signature"], r["reason"]) for r in rows} == {
        ("csim-expr/masked", "work-2026/cross"),
        ("unknown", "work-2026/cross"),
    }
    document = json.loads(render(board, "json"))
    assert document["published"][0]["rows"][0]["cells"]["FAD"] == {"average": 4.0}


@pytest.mark.parametrize("form", FORMATS)
def test_a_number_that_is_not_finite_is_refused(board: Leaderboard, form: Any) -> None:
    broken = replace(TABLE, rows=[PublishedRow("x", {"CSIM": {"happy": math.nan}})])
    with pytest.raises(BenchError, match="CSIM, happy: nan is not finite"):
        render(replace(board, published=[broken]), form)
    with pytest.raises(BenchError, match="published table work-2026/cross stands twice"):
        render(replace(board, published=[TABLE, TABLE]), form)


@pytest.mark.parametrize("name", list_tables())
def test_every_table_that_ships_is_drawn_as_printed(board: Leaderboard, name: str) -> None:
    table = load_table(name)
    drawn = render(replace(board, published=[published_from(table)]))
    for row in table.rows:
        if row.average is not None:
            line = next(text for text in drawn.splitlines() if text.split()[:1] == row.method.split()[:1])
            assert f"{row.average:.{table.decimals}f}" in line
    for metric in table.metrics:
        assert metric.definition in drawn

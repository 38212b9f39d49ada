"""Published numbers: as printed, with their source and definition, never ranked across tables."""

from __future__ import annotations

import copy
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.errors import IntegrityError, NotComparableError, UsageError
from spfem_bench.reported import (
    Reported,
    contradictions,
    disagreements,
    list_tables,
    load_table,
    require_one_table,
)
from spfem_bench.reported.importing import import_rows, write_tables
from spfem_bench.reported.tables import from_plain
from spfem_bench.resources import reported_dir

STCCL = "stccl-2026/mead-cross"
SEVEN = ["neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised"]


@pytest.fixture(scope="module")
def tables() -> list[Reported]:
    return [load_table(name) for name in list_tables()]


def plain(name: str = STCCL) -> dict[str, Any]:
    return dict(json.loads((reported_dir() / f"{name}.json").read_text()))


def test_every_published_row_is_here_with_source_and_definition(tables: list[Reported]) -> None:
    assert sum(len(table.rows) for table in tables) == 114
    for table in tables:
        assert table.emotions == SEVEN
        assert table.source["repository"]
        assert table.source["commit"]
        assert {metric.name: metric.direction for metric in table.metrics} == {
            "FAD": "lower",
            "LSE-D": "lower",
            "CSIM": "higher",
        }
        for row in table.rows:
            assert len(row.cells) == 7
            assert row.average is not None


def test_definitions_are_those_of_the_groups_scripts_and_unknown_where_nobody_says(
    tables: list[Reported],
) -> None:
    found = {(t.table.split("/")[0], m.name): (m.definition, m.certainty) for t in tables for m in t.metrics}
    assert found["stccl-2026", "FAD"] == ("fad-arcface18-gray/masked", "inferred")
    assert found["cdrl-2025-logs", "CSIM"] == ("csim-expr/masked", "code")
    assert found["stccl-2026", "LSE-D"] == ("lse-d-ned30/unstated", "inferred")
    assert {found["scmcl", metric] for metric in ("FAD", "LSE-D", "CSIM")} == {("unknown", "unknown")}


def test_known_cells_are_as_printed() -> None:
    """Spot checks against the printed tables' NED rows."""
    rows = {(row.method, row.metric): row for row in load_table(STCCL).rows}
    assert rows["NED", "FAD"].average == 4.448
    assert list(rows["NED", "FAD"].cells.values()) == [2.022, 4.851, 5.094, 4.983, 3.919, 5.665, 4.6]
    assert rows["NED+STCCL_CM", "CSIM"].cells["sad"] == 0.797
    rows = {(r.method, r.metric): r for r in load_table("stccl-2026/ravdess-intra").rows}
    assert rows["NED", "LSE-D"].average == 7.562


def test_five_printed_averages_contradict_their_cells(tables: list[Reported]) -> None:
    found = {(t.table, c.row.method, c.row.metric): c for t in tables for c in contradictions(t)}
    assert set(found) == {
        ("stccl-2026/mead-intra", "ICface", "FAD"),
        ("stccl-2026/mead-cross", "ICface", "LSE-D"),
        ("cdrl-2025-logs/mead-cross", "NED+CCRL(content only)", "FAD"),
        ("scmcl/mead-cross", "ICface+SCMCL", "LSE-D"),
        ("scmcl/mead-cross", "NED+SCMCL", "LSE-D"),
    }
    slip = found["stccl-2026/mead-intra", "ICface", "FAD"]
    assert slip.mean == pytest.approx(46.565 / 7)
    assert "one cell 1 higher would mend it" in slip.sentence(3)
    assert "would mend" not in found["scmcl/mead-cross", "NED+SCMCL", "LSE-D"].sentence(3)


def test_rounding_alone_is_no_contradiction() -> None:
    """Cells .0005 off all one way and the average .0005 off the other: the most that rounding can do."""
    table = plain()
    cells = dict.fromkeys(SEVEN, 1.0)
    for average, contradicted in ((1.001, 0), (0.999, 0), (1.002, 1), (0.998, 1)):
        table["rows"] = [{"method": "m", "metric": "FAD", "cells": cells, "average": average}]
        assert len(contradictions(from_plain(table, "t"))) == contradicted


def test_all_other_averages_agree_with_their_cells(tables: list[Reported]) -> None:
    off = [
        abs(math.fsum(row.cells.values()) / 7 - row.average)
        for table in tables
        for row in table.rows
        if row.average is not None and row not in [c.row for c in contradictions(table)]
    ]
    assert len(off) == 109
    assert max(off) <= 0.001 + 1e-9


def test_the_same_baselines_differ_between_works(tables: list[Reported]) -> None:
    found = disagreements(tables)
    assert {(pair.method, pair.metric) for pair in found} >= {
        ("NED", "FAD"),
        ("NED", "CSIM"),
        ("ICface", "FAD"),
    }
    assert {table.split("/")[1] for pair in found for table, _ in (pair.first, pair.second)} == {
        "mead-cross",
        "mead-intra",
    }
    assert any(
        pair.sentence == "NED's FAD is 2.603 in scmcl/mead-cross and 4.448 in stccl-2026/mead-cross"
        for pair in found
    )
    # ICface's CSIM is the one row that both works share
    assert ("ICface", "CSIM") not in {(pair.method, pair.metric) for pair in found}


def test_tables_are_never_ranked_together(tables: list[Reported]) -> None:
    one = load_table(STCCL)
    assert require_one_table([one, one]) is one
    with pytest.raises(NotComparableError, match="never ranked together"):
        require_one_table(tables)
    with pytest.raises(UsageError):
        require_one_table([])


def test_an_unknown_table_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="Did you mean 'stccl-2026/mead-cross'"):
        load_table("stccl-2026/mead-cros")
    with pytest.raises(UsageError, match="there is no published table"):
        load_table("../../etc/passwd")


@pytest.mark.parametrize(
    "harm",
    [
        lambda table: table.pop("source"),
        lambda table: table.update(rank=1),
        lambda table: table["rows"][0].update(cells={"happy": "high"}),
        lambda table: table["rows"][0].update(metric="LPIPS"),
        lambda table: table["metrics"][0].update(direction="up"),
    ],
)
def test_a_damaged_table_is_refused(harm: Any, tmp_path: Path) -> None:
    table = plain()
    harm(table)
    write_tables({STCCL: table}, tmp_path)
    with pytest.raises(IntegrityError, match=r"mead-cross\.json"):
        load_table(STCCL, tmp_path)


def listed(tables: list[Reported]) -> list[dict[str, Any]]:
    """The tables as the list of rows that they were imported from."""
    notes = {"stccl-2026": "(README tables; transcribed by eye from the image)"}
    return [
        {
            "dataset": "MEAD" if "mead" in table.table else "RAVDESS",
            "setting": table.setting,
            "metric": row.metric,
            "method": row.method,
            "per_emotion": dict(row.cells),
            "reported_avg": row.average,
            "avg_consistent": row not in [c.row for c in contradictions(table)],
            "source": f"jianmanlincjx/STCCL@3c8dff4 {table.source['file']} {notes['stccl-2026']}",
        }
        for table in tables
        if table.table.startswith("stccl-2026")
        for row in table.rows
    ]


def test_importing_gives_the_files_that_are_shipped(tables: list[Reported], tmp_path: Path) -> None:
    rows = listed(tables)
    write_tables(import_rows(rows), tmp_path)
    assert list_tables(tmp_path) == [name for name in list_tables() if name.startswith("stccl-2026")]
    for name in list_tables(tmp_path):
        assert (tmp_path / f"{name}.json").read_bytes() == (reported_dir() / f"{name}.json").read_bytes()


def test_importing_holds_the_stated_consistency_against_the_numbers(tables: list[Reported]) -> None:
    rows = copy.deepcopy(listed(tables))
    assert Counter(row["avg_consistent"] for row in rows) == {True: 70, False: 2}
    rows[0]["reported_avg"] += 1
    with pytest.raises(UsageError, match="contradict their cells"):
        import_rows(rows)


def test_a_source_nobody_described_is_refused(tables: list[Reported]) -> None:
    row = {**listed(tables)[0], "source": "somebody/else@abc t.png (note)"}
    with pytest.raises(UsageError, match=r"is not described in sources\.yaml"):
        import_rows([row])

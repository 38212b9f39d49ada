from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spfem_bench.errors import IntegrityError
from spfem_bench.stages.rows import MetricRow, read_rows, write_rows
from spfem_metrics import Failed, Reading, Row, TrialFacts, Unscored

FACTS = TrialFacts("t", "p", "happy")
ROWS = [
    MetricRow("b", "m", Row(FACTS, Reading(0.1 + 0.2, {"n": 3.0}))),
    MetricRow("a", "m", Row(FACTS, Unscored("no face"))),
    MetricRow("a", "k", Row(FACTS, Reading(None, {}, np.arange(6, dtype=np.float32).reshape(3, 2)))),
    MetricRow("real", "k", Row(TrialFacts("r", "p", "happy", "real"), Failed("broken"))),
]


def plain(row: MetricRow) -> tuple[object, ...]:
    outcome = row.row.outcome
    if isinstance(outcome, Reading) and outcome.matrix is not None:
        return (*row.key, outcome.value, outcome.parts, outcome.matrix.tolist())
    return (*row.key, row.row.trial, outcome)


def test_rows_come_back_to_the_last_bit_in_sorted_order(tmp_path: Path) -> None:
    write_rows(tmp_path, ROWS)
    assert [plain(row) for row in read_rows(tmp_path)] == [
        plain(row) for row in sorted(ROWS, key=lambda row: row.key)
    ]


def test_the_order_in_which_rows_arrive_moves_no_byte(tmp_path: Path) -> None:
    write_rows(tmp_path / "a", ROWS)
    write_rows(tmp_path / "b", ROWS[::-1])
    for name in ("rows.parquet", "features/k.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("name", ["rows.parquet", "features/k.safetensors"])
def test_damaged_or_missing_files_are_one_sentence(tmp_path: Path, name: str) -> None:
    write_rows(tmp_path, ROWS)
    (tmp_path / name).write_bytes(b"garbage")
    with pytest.raises(IntegrityError, match="are damaged"):
        read_rows(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(IntegrityError, match="are damaged"):
        read_rows(tmp_path)

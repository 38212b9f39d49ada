"""Rows on disk: one line per system, metric and trial, with feature matrices beside them.

The Parquet file holds everything but matrices, which lie in ``features/<metric>.safetensors`` under
``<system>/<trial>`` (``real/<entry>`` for the protocol's real clips). Both are sorted, so equal rows give
equal bytes on one machine.

A run's rows travel without their matrices, which stay in the cache: they are read one at a time, when a score
is reduced and when the bundle's file of them is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from spfem_bench.errors import IntegrityError
from spfem_bench.fsio import write_atomically
from spfem_bench.stages.matrices import write_matrices
from spfem_metrics import Failed, InputError, Reading, Row, TrialFacts, Unscored

REAL = "real"
"""The system name under which reference entries are stored."""
COLUMNS = (
    "system",
    "metric",
    "trial",
    "side",
    "speaker",
    "emotion",
    "text",
    "state",
    "value",
    "parts",
    "reason",
    "matrix_rows",
)


class Held(Protocol):
    """A feature matrix that lies on disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, D), known without reading it."""
        ...

    def load(self) -> NDArray[np.float32]:
        """The matrix, read anew with every call."""
        ...


@dataclass(frozen=True)
class MetricRow:
    """A row with the system and metric it belongs to.

    Args:
        system: a system's name, or `REAL`.
        metric: the metric's name.
        row: its reading without a matrix where that is ``held``.
        held: the matrix on disk; None where the row has none, or has it in memory.
    """

    system: str
    metric: str
    row: Row
    held: Held | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What rows are sorted and joined by."""
        return (self.system, self.metric, self.row.trial.id)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """(n, D) of the row's matrix, None where it has none."""
        if self.held is not None:
            return self.held.shape
        outcome = self.row.outcome
        return outcome.matrix.shape if isinstance(outcome, Reading) and outcome.matrix is not None else None

    def whole(self) -> Row:
        """The row with its matrix, which whoever drops the row drops too.

        Raises:
            StorageError: the cache has lost the matrix.
        """
        outcome = self.row.outcome
        if self.held is None or not isinstance(outcome, Reading):
            return self.row
        return replace(self.row, outcome=replace(outcome, matrix=self.held.load()))


@dataclass(frozen=True)
class WholeRows(Sequence[Row]):
    """Rows as metrics reduce them, each with its matrix for only as long as somebody looks at it."""

    rows: Sequence[MetricRow]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> WholeRows: ...
    def __getitem__(self, index: int | slice) -> Row | WholeRows:
        """One row, its matrix read now; or a part of the rows."""
        return WholeRows(self.rows[index]) if isinstance(index, slice) else self.rows[index].whole()


def row_to_json(row: Row) -> dict[str, Any]:
    """A row as plain values, its matrix left out (the number of matrix rows stays)."""
    trial, outcome = row.trial, row.outcome
    plain: dict[str, Any] = {
        "trial": trial.id,
        "side": trial.side,
        "speaker": trial.speaker,
        "emotion": trial.emotion,
        "text": trial.text,
    }
    return plain | _outcome_to_json(outcome)


def _outcome_to_json(outcome: Reading | Unscored | Failed) -> dict[str, Any]:
    empty: dict[str, Any] = {"value": None, "parts": {}, "reason": None, "matrix_rows": None}
    if isinstance(outcome, Reading):
        rows = None if outcome.matrix is None else len(outcome.matrix)
        parts = {name: float(part) for name, part in sorted(outcome.parts.items())}
        return empty | {"state": "scored", "value": outcome.value, "parts": parts, "matrix_rows": rows}
    if isinstance(outcome, Unscored):
        return empty | {"state": "unscored", "reason": outcome.reason}
    return empty | {"state": "failed", "reason": outcome.error}


def row_from_json(plain: Mapping[str, Any], matrix: NDArray[np.float32] | None = None) -> Row:
    """The inverse of `row_to_json`, with the matrix put back."""
    facts = TrialFacts(plain["trial"], plain["speaker"], plain["emotion"], plain["side"], plain["text"])
    if plain["state"] == "scored":
        return Row(facts, Reading(plain["value"], plain["parts"], matrix))
    outcome = Unscored(plain["reason"]) if plain["state"] == "unscored" else Failed(plain["reason"])
    return Row(facts, outcome)


def write_rows(folder: Path, rows: Iterable[MetricRow], *, slim: bool = False) -> None:
    """Write ``rows.parquet`` and, unless the bundle is to be slim, ``features/``.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    ordered = sorted(rows, key=lambda row: row.key)
    write_atomically(folder / "rows.parquet", _parquet(ordered))
    for metric, own in ({} if slim else _with_matrices(ordered)).items():
        shapes = {name: row.shape or () for name, row in own.items()}
        matrices = (_matrix(row.whole()) for row in own.values())
        write_matrices(folder / "features" / f"{metric}.safetensors", shapes, matrices)


def _parquet(rows: Sequence[MetricRow]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(_columns(rows), schema=_schema(pa))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", version="2.6", data_page_version="1.0")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _columns(rows: Sequence[MetricRow]) -> dict[str, list[Any]]:
    plain = [_line(row) for row in rows]
    for line in plain:
        line["parts"] = json.dumps(line["parts"], sort_keys=True, allow_nan=False)
    return {name: [line[name] for line in plain] for name in COLUMNS}


def _line(row: MetricRow) -> dict[str, Any]:
    count = None if row.shape is None else row.shape[0]
    return row_to_json(row.row) | {"system": row.system, "metric": row.metric, "matrix_rows": count}


def _schema(pa: Any) -> Any:
    kinds = {"value": pa.float64(), "matrix_rows": pa.int64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def _with_matrices(rows: Sequence[MetricRow]) -> dict[str, dict[str, MetricRow]]:
    """Metric -> name in its file -> row, for the rows that have a matrix, sorted by that name."""
    found: dict[str, dict[str, MetricRow]] = {}
    for row in sorted(rows, key=_name):
        if row.shape is not None:
            found.setdefault(row.metric, {})[_name(row)] = row
    return found


def _name(row: MetricRow) -> str:
    return f"{row.system}/{row.row.trial.id}"


def _matrix(row: Row) -> NDArray[np.float32]:
    if not isinstance(row.outcome, Reading) or row.outcome.matrix is None:
        raise TypeError(f"the row of {row.trial.id} has no matrix")
    return row.outcome.matrix


def read_rows(folder: Path) -> list[MetricRow]:
    """All rows of a bundle, with their matrices, sorted.

    Raises:
        IntegrityError: a file is missing or damaged, or a row holds what no run writes (NaN).
    """
    import pyarrow.parquet as pq
    from safetensors import SafetensorError

    try:
        table = pq.read_table(folder / "rows.parquet").to_pylist()
        metrics = {line["metric"] for line in table if line["matrix_rows"] is not None}
        matrices = {metric: _read_matrices(folder, metric) for metric in metrics}
        return [_metric_row(line, matrices) for line in table]
    except (OSError, ValueError, LookupError, InputError, SafetensorError) as error:
        raise IntegrityError(
            f"the rows of {folder} are damaged ({error}): restore it or run again"
        ) from error


def _metric_row(line: dict[str, Any], matrices: Mapping[str, Mapping[str, Any]]) -> MetricRow:
    name = f"{line['system']}/{line['trial']}"
    matrix = matrices.get(line["metric"], {}).get(name)
    return MetricRow(
        line["system"], line["metric"], row_from_json(line | {"parts": json.loads(line["parts"])}, matrix)
    )


def _read_matrices(folder: Path, metric: str) -> dict[str, Any]:
    from safetensors.numpy import load_file

    tensors: dict[str, Any] = load_file(folder / "features" / f"{metric}.safetensors")
    return tensors

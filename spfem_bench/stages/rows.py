"""Rows on disk: one line per system, metric and trial, with feature matrices beside them.

The Parquet file holds everything but matrices, which lie in ``features/<metric>.safetensors`` under
``<system>/<trial>`` (``real/<entry>`` for the protocol's real clips). Both are sorted, so equal rows give
equal bytes on one machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_bench.errors import IntegrityError
from spfem_bench.fsio import write_atomically
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


@dataclass(frozen=True)
class MetricRow:
    """A row with the system and metric it belongs to."""

    system: str
    metric: str
    row: Row

    @property
    def key(self) -> tuple[str, str, str]:
        """What rows are sorted and joined by."""
        return (self.system, self.metric, self.row.trial.id)


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
    for metric, tensors in ({} if slim else _matrices(ordered)).items():
        from safetensors.numpy import save

        write_atomically(folder / "features" / f"{metric}.safetensors", save(tensors))


def _parquet(rows: Sequence[MetricRow]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(_columns(rows), schema=_schema(pa))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", version="2.6", data_page_version="1.0")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _columns(rows: Sequence[MetricRow]) -> dict[str, list[Any]]:
    plain = [row_to_json(row.row) | {"system": row.system, "metric": row.metric} for row in rows]
    for line in plain:
        line["parts"] = json.dumps(line["parts"], sort_keys=True, allow_nan=False)
    return {name: [line[name] for line in plain] for name in COLUMNS}


def _schema(pa: Any) -> Any:
    kinds = {"value": pa.float64(), "matrix_rows": pa.int64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def _matrices(rows: Sequence[MetricRow]) -> dict[str, dict[str, NDArray[np.float32]]]:
    found: dict[str, dict[str, NDArray[np.float32]]] = {}
    for row in rows:
        outcome = row.row.outcome
        if isinstance(outcome, Reading) and outcome.matrix is not None:
            name = f"{row.system}/{row.row.trial.id}"
            found.setdefault(row.metric, {})[name] = np.ascontiguousarray(outcome.matrix, np.float32)
    return found


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

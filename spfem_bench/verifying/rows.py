"""Rows against the plan: one per system, metric and trial, each with the facts of its trial."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_bench.errors import IntegrityError
from spfem_bench.stages.rows import COLUMNS, REAL, MetricRow, row_from_json
from spfem_bench.verifying.contents import ROWS, Contents
from spfem_bench.verifying.model import Check, Problem
from spfem_metrics import InputError

Line = Mapping[str, Any]
Key = tuple[str, str, str]
"""System, metric, trial."""

_STATES = {"scored", "unscored", "failed"}
_TEXTS = ("system", "metric", "trial", "side", "speaker", "emotion", "state")
_NUMBERS = {"value": "double", "matrix_rows": "int64"}


def read_lines(folder: Path) -> Sequence[Line]:
    """The rows of a bundle as plain values, without matrices.

    Raises:
        IntegrityError: the file is no table of rows.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(folder / ROWS)
        kinds = {name: str(table.schema.field(name).type) for name in table.schema.names}
        wanted = {name: _NUMBERS.get(name, "string") for name in COLUMNS}
        if kinds != wanted:
            raise IntegrityError("has other columns than a run writes")
        lines = [{**line, "parts": json.loads(line["parts"])} for line in table.to_pylist()]
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise IntegrityError(f"cannot be read ({error})") from error
    if not all(map(_whole, lines)):
        raise IntegrityError("holds a row without one of the texts that every row has, or with odd parts")
    return lines


def _whole(line: Line) -> bool:
    texts = all(isinstance(line[name], str) for name in _TEXTS)
    parts = line["parts"]
    numbers = isinstance(parts, dict) and all(type(part) in {int, float} for part in parts.values())
    return texts and numbers


def key_of(line: Line) -> Key:
    """What rows are joined by."""
    return line["system"], line["metric"], line["trial"]


def check_rows(lines: Sequence[Line], contents: Contents) -> Check:
    """Missing, doubled and foreign rows, and rows that tell other facts than the plan."""
    planned = _planned(contents)
    counts = Counter(key_of(line) for line in lines)
    problems = [
        *(_problem(key, "no row: the trial is missing from it") for key in planned if key not in counts),
        *(_problem(key, f"{count} rows, where one belongs") for key, count in counts.items() if count > 1),
        *(_problem(key, "a row that the plan has no trial for") for key in counts if key not in planned),
        *(found for line in lines for found in _facts(line, planned.get(key_of(line)))),
    ]
    bad = {problem.subject for problem in problems}
    good = len(planned) - len(bad & {_subject(key) for key in planned})
    return Check(
        "rows", "rows are there, one for each system, metric and trial", good, len(planned), problems
    )


def _planned(contents: Contents) -> dict[Key, Line]:
    """Every row that there should be, with the plan's line of its trial."""
    scores = contents.scores or {"columns": []}
    names = [column["name"] for column in scores["columns"]]
    sets = [column["name"] for column in scores["columns"] if column["of_sets"]]
    generated = {(s, m, t["id"]): t for s in contents.systems or () for m in names for t in contents.trials}
    return generated | {(REAL, m, entry["id"]): entry for m in sets for entry in contents.reals}


def _facts(line: Line, planned: Line | None) -> Iterator[Problem]:
    key = key_of(line)
    if line["state"] not in _STATES:
        yield _problem(key, f"the state {line['state']!r}, which no row has")
    if (line["state"] == "scored") == (line["reason"] is not None):
        yield _problem(key, "a reason beside a reading, or neither of them")
    if line["state"] != "scored" and (line["value"], line["parts"], line["matrix_rows"]) != (None, {}, None):
        yield _problem(key, "numbers, though it says that there is no reading")
    if planned is None:
        return
    side = "generated" if planned["kind"] == "trial" else "real"
    wanted = {"speaker": planned["speaker"], "emotion": planned["emotion"], "side": side}
    for name, value in {**wanted, "text": planned.get("text")}.items():
        if line[name] != value:
            yield _problem(key, f"the {name} {line[name]!r}, planned was {value!r}")


def _subject(key: Key) -> str:
    return ", ".join(key)


def _problem(key: Key, found: str) -> Problem:
    return Problem(_subject(key), f"has {found}")


@dataclass(frozen=True)
class Matrices:
    """The feature matrices of one metric.

    Args:
        found: by ``system/trial``; empty where they could not be read.
        problem: why they cannot stand for the rows, None where they can.
    """

    found: Mapping[str, NDArray[np.float32]]
    problem: Problem | None = None


def read_matrices(folder: Path, metric: str, lines: Sequence[Line], contents: Contents) -> Matrices:
    """A metric's matrices, if they are just those its rows name.

    Args:
        folder: the bundle.
        metric: whose.
        lines: its rows.
        contents: says which matrices a slim bundle was written without.
    """
    rows = {f"{line['system']}/{line['trial']}": line["matrix_rows"] for line in lines}
    wanted = {name: count for name, count in rows.items() if count is not None}
    name = f"features/{metric}.safetensors"
    if not wanted:
        return Matrices({})
    if metric in contents.omitted:
        why = "was written without its feature matrices (slim), so its scores cannot be computed again"
        return Matrices({}, Problem(metric, why, "unverifiable"))
    try:
        found = _load(folder / name)
    except IntegrityError as error:
        return Matrices({}, Problem(name, str(error)))
    plain = {key: matrix.ndim == 2 and matrix.dtype == np.float32 for key, matrix in found.items()}
    shapes = {key: len(matrix) if plain[key] else None for key, matrix in found.items()}
    if shapes != wanted:
        odd = sorted(key for key in {**shapes, **wanted} if shapes.get(key) != wanted.get(key))
        return Matrices({}, Problem(name, f"does not hold the matrices that the rows name, e.g. of {odd[0]}"))
    return Matrices(found)


def _load(path: Path) -> dict[str, NDArray[np.float32]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file() or path.is_symlink():
        raise IntegrityError("is missing, and the bundle does not say that it was left out")
    try:
        return dict(load_file(path))
    except (OSError, ValueError, TypeError, LookupError, SafetensorError) as error:
        raise IntegrityError(f"cannot be read ({error})") from error


def metric_rows(lines: Sequence[Line], matrices: Matrices) -> list[MetricRow]:
    """Rows as the reduction takes them.

    Raises:
        IntegrityError: a row holds what no run writes (NaN).
    """
    try:
        return [
            MetricRow(
                line["system"],
                line["metric"],
                row_from_json(line, matrices.found.get(f"{line['system']}/{line['trial']}")),
            )
            for line in lines
        ]
    except (InputError, TypeError, ValueError, ArithmeticError) as error:
        raise IntegrityError(f"a row holds what no run writes ({error})") from error

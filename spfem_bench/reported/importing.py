"""Published numbers from one list of rows to ``leaderboards/reported``, one file per table.

    python -m spfem_bench.reported.importing ROWS.json leaderboards/reported

The list has one object per data set, setting, metric and method: ``dataset``, ``setting``, ``metric``,
``method``, ``per_emotion``, ``reported_avg``, ``avg_consistent`` and ``source``. Which averages contradict
their cells is found anew and held against ``avg_consistent``. What is known of a source stands in
``sources.yaml``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spfem_bench.config import load_yaml
from spfem_bench.errors import UsageError
from spfem_bench.fsio import write_atomically
from spfem_bench.reported.consistency import contradictions
from spfem_bench.reported.tables import UNKNOWN, from_plain

SCHEMA_NAME = "spfem-bench/reported@1"
_SOURCES = Path(__file__).with_name("sources.yaml")
_SOURCE = re.compile(
    r"(?P<repository>[^@]+)@(?P<commit>\S+(?: [0-9a-f]{7,40})?) (?P<file>\S+) \((?P<note>.*)\)"
)
_DATASET = re.compile(r"(?P<name>\w+)(?P<unnamed> \(dataset not named.*\))?")
_PROTOCOLS = {"cross": "spfem/cross-id@1", "intra": "spfem/intra-id@1"}


def import_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Tables by name, as their files hold them.

    Args:
        rows: see the module.

    Raises:
        UsageError: a row's source is not described, or its stated consistency is not what its numbers say.
        IntegrityError: a table does not fit its schema.
    """
    known = load_yaml(_SOURCES)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(_name(row, known), []).append(row)
    tables = {name: _table(name, own, known) for name, own in sorted(groups.items())}
    for name, table in tables.items():
        _check_flags(name, table, groups[name])
    return tables


def _work(row: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    for work in known["works"]:
        if row["source"].startswith(work["starts"]):
            found: Mapping[str, Any] = work
            return found
    raise UsageError(f"the source {row['source']!r} is not described in {_SOURCES.name}: add it there")


def _name(row: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    data = _matched(_DATASET, row["dataset"])["name"].lower()
    return f"{_work(row, known)['name']}/{data}-{row['setting']}"


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not written as {pattern.pattern}")
    return found


def _table(name: str, rows: Sequence[Mapping[str, Any]], known: Mapping[str, Any]) -> dict[str, Any]:
    first, work = rows[0], _work(rows[0], known)
    source, data = _matched(_SOURCE, first["source"]), _matched(_DATASET, first["dataset"])
    unnamed = [known["unnamed"]] if data["unnamed"] else []
    return {
        "schema": SCHEMA_NAME,
        "table": name,
        "title": f"{work['work']}, {data['name']}, {first['setting']}-ID",
        "source": {
            "work": work["work"],
            "repository": source["repository"],
            "commit": source["commit"],
            "file": source["file"],
            "read": "transcribed by eye from the image" if "by eye" in source["note"] else "copied as text",
            "status": work["status"],
        },
        "dataset": data["name"].lower(),
        "setting": first["setting"],
        "protocol": _PROTOCOLS[first["setting"]],
        "decimals": known["decimals"],
        "metrics": _metrics(rows, work, known),
        "fps": known["fps"],
        "unpublished": [*unnamed, *known["unpublished"]],
        "rows": [_row(row) for row in rows],
    }


def _metrics(
    rows: Sequence[Mapping[str, Any]], work: Mapping[str, Any], known: Mapping[str, Any]
) -> list[dict[str, Any]]:
    found = []
    for name in dict.fromkeys(row["metric"] for row in rows):
        metric = known["metrics"][name]
        stated = work["certainty"] != UNKNOWN
        found.append(
            {
                "name": name,
                "direction": metric["direction"],
                "definition": metric["definition"] if stated else UNKNOWN,
                "certainty": work["certainty"],
                "why": metric["why"] if stated else "the source does not say how its numbers were made",
            }
        )
    return found


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "method": row["method"],
        "metric": row["metric"],
        "cells": dict(row["per_emotion"]),
        "average": row["reported_avg"],
    }


def _check_flags(name: str, table: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    stated = {(row["method"], row["metric"]) for row in rows if row.get("avg_consistent") is False}
    found = {(c.row.method, c.row.metric) for c in contradictions(from_plain(dict(table), name))}
    if stated != found:
        raise UsageError(
            f"{name}: the list says that the averages of {sorted(stated)} contradict their cells, "
            f"the numbers say {sorted(found)}"
        )


def write_tables(tables: Mapping[str, Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write ``work/table.json`` files; keys and rows keep their order, and a file reads as the table does.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    paths = []
    for name, table in tables.items():
        path = folder / f"{name}.json"
        write_atomically(path, json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        paths.append(path)
    return paths


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf8"))
    for written in write_tables(import_rows(given), Path(sys.argv[2])):
        print(written)

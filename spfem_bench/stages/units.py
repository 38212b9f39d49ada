"""Units of work and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spfem_bench.stages.generate import Made
from spfem_bench.stages.rows import MetricRow
from spfem_bench.stages.workbench import Workbench
from spfem_metrics import Failed, Row, Unscored


@dataclass(frozen=True)
class Unit:
    """One piece of work: an output to make and measure, or (without a system) a real clip to measure."""

    system: str | None
    index: int


@dataclass(frozen=True)
class Done:
    """What came of a unit: its rows, and where its output lies; without one every row says why."""

    unit: Unit
    rows: Sequence[MetricRow]
    made: Made | None


def without_paths(bench: Workbench, rows: Sequence[MetricRow]) -> list[MetricRow]:
    """The rows with this machine's folders left out of their reasons: rows are hashed, and are passed on."""
    given = [getattr(system.adapter, "folder", None) for system in bench.systems]
    folders = {bench.dataset.root, bench.spec.cache, *(f.parent for f in given if f and f.is_absolute())}
    folders |= {folder.resolve() for folder in folders}
    prefixes = sorted((f"{folder}/" for folder in folders), key=len, reverse=True)
    return [replace(row, row=_relative(row.row, prefixes)) for row in rows]


def _relative(row: Row, prefixes: Sequence[str]) -> Row:
    outcome = row.outcome
    if isinstance(outcome, Unscored):
        return replace(row, outcome=Unscored(_cut(outcome.reason, prefixes)))
    if isinstance(outcome, Failed):
        return replace(row, outcome=Failed(_cut(outcome.error, prefixes)))
    return row


def _cut(text: str, prefixes: Sequence[str]) -> str:
    for prefix in prefixes:
        text = text.replace(prefix, "")
    return text

"""Reading ``leaderboards/reported``: one file per published table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spfem_bench.config import near_miss
from spfem_bench.errors import IntegrityError, NotComparableError, UsageError
from spfem_bench.resources import reported_dir
from spfem_bench.schemas import violation
from spfem_metrics import Direction

UNKNOWN = "unknown"
"""The definition of a number whose definition nobody stated."""

Certainty = Literal["code", "inferred", "unknown"]


@dataclass(frozen=True)
class ReportedMetric:
    """A metric of a published table.

    Args:
        name: as printed, e.g. ``CSIM``; two works may mean two things by it.
        direction: which way is better.
        definition: id, e.g. ``fad-arcface18-gray/masked``: a metric of this package, then the pictures it was
            given; `UNKNOWN` where nobody stated it.
        certainty: known from the work's own ``code``, ``inferred`` from a relative's, or ``unknown``.
        why: what it is known from.
    """

    name: str
    direction: Direction
    definition: str
    certainty: Certainty
    why: str


@dataclass(frozen=True)
class ReportedRow:
    """One method's numbers for one metric.

    Args:
        method: as printed.
        metric: as printed.
        cells: emotion -> printed number.
        average: the printed average, None where there is none.
    """

    method: str
    metric: str
    cells: Mapping[str, float]
    average: float | None


@dataclass(frozen=True)
class Reported:
    """A published table.

    Args:
        table: its name, ``work/table``.
        title: in words.
        source: work, repository, commit, file, how it was read, how it stands to what was published.
        dataset: as readers of this package are named.
        setting: ``intra`` or ``cross``.
        protocol: of this package, the nearest to it.
        decimals: of the printed numbers.
        fps: frames per second of what was scored.
        metrics: in order.
        unpublished: what of the test nobody published.
        rows: in order.
    """

    table: str
    title: str
    source: Mapping[str, str]
    dataset: str
    setting: Literal["intra", "cross"]
    protocol: str
    decimals: int
    fps: int
    metrics: Sequence[ReportedMetric]
    unpublished: Sequence[str]
    rows: Sequence[ReportedRow]

    @property
    def methods(self) -> list[str]:
        """In order of appearance."""
        return list(dict.fromkeys(row.method for row in self.rows))

    @property
    def emotions(self) -> list[str]:
        """In order of appearance."""
        return list(dict.fromkeys(emotion for row in self.rows for emotion in row.cells))

    def metric(self, name: str) -> ReportedMetric:
        """A metric by its printed name."""
        return next(metric for metric in self.metrics if metric.name == name)


def list_tables(folder: Path | None = None) -> list[str]:
    """Names of all published tables, sorted.

    Args:
        folder: of the tables; default: those that travel with the package.
    """
    root = folder or reported_dir()
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.glob("*/*.json"))


def load_table(name: str, folder: Path | None = None) -> Reported:
    """Read a published table.

    Args:
        name: e.g. ``stccl-2026/mead-cross``.
        folder: of the tables; default: those that travel with the package.

    Raises:
        UsageError: there is no such table; lists those there are.
        IntegrityError: its file is damaged, or does not fit the schema ``reported``.
    """
    known = list_tables(folder)
    if name not in known:
        hint = near_miss(name, known)
        raise UsageError(
            f"there is no published table '{name}'.{hint} There are: {', '.join(known) or 'none'}"
        )
    path = (folder or reported_dir()) / f"{name}.json"
    try:
        plain = json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError) as error:
        raise IntegrityError(
            f"{path} is not a readable table ({error}): install spfem-bench again"
        ) from error
    return from_plain(plain, str(path))


def from_plain(plain: Any, where: str) -> Reported:
    """A table from its file's content; ``where`` names it in errors.

    Raises:
        IntegrityError: it does not fit the schema, or a row names a metric that the table does not define.
    """
    wrong = violation("reported", plain, where)
    if wrong:
        raise IntegrityError(f"{where}: {wrong}")
    defined = {metric["name"] for metric in plain["metrics"]}
    undefined = sorted({row["metric"] for row in plain["rows"]} - defined)
    if undefined:
        raise IntegrityError(f"{where}: its rows hold {undefined[0]}, which it does not define")
    values = {key: value for key, value in plain.items() if key != "schema"}
    metrics = [ReportedMetric(**metric) for metric in plain["metrics"]]
    rows = [ReportedRow(**row) for row in plain["rows"]]
    return Reported(**{**values, "metrics": metrics, "rows": rows})


def require_one_table(tables: Iterable[Reported]) -> Reported:
    """The one table that numbers may be ranked within.

    Raises:
        NotComparableError: they come from several tables, whose baselines already differ.
        UsageError: there is none.
    """
    found = {table.table: table for table in tables}
    if not found:
        raise UsageError("no published table is given")
    if len(found) > 1:
        raise NotComparableError(
            f"published numbers of {' and '.join(found)} are never ranked together: each table stands alone, "
            "as the same baselines have other numbers in other works"
        )
    return next(iter(found.values()))

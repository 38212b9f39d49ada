"""A published table beside what was measured, and whether the two may be held against each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from spfem_bench.errors import NotComparableError, UsageError
from spfem_bench.reported.consistency import contradictions, disagreements
from spfem_bench.reported.measured import Measured
from spfem_bench.reported.tables import UNKNOWN, Reported, ReportedMetric
from spfem_bench.tables.check import AVERAGE
from spfem_bench.tables.model import Column
from spfem_metrics import Score, Scored

SCHEMA_NAME = "spfem-bench/reproduction@1"
Verdict = Literal["agrees", "differs", "not comparable", "not measured", "reported, not run"]

_MASKED = re.compile(r"\bmasks?[:=-]given\b")


@dataclass(frozen=True)
class Definitions:
    """How a published metric and the measured one stand to each other.

    Args:
        reported: id of the published definition, `UNKNOWN` where nobody stated it.
        measured: line of the measured signature, None where nothing of the kind was measured.
        differs: what makes the numbers incomparable.
        unknown: what differs, or may, and nobody can tell by how much.
    """

    reported: str
    measured: str | None
    differs: Sequence[str]
    unknown: Sequence[str]


@dataclass(frozen=True)
class Line:
    """One published number.

    Args:
        method: as printed.
        metric: as printed.
        emotion: of the cell, or ``average``.
        reported: the printed number, None where there is none.
        flag: why it is in doubt, empty where it is not.
        system: of the bundle, None where nobody ran the method.
        measured: None where there is no score.
        half_width: of the measured number's 95% interval.
        scored: trials behind it.
        total: trials that should be.
        difference: measured minus reported.
        verdict: what may be said.
    """

    method: str
    metric: str
    emotion: str
    reported: float | None
    flag: str
    system: str | None = None
    measured: float | None = None
    half_width: float | None = None
    scored: int | None = None
    total: int | None = None
    difference: float | None = None
    verdict: Verdict = "reported, not run"


@dataclass(frozen=True)
class Reproduction:
    """A published table beside a bundle.

    Args:
        table: the published one.
        bundle: name of the bundle, None without one.
        definitions: by metric, as printed.
        lines: every cell and average, in the table's order.
        notes: what must be read beside them.
    """

    table: Reported
    bundle: str | None
    definitions: Mapping[str, Definitions]
    lines: Sequence[Line]
    notes: Sequence[str] = field(default_factory=tuple)

    def plain(self) -> dict[str, Any]:
        """As JSON values, ``reproduction@1`` of the published schemas."""
        return {
            "schema": SCHEMA_NAME,
            "table": self.table.table,
            "bundle": self.bundle,
            "notes": list(self.notes),
            "definitions": {name: _plain(found) for name, found in self.definitions.items()},
            "lines": [asdict(line) for line in self.lines],
        }


def _plain(found: Definitions) -> dict[str, Any]:
    return {**asdict(found), "differs": list(found.differs), "unknown": list(found.unknown)}


def reproduce(
    table: Reported,
    measured: Measured | None = None,
    systems: Mapping[str, str] | None = None,
    others: Sequence[Reported] = (),
) -> Reproduction:
    """Put measured numbers beside published ones.

    Args:
        table: the published table.
        measured: a bundle's, None where nothing was run.
        systems: published method -> system of the bundle, where their names differ.
        others: further tables, whose other numbers for the same methods are noted.

    Raises:
        UsageError: ``systems`` names a method or a system that is not there.
        NotComparableError: the bundle has none of the table's methods.
    """
    matched = {} if measured is None else match_systems(table, measured, systems or {})
    definitions = {metric.name: _definitions(table, metric, measured) for metric in table.metrics}
    lines = [
        _line(line, table, measured, matched.get(line.method), definitions[line.metric])
        for line in published_lines(table)
    ]
    name = measured.name if measured else None
    return Reproduction(table, name, definitions, lines, _notes(table, measured, others))


def published_lines(table: Reported) -> list[Line]:
    """Every cell and average of a table as if nobody had run it; contradicted averages are flagged."""
    flags = {(c.row.method, c.row.metric): c.sentence(table.decimals) for c in contradictions(table)}
    return [
        Line(row.method, row.metric, emotion, value, flag if emotion == AVERAGE else "")
        for row in table.rows
        for flag in [flags.get((row.method, row.metric), "")]
        for emotion, value in {**row.cells, AVERAGE: row.average}.items()
    ]


def match_systems(table: Reported, measured: Measured, given: Mapping[str, str]) -> dict[str, str]:
    """Published method -> system of the bundle: those given, then those of the same name but for spelling.

    Raises:
        UsageError: ``given`` names a method or a system that is not there.
        NotComparableError: none of the methods was run.
    """
    systems = list(measured.scores)
    for method, system in given.items():
        if method not in table.methods:
            raise UsageError(f"{table.table} has no method '{method}': it has {', '.join(table.methods)}")
        if system not in systems:
            raise UsageError(f"{measured.name} has no system '{system}': it has {', '.join(systems)}")
    by_name = {_folded(system): system for system in systems}
    alike = {m: by_name[_folded(m)] for m in table.methods if _folded(m) in by_name}
    found = {**alike, **given}
    if not found:
        example = f"--method {table.methods[0]}={next(iter(systems), 'NAME')}"
        raise NotComparableError(
            f"{measured.name} has the systems {', '.join(systems)}, none of which is named like a method of "
            f"{table.table}: say which is which, e.g. {example}"
        )
    return found


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _line(
    line: Line, table: Reported, measured: Measured | None, system: str | None, definitions: Definitions
) -> Line:
    if measured is None or system is None:
        return line
    column = _column(measured, table.metric(line.metric))
    score = measured.scores[system].get(column.info.name, {}).get(line.emotion) if column else None
    found = {**asdict(line), "system": system}
    if score is None or not isinstance(score.outcome, Scored):
        return Line(**{**found, **_coverage(score), "verdict": "not measured"})
    value = score.outcome.value
    difference = None if line.reported is None else value - line.reported
    return Line(
        **{
            **found,
            **_coverage(score),
            "measured": value,
            "half_width": score.half_width,
            "difference": difference,
            "verdict": _verdict(difference, score.half_width, table.decimals, definitions),
        }
    )


def _coverage(score: Score | None) -> dict[str, int]:
    return {} if score is None else {"scored": score.scored, "total": score.total}


def _verdict(
    difference: float | None, half_width: float | None, decimals: int, definitions: Definitions
) -> Verdict:
    """Only under one definition; the printed number's rounding and the measured interval are allowed for."""
    if definitions.differs or difference is None:
        return "not comparable"
    allowed = 0.5 * 10.0**-decimals + (half_width or 0.0)
    return "agrees" if abs(difference) <= allowed else "differs"


def _column(measured: Measured, metric: ReportedMetric) -> Column | None:
    """The measured metric of the published definition, else the first of the same printed name."""
    wanted = metric.definition.partition("/")[0]
    exact = [column for column in measured.columns if column.info.name == wanted]
    family = [column for column in measured.columns if column.info.name.startswith(metric.name.lower())]
    return next(iter([*exact, *family]), None)


def _definitions(table: Reported, metric: ReportedMetric, measured: Measured | None) -> Definitions:
    column = None if measured is None else _column(measured, metric)
    if measured is None or column is None:
        return Definitions(metric.definition, None, (), _unknown(table, metric))
    wanted, _, pictures = metric.definition.partition("/")
    differs = list(measured.differs_from(table))
    if metric.definition == UNKNOWN:
        differs.append(f"definition: {metric.why}")
    elif column.info.name != wanted:
        differs.append(f"metric: {wanted} was published, {column.info.name} was measured")
    if pictures == "masked" and not _MASKED.search(column.signature.line):
        differs.append("masks: face-masked pictures were scored for the publication, these are not masked")
    return Definitions(metric.definition, column.signature.line, differs, _unknown(table, metric))


def _unknown(table: Reported, metric: ReportedMetric) -> list[str]:
    inferred = [f"definition inferred: {metric.why}"] if metric.certainty == "inferred" else []
    unstated = ["masks: not stated for this metric"] if metric.definition.endswith("/unstated") else []
    return [*inferred, *unstated, *table.unpublished]


def _notes(table: Reported, measured: Measured | None, others: Sequence[Reported]) -> list[str]:
    source = table.source
    place = f"{source['repository']}@{source['commit']} {source['file']}"
    rivals = [other for other in others if other.table != table.table]
    found = [pair for other in rivals for pair in disagreements([table, other])]
    notes = [f"published in {place}, {source['read']}: {source['status']}"]
    if found:
        shown = "; ".join(pair.sentence for pair in found)
        notes.append(f"never ranked with other tables: {shown}")
    if measured is not None:
        notes.append(
            "'agrees' means within the printed number's rounding and the measured interval, on the clips of "
            "this package's protocol; it is no proof of the same test"
        )
    return notes

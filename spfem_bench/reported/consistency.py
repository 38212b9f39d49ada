"""What published numbers contradict: their own averages, and each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from spfem_bench.reported.tables import Reported, ReportedRow


@dataclass(frozen=True)
class Contradiction:
    """A printed average that its own cells do not give.

    Args:
        row: whose.
        mean: of the printed cells.
        repair: the one digit that would mend it, in words; empty where no single digit does.
    """

    row: ReportedRow
    mean: float
    repair: str

    def sentence(self, decimals: int) -> str:
        """For a footnote."""
        told = f"printed average {self.row.average:.{decimals}f}, mean of its cells {self.mean:.{decimals}f}"
        return f"{told}{f'; {self.repair}' if self.repair else ''}"


def contradictions(table: Reported) -> list[Contradiction]:
    """Rows whose printed average lies further from the mean of their cells than rounding explains.

    Cells and average are each rounded to the table's decimals: the mean of the cells is off by at most half a
    unit of the last decimal, and the average by another half.
    """
    return [found for row in table.rows if (found := _contradiction(row, table.decimals))]


def _contradiction(row: ReportedRow, decimals: int) -> Contradiction | None:
    if row.average is None:
        return None
    mean, unit = math.fsum(row.cells.values()) / len(row.cells), 10.0**-decimals
    slack = 1e-9  # decimal numbers are not exact in binary
    if abs(mean - row.average) <= unit + slack:
        return None
    return Contradiction(row, mean, _repair(row, mean, unit))


def _repair(row: ReportedRow, mean: float, unit: float) -> str:
    """One cell that is off by a whole number of one decimal place: the likeliest slip of a pen."""
    average = row.average or 0.0
    missing = (average - mean) * len(row.cells)
    for place in (1.0, 0.1):
        steps = round(missing / place)
        within = abs(missing - steps * place) <= unit * len(row.cells)
        if 1 <= abs(steps) <= 9 and within:
            return f"one cell {abs(steps) * place:g} {'higher' if steps > 0 else 'lower'} would mend it"
    return ""


@dataclass(frozen=True)
class Disagreement:
    """One method, metric, data set and setting with other numbers in two tables.

    Args:
        method: as printed in both.
        metric: as printed in both.
        first: name of a table and its average.
        second: the same of the other.
    """

    method: str
    metric: str
    first: tuple[str, float | None]
    second: tuple[str, float | None]

    @property
    def sentence(self) -> str:
        """For a footnote."""
        (one, here), (two, there) = self.first, self.second
        return f"{self.method}'s {self.metric} is {here} in {one} and {there} in {two}"


def disagreements(tables: Sequence[Reported]) -> list[Disagreement]:
    """Methods that have other numbers in another table of the same data set and setting."""
    pairs = [(a, b) for a, b in combinations(tables, 2) if _alike(a, b)]
    return [found for one, two in pairs for found in _between(one, two)]


def _alike(one: Reported, two: Reported) -> bool:
    return (one.dataset, one.setting) == (two.dataset, two.setting)


def _between(one: Reported, two: Reported) -> Iterator[Disagreement]:
    theirs = {(row.method, row.metric): row for row in two.rows}
    for row in one.rows:
        other = theirs.get((row.method, row.metric))
        if other is not None and (dict(other.cells), other.average) != (dict(row.cells), row.average):
            yield Disagreement(row.method, row.metric, (one.table, row.average), (two.table, other.average))

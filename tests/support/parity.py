"""What tests of parity compare: ours with an oracle's numbers, in a stated measure, and the table of it all.

A test takes the fixture `parity` and says of each comparison what it is:

    parity("LPIPS alex", release("lpips"), ours, wanted, of_each(1e-5), n=(5, "frame pairs"))

It fails where the largest difference is over the tolerance. ``pytest --parity FILE`` writes the largest
differences of the run as a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Tolerance:
    """The largest difference allowed, in a measure of differences.

    Attributes:
        limit: differences up to this one pass; 0 asks for equal numbers.
        measure: "" of plain differences; else what they are divided by: "the largest" absolute value of the
            oracle, "each value" (the smaller of the two absolute values), or something named that is `scale`.
        scale: what differences are divided by, of a measure by another name.
    """

    limit: float
    measure: str = ""
    scale: float | None = None

    def of(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """Differences in this measure, one for each value; NaN and values that are not numbers stay so."""
        size = self.scale if self.scale is not None else np.abs(theirs).max(initial=0)
        if self.measure == "each value":
            size = np.minimum(np.abs(ours), np.abs(theirs))
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.abs(ours - theirs)
            return np.where(apart == 0, 0, apart / size) if self.measure else apart

    def __str__(self) -> str:
        if self.limit == 0:
            return "exact"
        return f"{self.limit:g} of {self.measure}" if self.measure else f"{self.limit:g} absolute"


EXACT = Tolerance(0)


def absolute(limit: float) -> Tolerance:
    """Of plain differences."""
    return Tolerance(limit)


def of_largest(limit: float) -> Tolerance:
    """Of differences divided by the oracle's largest absolute value."""
    return Tolerance(limit, "the largest")


def of_each(limit: float) -> Tolerance:
    """Of differences divided by the value itself, of the two the one closer to 0."""
    return Tolerance(limit, "each value")


def of(limit: float, scale: float, name: str) -> Tolerance:
    """Of differences divided by a size that the test knows and names."""
    return Tolerance(limit, name, scale)


def release(package: str) -> str:
    """A package with the version that is installed: the name of an oracle."""
    return f"{package} {version(package)}"


@dataclass(frozen=True)
class Record:
    """One comparison. `difference` and `limit` are in `measure`, of which "" is the plain difference."""

    metric: str
    oracle: str
    count: int
    unit: str
    difference: float
    limit: float
    measure: str


class Parity:
    """Asserts comparisons, and keeps each in the properties of the test that is running."""

    def __init__(self) -> None:
        self.properties: list[tuple[str, object]] | None = None

    def __call__(
        self,
        metric: str,
        oracle: str,
        ours: ArrayLike,
        theirs: ArrayLike,
        tolerance: Tolerance,
        *,
        n: tuple[int, str],
    ) -> None:
        """Compare, note and assert.

        Args:
            metric: the public name of what is compared.
            oracle: whose numbers `theirs` are: a package by `release`, or what was transcribed.
            ours: numbers of any shape.
            theirs: numbers of the same shape.
            tolerance: the largest difference that passes.
            n: how many of what were compared, in the plural.

        Raises:
            AssertionError: other shapes, or a difference over the tolerance or not a number.
        """
        found, wanted = (np.asarray(side, np.float64) for side in (ours, theirs))
        if found.shape != wanted.shape:
            raise AssertionError(f"{metric} against {oracle}: shapes {found.shape} and {wanted.shape}")
        apart = tolerance.of(found, wanted)
        largest = float(apart.max(initial=0))
        if self.properties is not None:
            record = Record(metric, oracle, *n, largest, float(tolerance.limit), tolerance.measure)
            self.properties.append(("parity", asdict(record)))
        if not largest <= tolerance.limit:
            raise AssertionError(f"{metric} against {oracle}: {_fault(found, wanted, apart, tolerance)}")


def _fault(found: np.ndarray, wanted: np.ndarray, apart: np.ndarray, tolerance: Tolerance) -> str:
    place = np.unravel_index(int(np.argmax(apart)), apart.shape)
    one, other, difference = (float(array[place]) for array in (found, wanted, apart))
    where = f" at {tuple(map(int, place))}" if place else ""
    over = apart.size - int((apart <= tolerance.limit).sum())
    return (
        f"ours {one!r}, theirs {other!r}{where}: {difference:.3g} apart, {tolerance} allowed; "
        f"{over} of {apart.size} values are over"
    )


HEAD = ("metric", "oracle", "compared", "largest difference", "tolerance", "tests")


def table(found: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """Markdown, a row for each metric, oracle and tolerance.

    Args:
        found: file of the test and record (`Record` as a dict), of each comparison.
    """
    groups: dict[tuple[str | float, ...], list[tuple[str, Record]]] = {}
    for file, fields in found:
        record = Record(**fields)
        key = (record.metric.lower(), record.metric, record.oracle, record.measure, record.limit)
        groups.setdefault(key, []).append((file, record))
    lines = [HEAD, ("---",) * len(HEAD), *(_cells(groups[key]) for key in sorted(groups))]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(group: list[tuple[str, Record]]) -> tuple[str, ...]:
    first = group[0][1]
    counts: dict[str, int] = {}
    for _, record in group:
        counts[record.unit] = counts.get(record.unit, 0) + record.count
    compared = ", ".join(f"{n:,} {unit if n != 1 else unit.removesuffix('s')}" for unit, n in counts.items())
    largest = float(np.max([record.difference for _, record in group]))
    files = ", ".join(f"`{file}`" for file in sorted({file for file, _ in group}))
    tolerance = str(Tolerance(first.limit, first.measure))
    return (first.metric, first.oracle, compared, f"{largest:.2g}", tolerance, files)

"""From rows to curves: a value per trial and level, for set metrics per group of speakers and level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spfem_bench.certify.catalogue import CATALOGUE, FLOORS
from spfem_bench.certify.claims import Claims
from spfem_bench.certify.statistics import Curve, Floats, as_floats, noise_floor
from spfem_bench.certify.work import CLEAN, REAL, Measured
from spfem_metrics import Metric, Reading, Row, Scored

GROUPS = 6
"""Groups of speakers in which a set metric is scored: as few as let every group hold most people."""

Cells = Mapping[tuple[str, float], Sequence[Row]]
"""(harm, level) -> rows of one metric, one a trial of the unit."""


@dataclass(frozen=True)
class Unit:
    """What gives one value: a trial, or for a set metric a group of speakers.

    Args:
        cluster: speaker, or name of the group.
        cells: its rows.
    """

    cluster: str
    cells: Cells


@dataclass(frozen=True)
class MetricCurves:
    """How one metric moves.

    Args:
        curves: degradation -> curve; those that could not be made of any scene are not there.
        floor: its noise floor.
        floors: harm that nobody should see -> 95th percentile of the size of its change.
        unit: what a row of a curve is: ``trial`` or ``group of speakers``.
    """

    curves: Mapping[str, Curve]
    floor: float
    floors: Mapping[str, float]
    unit: str


def curves_of(metric: Metric, found: Sequence[Measured], claims: Claims) -> MetricCurves:
    """Curves and noise floor of one metric.

    Args:
        metric: of the suite.
        found: scenes that were not skipped.
        claims: say which degradations were made at which levels.
    """
    units = _groups(metric, found) if metric.info.of_sets else _trials(metric, found)
    curves = {
        name: _curve(metric, units, name, levels)
        for name, levels in claims.degradations.items()
        if any(harm == name for unit in units for harm, _ in unit.cells)
    }
    clean = np.array([_value(metric, unit, CLEAN, 0.0) for unit in units])
    moved = {name: np.array([_value(metric, unit, name, 0.0) for unit in units]) - clean for name in FLOORS}
    whole = np.concatenate(list(moved.values())) if units else np.zeros(0)
    floors = {name: noise_floor(values) for name, values in moved.items()}
    what = "group of speakers" if metric.info.of_sets else "trial"
    return MetricCurves(curves, noise_floor(whole), floors, what)


def _curve(metric: Metric, units: Sequence[Unit], name: str, levels: Sequence[float]) -> Curve:
    """Of the units to which the harm could be done."""
    units = [unit for unit in units if any(harm == name for harm, _ in unit.cells)]
    start = name if CATALOGUE[name].own_start else CLEAN
    harms = [(start, 0.0), *((name, float(level)) for level in levels)]
    values: Floats = as_floats([[_value(metric, unit, *harm) for harm in harms] for unit in units])
    return Curve((0.0, *map(float, levels)), values, tuple(unit.cluster for unit in units))


def _value(metric: Metric, unit: Unit, harm: str, level: float) -> float:
    rows = unit.cells.get((harm, level), ())
    if not rows:
        return math.nan
    if metric.info.of_sets:
        if not all(isinstance(row.outcome, Reading) for row in rows):
            return math.nan  # a smaller set is another number
        outcome = metric.reduce([*rows, *unit.cells.get((REAL, 0.0), ())]).outcome
        return outcome.value if isinstance(outcome, Scored) else math.nan
    read = rows[0].outcome
    return read.value if isinstance(read, Reading) and read.value is not None else math.nan


def _trials(metric: Metric, found: Sequence[Measured]) -> list[Unit]:
    return [Unit(item.speaker, _cells(metric, [item])) for item in found]


def _groups(metric: Metric, found: Sequence[Measured]) -> list[Unit]:
    """Disjoint groups of speakers, dealt in the order of their names."""
    speakers = sorted({item.speaker for item in found})
    count = max(1, min(GROUPS, len(speakers) // 2))
    dealt = {speaker: index % count for index, speaker in enumerate(speakers)}
    groups = [[item for item in found if dealt[item.speaker] == index] for index in range(count)]
    return [Unit(f"group {i + 1}", _cells(metric, own)) for i, own in enumerate(groups) if own]


def _cells(metric: Metric, found: Sequence[Measured]) -> dict[tuple[str, float], list[Row]]:
    """A set is compared at one size only: a harm that some of its scenes could not be given is left out."""
    cells: dict[tuple[str, float], list[Row]] = {}
    for item in found:
        for cell in item.cells:
            if cell.metric == metric.info.name:
                cells.setdefault((cell.harm, cell.level), []).append(cell.row)
    return {key: rows for key, rows in cells.items() if len(rows) == len(found)}

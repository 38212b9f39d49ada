"""From a leaderboard to a sheet: grids of cells and the notes below them, the same for every format.

Leaderboard -> Sheet(grids of Headers and Lines of Cells, notes, footer) -> text, Markdown or LaTeX
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from spfem_bench.tables.check import AVERAGE, check
from spfem_bench.tables.model import Column, Leaderboard, SystemRow
from spfem_bench.tables.notes import Notes, signature_keys, tie_letters
from spfem_bench.tables.numbers import ABSENT, decimals, fixed
from spfem_bench.tables.published import PublishedGrid, published_grids
from spfem_bench.tables.standings import MIN_COVERAGE, may_rank
from spfem_metrics import Direction, Failed, Score, Scored, Unscored

Layout = Literal["average", "per-emotion"]
Mark = Literal["", "best", "second"]

ARROWS: Mapping[Direction, str] = {"higher": "↑", "lower": "↓"}
MARKS = f"Best and second are marked among models measured on at least {MIN_COVERAGE:.0%} of their trials"
"""Said below a table that shows marks."""

_MISSING = Score(Unscored("not measured"), scored=0, total=0)


@dataclass(frozen=True)
class Cell:
    """One score as text.

    Args:
        value: the number, or `ABSENT`.
        spread: half of the interval, with the value's decimals; empty where there is none.
        coverage: ``987/1000`` where not every row gave a reading, else empty.
        note: key of the footnote that says why there is no number, else empty.
        mark: whether it is the best or second best model of its column.
        ties: letters of the groups of models that it is not told apart from, as ``AB``; empty where unknown.
    """

    value: str
    spread: str = ""
    coverage: str = ""
    note: str = ""
    mark: Mark = ""
    ties: str = ""


@dataclass(frozen=True)
class Header:
    """A column's head: its label, ``↑`` or ``↓``, the key of its signature, and whether it is weak."""

    label: str
    arrow: str
    signature: str
    weak: bool


@dataclass(frozen=True)
class Line:
    """One system's cells."""

    name: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Grid:
    """One table: models above the rule, bounds below it."""

    caption: str
    headers: Sequence[Header]
    models: Sequence[Line]
    bounds: Sequence[Line]


@dataclass(frozen=True)
class Sheet:
    """Everything a format draws.

    Args:
        title: of the leaderboard.
        grids: one, or one per metric.
        notes: (key, text) in order; an empty key is a plain sentence, ``*`` explains weak metrics.
        signatures: (key, signature line) in order.
        footer: the leaderboard's own sentences.
        published: tables of other works.
    """

    title: str
    grids: Sequence[Grid]
    notes: Sequence[tuple[str, str]]
    signatures: Sequence[tuple[str, str]]
    footer: Sequence[str]
    published: Sequence[PublishedGrid] = ()

    def has_marks(self) -> bool:
        """Whether any cell is the best or second best of its column."""
        lines = (line for grid in self.grids for line in grid.models)
        return any(cell.mark for line in lines for cell in line.cells)


@dataclass(frozen=True)
class _Slot:
    """What one column of a grid shows: a metric at an emotion."""

    column: Column
    emotion: str
    header: Header


def lay_out(leaderboard: Leaderboard, layout: Layout = "average") -> Sheet:
    """Arrange a leaderboard.

    Args:
        leaderboard: checked here, see `spfem_bench.tables.check`.
        layout: ``average`` is systems by metrics; ``per-emotion`` is one grid per metric, systems by
            emotions with the average last.

    Raises:
        BenchError: the leaderboard holds what must not be printed.
    """
    check(leaderboard)
    notes = Notes(leaderboard)
    keys = signature_keys(leaderboard)
    plans = _by_metric(leaderboard, keys) if layout == "per-emotion" else _averages(leaderboard, keys)
    grids = [_grid(leaderboard, caption, slots, notes) for caption, slots in plans]
    signatures = [(keys[c.info.name], c.signature.line) for c in leaderboard.columns]
    tables = [published_grids(t, per_emotion=layout == "per-emotion") for t in leaderboard.published]
    published = [grid for grids in tables for grid in grids]
    return Sheet(leaderboard.title, grids, notes.listed(), signatures, leaderboard.footer, published)


def _averages(leaderboard: Leaderboard, keys: Mapping[str, str]) -> list[tuple[str, list[_Slot]]]:
    return [("", [_Slot(c, AVERAGE, _header(c, c.info.label, keys)) for c in leaderboard.columns])]


def _by_metric(leaderboard: Leaderboard, keys: Mapping[str, str]) -> list[tuple[str, list[_Slot]]]:
    return [(_caption(column), _emotions(leaderboard, column, keys)) for column in leaderboard.columns]


def _emotions(leaderboard: Leaderboard, column: Column, keys: Mapping[str, str]) -> list[_Slot]:
    shown = [*((emotion, emotion) for emotion in leaderboard.emotions), (AVERAGE, "Avg.")]
    return [_Slot(column, emotion, _header(column, label, keys)) for emotion, label in shown]


def _caption(column: Column) -> str:
    return f"{column.info.label} ({column.info.unit})"


def _header(column: Column, label: str, keys: Mapping[str, str]) -> Header:
    info = column.info
    return Header(label, ARROWS[info.direction], keys[info.name], bool(info.weak))


def _grid(leaderboard: Leaderboard, caption: str, slots: Sequence[_Slot], notes: Notes) -> Grid:
    drawn = [_column_cells(leaderboard, slot, slots, notes) for slot in slots]
    lines = [
        (system.role, Line(system.name, [cells[index] for cells in drawn]))
        for index, system in enumerate(leaderboard.systems)
    ]
    models = [line for role, line in lines if role == "model"]
    bounds = [line for role, line in lines if role == "bound"]
    return Grid(caption, [slot.header for slot in slots], models, bounds)


def _column_cells(leaderboard: Leaderboard, slot: _Slot, slots: Sequence[_Slot], notes: Notes) -> list[Cell]:
    same = [other.emotion for other in slots if other.column is slot.column]
    places = decimals(_values(leaderboard.systems, slot.column, same))
    cells = [_cell(score_of(system, slot), system, slot, places, notes) for system in leaderboard.systems]
    return _marked(leaderboard.systems, slot, _tied(leaderboard, slot, cells))


def _tied(leaderboard: Leaderboard, slot: _Slot, cells: Sequence[Cell]) -> list[Cell]:
    """The averages of ranked models with the letters of their groups."""
    standing = leaderboard.standings.get(slot.column.info.name)
    if standing is None or slot.emotion != AVERAGE:
        return list(cells)
    letters = {name: tie_letters(place) for name, place in standing.places.items()}
    pairs = zip(leaderboard.systems, cells, strict=True)
    return [replace(cell, ties=letters.get(system.name, "")) for system, cell in pairs]


def _values(systems: Sequence[SystemRow], column: Column, emotions: Sequence[str]) -> list[float]:
    scores = (system.scores.get(column.info.name, {}) for system in systems)
    outcomes = (by_emotion[e].outcome for by_emotion in scores for e in emotions if e in by_emotion)
    return [outcome.value for outcome in outcomes if isinstance(outcome, Scored)]


def score_of(system: SystemRow, slot: _Slot) -> Score:
    """The score a slot shows for a system, or one that says it was not measured."""
    return system.scores.get(slot.column.info.name, {}).get(slot.emotion, _MISSING)


def _cell(score: Score, system: SystemRow, slot: _Slot, places: int, notes: Notes) -> Cell:
    notes.add(score, system, slot.column)
    outcome = score.outcome
    if not isinstance(outcome, Scored):
        return Cell(ABSENT, note=notes.key(_why(outcome)))
    spread = "" if score.half_width is None else fixed(score.half_width, places)
    coverage = f"{score.scored}/{score.total}" if score.scored < score.total else ""
    return Cell(fixed(outcome.value, places), spread, coverage)


def _why(outcome: Unscored | Failed) -> str:
    return outcome.reason if isinstance(outcome, Unscored) else f"failed: {outcome.error}"


def _marked(systems: Sequence[SystemRow], slot: _Slot, cells: Sequence[Cell]) -> list[Cell]:
    """The cells with the best and second best models marked, by the number as printed: ties share a mark."""
    ranked = [i for i, system in enumerate(systems) if may_rank(system, slot.column.info.name, slot.emotion)]
    if len(ranked) < 2:
        return list(cells)
    order = sorted({float(cells[i].value) for i in ranked}, reverse=slot.column.info.direction == "higher")
    marks: dict[float, Mark] = dict(zip(order, ("best", "second"), strict=False))
    return [
        replace(cell, mark=marks.get(float(cell.value), "")) if index in ranked else cell
        for index, cell in enumerate(cells)
    ]

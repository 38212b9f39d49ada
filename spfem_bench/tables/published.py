"""Tables of other works beside measured ones: drawn apart, with source and definitions, never ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spfem_bench.tables.check import AVERAGE
from spfem_bench.tables.model import Published, PublishedColumn, PublishedRow
from spfem_bench.tables.numbers import ABSENT, fixed
from spfem_metrics import Direction

if TYPE_CHECKING:
    from spfem_bench.reported import Reported

CAPTION = "reported, not measured here"
_ARROWS: dict[Direction, str] = {"higher": "↑", "lower": "↓"}


@dataclass(frozen=True)
class PublishedGrid:
    """A published table as text.

    Args:
        caption: what it is.
        heads: of the columns: label and arrow.
        lines: model and cells.
        notes: source, definitions, contradictions.
    """

    caption: str
    heads: Sequence[str]
    lines: Sequence[tuple[str, Sequence[str]]]
    notes: Sequence[str]


def published_from(table: Reported) -> Published:
    """A published table as it is drawn.

    Args:
        table: as `spfem_bench.reported.load_table` reads it.
    """
    from spfem_bench.reported import contradictions

    source = ", ".join(table.source[key] for key in ("work", "repository", "file") if key in table.source)
    return Published(
        name=table.table,
        source=f"{source} ({table.source.get('read', 'as printed')})",
        decimals=table.decimals,
        emotions=table.emotions,
        columns=[PublishedColumn(m.name, m.direction, m.definition) for m in table.metrics],
        rows=[_row(table, method) for method in table.methods],
        notes=[
            f"{found.row.method}, {found.row.metric}: {found.sentence(table.decimals)}"
            for found in contradictions(table)
        ],
    )


def _row(table: Reported, method: str) -> PublishedRow:
    own = [row for row in table.rows if row.method == method]
    averages = {row.metric: {} if row.average is None else {AVERAGE: row.average} for row in own}
    return PublishedRow(method, {row.metric: {**row.cells, **averages[row.metric]} for row in own})


def published_grids(table: Published, *, per_emotion: bool) -> list[PublishedGrid]:
    """One grid of averages, or one per metric with a column per emotion; the notes stand below the last."""
    if not per_emotion:
        heads = [f"{column.label} {_ARROWS[column.direction]}" for column in table.columns]
        slots = [(column.label, AVERAGE) for column in table.columns]
        return [_grid(table, f"{table.name} ({CAPTION})", heads, slots, _notes(table))]
    grids = []
    for column in table.columns:
        slots = [(column.label, emotion) for emotion in (*table.emotions, AVERAGE)]
        heads = [f"{name} {_ARROWS[column.direction]}" for name in (*table.emotions, "Avg.")]
        notes = _notes(table) if column is table.columns[-1] else []
        grids.append(_grid(table, f"{table.name}: {column.label} ({CAPTION})", heads, slots, notes))
    return grids


def _grid(
    table: Published,
    caption: str,
    heads: Sequence[str],
    slots: Sequence[tuple[str, str]],
    notes: Sequence[str],
) -> PublishedGrid:
    lines = [(row.model, [_cell(table, row, *slot) for slot in slots]) for row in table.rows]
    return PublishedGrid(caption, heads, lines, notes)


def _cell(table: Published, row: PublishedRow, label: str, emotion: str) -> str:
    value = row.cells.get(label, {}).get(emotion)
    return ABSENT if value is None else fixed(value, table.decimals)


def _notes(table: Published) -> list[str]:
    definitions = "; ".join(f"{column.label}: {column.definition}" for column in table.columns)
    return [f"source: {table.source}", f"definitions: {definitions}", *table.notes]

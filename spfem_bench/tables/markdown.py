"""Tables in GitHub's Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tabulate import tabulate

from spfem_bench.tables.layout import MARKS, Cell, Grid, Header, Line, Mark, Sheet
from spfem_bench.tables.published import PublishedGrid
from spfem_bench.tables.text import BOUNDS, cell_text

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")
_MARKS: dict[Mark, tuple[str, str]] = {"": ("", ""), "best": ("**", "**"), "second": ("<u>", "</u>")}


def render_markdown(sheet: Sheet) -> str:
    """A sheet as Markdown: best models bold, second underlined, bounds below a row of their own.

    Returns:
        Text that ends with a newline.
    """
    parts = [f"### {escape(sheet.title)}"]
    for grid in sheet.grids:
        parts += [f"#### {escape(grid.caption)}"] if grid.caption else []
        parts.append(_table(grid))
    notes = [f"- {line}" for line in _notes(sheet)]
    parts += ["\n".join(notes)] if notes else []
    return "\n\n".join([*parts, *(_published(grid) for grid in sheet.published)]) + "\n"


def _published(grid: PublishedGrid) -> str:
    rows = [[escape(name), *cells] for name, cells in grid.lines]
    alignment = ("left", *("right" for _ in grid.heads))
    heads = ["System", *map(escape, grid.heads)]
    table = tabulate(rows, heads, tablefmt="pipe", disable_numparse=True, colalign=alignment)
    notes = "\n".join(f"- {escape(note)}" for note in grid.notes)
    return "\n\n".join([f"#### {escape(grid.caption)}", table, *([notes] if notes else [])])


def escape(text: str) -> str:
    """Text in which nothing is markup, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _notes(sheet: Sheet) -> list[str]:
    keyed = [f"{_key(key)}{escape(text)}" for key, text in sheet.notes]
    signatures = [rf"\[{key}\] {_code(line)}" for key, line in dict(sheet.signatures).items()]
    marks = [MARKS] if sheet.has_marks() else []
    return [*marks, *keyed, *signatures, *(escape(text) for text in sheet.footer)]


def _key(key: str) -> str:
    if not key:
        return ""
    return r"\* " if key == "*" else f"({key}) "


def _code(line: str) -> str:
    return f"`` {line} ``" if "`" in line else f"`{line}`"


def _table(grid: Grid) -> str:
    heads = ["System", *(_head(header) for header in grid.headers)]
    rows = [*_rows(grid.models), *_bounds(grid)]
    alignment = ("left", *("right" for _ in grid.headers))
    return tabulate(rows, heads, tablefmt="pipe", disable_numparse=True, colalign=alignment)


def _head(header: Header) -> str:
    weak = r"\*" if header.weak else ""
    return rf"{escape(header.label)}{weak} {header.arrow} \[{header.signature}\]"


def _bounds(grid: Grid) -> list[list[str]]:
    if not grid.bounds:
        return []
    return [[f"*{BOUNDS}*", *("" for _ in grid.headers)], *_rows(grid.bounds)]


def _rows(lines: Sequence[Line]) -> list[list[str]]:
    return [[escape(line.name), *(_cell(cell) for cell in line.cells)] for line in lines]


def _cell(cell: Cell) -> str:
    before, after = _MARKS[cell.mark]
    ties = f"<sup>{cell.ties}</sup>" if cell.ties else ""
    return f"{before}{cell.value}{after}{ties}{cell_text(replace(cell, ties=''))[len(cell.value) :]}"

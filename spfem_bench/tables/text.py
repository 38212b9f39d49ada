"""Tables for a terminal: aligned columns, wrapped into blocks where they are wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tabulate import SEPARATING_LINE, tabulate

from spfem_bench.tables.layout import MARKS, Cell, Grid, Header, Mark, Sheet
from spfem_bench.tables.published import PublishedGrid

BOUNDS = "floor and ceiling"
_STYLES: dict[Mark, str] = {"best": "\x1b[1m", "second": "\x1b[4m"}
_GAP = 2


def render_text(sheet: Sheet, *, width: int | None = None, colour: bool = False) -> str:
    """A sheet as lines.

    Args:
        sheet: from `spfem_bench.tables.layout.lay_out`.
        width: of the terminal in characters; None never wraps.
        colour: best models bold, second underlined, by ANSI codes; without it, marks are not shown.

    Returns:
        Text that ends with a newline.
    """
    parts = [sheet.title]
    for grid in sheet.grids:
        parts += [_captioned(grid, block) for block in _blocks(grid, width, colour)]
    notes = [*([MARKS] if colour and sheet.has_marks() else []), *_notes(sheet)]
    parts += ["\n".join(notes)] if notes else []
    return "\n\n".join([*parts, *(_published(grid) for grid in sheet.published)]) + "\n"


def _published(grid: PublishedGrid) -> str:
    rows = [[name, *cells] for name, cells in grid.lines]
    alignment = ("left", *("right" for _ in grid.heads))
    table = tabulate(
        rows, ["System", *grid.heads], tablefmt="simple", disable_numparse=True, colalign=alignment
    )
    return "\n".join([grid.caption, table, *grid.notes])


def _notes(sheet: Sheet) -> list[str]:
    keyed = [
        f"({key}) {text}" if key not in {"", "*"} else f"{key} {text}".strip() for key, text in sheet.notes
    ]
    signatures = [f"[{key}] {line}" for key, line in dict(sheet.signatures).items()]
    return [*keyed, *signatures, *sheet.footer]


def _captioned(grid: Grid, block: str) -> str:
    return f"{grid.caption}\n{block}" if grid.caption else block


def header_text(header: Header) -> str:
    """A head as one string: ``Identity* ↑ [a]``."""
    return f"{header.label}{'*' if header.weak else ''} {header.arrow} [{header.signature}]"


def cell_text(cell: Cell) -> str:
    """A cell as one string: ``0.412 ± 0.008 AB (987/1000)`` or an `ABSENT` with its note."""
    ties = f" {cell.ties}" if cell.ties else ""
    spread = f" ± {cell.spread}" if cell.spread else ""
    coverage = f" ({cell.coverage})" if cell.coverage else ""
    note = f" ({cell.note})" if cell.note else ""
    return f"{cell.value}{spread}{ties}{coverage}{note}"


def _blocks(grid: Grid, width: int | None, colour: bool) -> Iterator[str]:
    columns = _columns(grid, colour)
    names = ["System", *(line.name for line in [*grid.models, *grid.bounds])]
    heads = [header_text(header) for header in grid.headers]
    sizes = [max(len(head), *map(_visible, column), 0) for head, column in zip(heads, columns, strict=True)]
    for chosen in _split(sizes, max(map(len, names)), width):
        yield _table(grid, [heads[i] for i in chosen], [columns[i] for i in chosen])


def _split(sizes: Sequence[int], first: int, width: int | None) -> Iterator[list[int]]:
    """Column indices of each block; at least one column in each."""
    block: list[int] = []
    used = first
    for index, size in enumerate(sizes):
        if block and width is not None and used + _GAP + size > width:
            yield block
            block, used = [], first
        block.append(index)
        used += _GAP + size
    if block:
        yield block


def _columns(grid: Grid, colour: bool) -> list[list[str]]:
    lines = [*grid.models, *grid.bounds]
    return [_aligned([line.cells[index] for line in lines], colour) for index in range(len(grid.headers))]


def _aligned(cells: Sequence[Cell], colour: bool) -> list[str]:
    """Cells whose decimal points stand below each other, whatever follows the number."""
    value_width = max((len(cell.value) for cell in cells), default=0)
    tails = [cell_text(cell)[len(cell.value) :] for cell in cells]
    tail_width = max(map(len, tails), default=0)
    return [
        " " * (value_width - len(cell.value)) + _styled(cell, colour) + tail.ljust(tail_width)
        for cell, tail in zip(cells, tails, strict=True)
    ]


def _styled(cell: Cell, colour: bool) -> str:
    style = _STYLES.get(cell.mark, "") if colour else ""
    return f"{style}{cell.value}\x1b[0m" if style else cell.value


def _visible(text: str) -> int:
    for code in (*_STYLES.values(), "\x1b[0m"):
        text = text.replace(code, "")
    return len(text)


def _table(grid: Grid, heads: Sequence[str], columns: Sequence[Sequence[str]]) -> str:
    rows = [list(row) for row in zip(*columns, strict=True)]
    body: list[list[str] | str] = [[line.name, *row] for line, row in zip(grid.models, rows, strict=False)]
    if grid.bounds:
        body += [SEPARATING_LINE, [BOUNDS]] if grid.models else [[BOUNDS]]
        below = rows[len(grid.models) :]
        body += [[line.name, *row] for line, row in zip(grid.bounds, below, strict=True)]
    alignment = ("left", *("right" for _ in heads))
    drawn = tabulate(
        body, ["System", *heads], tablefmt="simple", disable_numparse=True, colalign=alignment,
        preserve_whitespace=True,
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in drawn.splitlines())

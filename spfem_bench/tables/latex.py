"""Tables in LaTeX with the ``booktabs`` rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spfem_bench.tables.layout import MARKS, Cell, Grid, Header, Line, Mark, Sheet
from spfem_bench.tables.numbers import ABSENT
from spfem_bench.tables.published import PublishedGrid
from spfem_bench.tables.text import BOUNDS

WIDE = 5
"""More columns than this are scaled to the width of the text."""

_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "±": r"$\pm$",
        ABSENT: "--",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
    }
)
_ARROWS: Mapping[str, str] = {"↑": r"$\uparrow$", "↓": r"$\downarrow$"}
_MARKS: dict[Mark, str] = {"best": r"\mathbf{%s}", "second": r"\underline{%s}", "": "%s"}


def render_latex(sheet: Sheet) -> str:
    r"""A sheet as one ``table`` environment per grid: best models bold, second underlined.

    Needs ``\usepackage{booktabs}``, for wide tables ``graphicx`` too, and a document in UTF-8. The notes
    stand below the last grid.

    Returns:
        Text that ends with a newline.
    """
    last = len(sheet.grids) - 1
    drawn = [_environment(grid, sheet, notes=index == last) for index, grid in enumerate(sheet.grids)]
    drawn += [_published(grid) for grid in sheet.published]
    return _packages(sheet) + "\n\n".join(drawn) + "\n"


def _packages(sheet: Sheet) -> str:
    wide = any(len(grid.headers) > WIDE for grid in sheet.grids)
    return "% \\usepackage{booktabs}" + (" \\usepackage{graphicx}" if wide else "") + "\n"


def escape(text: str) -> str:
    """Text in which nothing is a command, on one line."""
    return " ".join(text.split()).translate(_ESCAPES)


def _environment(grid: Grid, sheet: Sheet, *, notes: bool) -> str:
    caption = f"{sheet.title}: {grid.caption}" if grid.caption else sheet.title
    return _table(caption, len(grid.headers), _body(grid), _notes(sheet) if notes else [])


def _published(grid: PublishedGrid) -> str:
    heads = ["System", *(escape(head) for head in grid.heads)]
    rows = [_row([escape(name), *map(escape, cells)]) for name, cells in grid.lines]
    body = [r"\toprule", _row(heads), r"\midrule", *rows, r"\bottomrule"]
    return _table(grid.caption, len(grid.heads), body, _small([escape(note) for note in grid.notes]))


def _table(caption: str, columns: int, body: Sequence[str], notes: Sequence[str]) -> str:
    """A floating table; one too wide for a page is scaled to it."""
    wide = columns > WIDE
    lines = [
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        *([r"\resizebox{\linewidth}{!}{%"] if wide else []),
        rf"\begin{{tabular}}{{l{'r' * columns}}}",
        *body,
        r"\end{tabular}" + ("}" if wide else ""),
        *notes,
        r"\end{table}",
    ]
    return "\n".join(lines)


def _body(grid: Grid) -> list[str]:
    heads = ["System", *(_head(header) for header in grid.headers)]
    lines = [r"\toprule", _row(heads), r"\midrule", *_rows(grid.models)]
    if grid.bounds:
        label = rf"\multicolumn{{{len(heads)}}}{{l}}{{\emph{{{BOUNDS}}}}} \\"
        lines += [r"\midrule"] if grid.models else []
        lines += [label, *_rows(grid.bounds)]
    return [*lines, r"\bottomrule"]


def _head(header: Header) -> str:
    weak = r"\textsuperscript{*}" if header.weak else ""
    return rf"{escape(header.label)}{weak} {_ARROWS[header.arrow]}\textsuperscript{{{header.signature}}}"


def _rows(lines: Sequence[Line]) -> list[str]:
    return [_row([escape(line.name), *(_cell(cell) for cell in line.cells)]) for line in lines]


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(cell: Cell) -> str:
    if cell.value == ABSENT:
        return rf"--\textsuperscript{{{cell.note}}}"
    spread = rf" \pm {cell.spread}" if cell.spread else ""
    coverage = rf" {{\footnotesize ({cell.coverage})}}" if cell.coverage else ""
    ties = rf"^{{\mathrm{{{cell.ties}}}}}" if cell.ties else ""
    return f"${_MARKS[cell.mark] % cell.value}{ties}{spread}${coverage}"


def _notes(sheet: Sheet) -> list[str]:
    keyed = [f"{_key(key)}{escape(text)}" for key, text in sheet.notes]
    signatures = [f"{_key(key)}{_signature(line)}" for key, line in dict(sheet.signatures).items()]
    marks = [escape(MARKS)] if sheet.has_marks() else []
    lines = [*marks, *keyed, *signatures, *(escape(text) for text in sheet.footer)]
    return _small(lines)


def _small(lines: Sequence[str]) -> list[str]:
    return [r"\par\raggedright\footnotesize", *(rf"{line}\par" for line in lines)] if lines else []


def _key(key: str) -> str:
    return rf"\textsuperscript{{{key}}} " if key else ""


def _signature(line: str) -> str:
    """A definition as one word that may be broken after each of its joints."""
    text = escape(line)
    for joint in (r"\textbar{}", ",", "+", ":"):
        text = text.replace(joint, rf"{joint}\allowbreak ")
    return rf"\texttt{{{text}}}"

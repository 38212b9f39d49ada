"""Tables in LaTeX with the ``booktabs`` rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spfem_bench.tables.layout import MARKS, Cell, Grid, Header, Line, Mark, Sheet
from spfem_bench.tables.numbers import ABSENT
from spfem_bench.tables.text import BOUNDS

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

    Needs ``\usepackage{booktabs}`` and a document in UTF-8. The notes stand below the last grid.

    Returns:
        Text that ends with a newline.
    """
    last = len(sheet.grids) - 1
    drawn = [_environment(grid, sheet, notes=index == last) for index, grid in enumerate(sheet.grids)]
    return "% \\usepackage{booktabs}\n" + "\n\n".join(drawn) + "\n"


def escape(text: str) -> str:
    """Text in which nothing is a command, on one line."""
    return " ".join(text.split()).translate(_ESCAPES)


def _environment(grid: Grid, sheet: Sheet, *, notes: bool) -> str:
    caption = f"{sheet.title}: {grid.caption}" if grid.caption else sheet.title
    body = [
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * len(grid.headers)}}}",
        *_body(grid),
        r"\end{tabular}",
        *(_notes(sheet) if notes else []),
        r"\end{table}",
    ]
    return "\n".join(body)


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
    return f"${_MARKS[cell.mark] % cell.value}{spread}${coverage}"


def _notes(sheet: Sheet) -> list[str]:
    keyed = [f"{_key(key)}{escape(text)}" for key, text in sheet.notes]
    signatures = [f"{_key(key)}{_signature(line)}" for key, line in dict(sheet.signatures).items()]
    marks = [escape(MARKS)] if sheet.has_marks() else []
    lines = [*marks, *keyed, *signatures, *(escape(text) for text in sheet.footer)]
    return [r"\par\raggedright\footnotesize", *(rf"{line}\par" for line in lines)] if lines else []


def _key(key: str) -> str:
    return rf"\textsuperscript{{{key}}} " if key else ""


def _signature(line: str) -> str:
    return rf"\texttt{{{escape(line)}}}".replace(r"\textbar{}", r"\textbar{}\allowbreak ")

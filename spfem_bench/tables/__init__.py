"""Leaderboards drawn: one model, two layouts, five formats; the same bytes for the same numbers."""

from __future__ import annotations

from typing import Literal

from spfem_bench.tables.check import AVERAGE, check
from spfem_bench.tables.data import render_csv, render_json
from spfem_bench.tables.latex import render_latex
from spfem_bench.tables.layout import Layout, lay_out
from spfem_bench.tables.markdown import render_markdown
from spfem_bench.tables.merge import chosen, merge
from spfem_bench.tables.model import Column, Leaderboard, Published, Standing, SystemRow
from spfem_bench.tables.published import published_from
from spfem_bench.tables.standings import QUESTIONS, Question, ranked, with_values
from spfem_bench.tables.text import render_text

Format = Literal["text", "markdown", "csv", "latex", "json"]
FORMATS: tuple[Format, ...] = ("text", "markdown", "csv", "latex", "json")
LAYOUTS: tuple[Layout, ...] = ("average", "per-emotion")

__all__ = [
    "AVERAGE",
    "FORMATS",
    "LAYOUTS",
    "QUESTIONS",
    "Column",
    "Format",
    "Layout",
    "Leaderboard",
    "Published",
    "Question",
    "Standing",
    "SystemRow",
    "check",
    "chosen",
    "merge",
    "published_from",
    "ranked",
    "render",
    "with_values",
]


def render(
    leaderboard: Leaderboard,
    format: Format = "text",
    layout: Layout = "average",
    *,
    width: int | None = None,
    colour: bool = False,
) -> str:
    """Draw a leaderboard.

    Args:
        leaderboard: what to draw.
        format: one of `FORMATS`; CSV and JSON hold every emotion whatever the layout.
        layout: ``average`` or ``per-emotion``.
        width: of the terminal, for ``text``; None never wraps.
        colour: whether ``text`` may mark the best models by ANSI codes.

    Returns:
        Text that ends with a newline.

    Raises:
        BenchError: the leaderboard holds what must not be printed (see `check`).
    """
    if format == "csv":
        return render_csv(leaderboard)
    if format == "json":
        return render_json(leaderboard)
    sheet = lay_out(leaderboard, layout)
    if format == "markdown":
        return render_markdown(sheet)
    return render_latex(sheet) if format == "latex" else render_text(sheet, width=width, colour=colour)

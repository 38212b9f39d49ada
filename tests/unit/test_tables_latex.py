"""LaTeX tables compile as they stand, names with markup in them included."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from spfem_bench.tables import LAYOUTS, Layout, Leaderboard, ranked, render
from spfem_bench.tables.latex import WIDE

from .test_tables_published import TABLE
from .test_tables_render import column, score, system
from .test_tables_standings import measured

DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs}
\usepackage{graphicx}
\begin{document}
\input{table.tex}
\end{document}
"""


def board(columns: int) -> Leaderboard:
    """Ranked models, a bound, absent cells, notes, a published table, and every character with a meaning."""
    names = ["cos", *(f"m{i}" for i in range(columns - 1))]
    odd = system(r"50% & $x_1^2$ {a} #b ~c \d <e>|f", cos=score(None), **{n: score(0.1) for n in names[1:]})
    return ranked(
        Leaderboard(
            title=r"suite_1 & 2 | Fréchet",
            emotions=["happy"],
            columns=[column(name, f"Label_{name}", weak="57% right") for name in names],
            systems=[
                measured("near", 0.8, 1),
                measured("far", 0.2, 2),
                odd,
                system("b", "bound", cos=score(1.0)),
            ],
            footer=["100% of the trials"],
            published=[replace(TABLE, name="work_2026/cross")],
        )
    )


def test_only_a_wide_table_is_scaled_to_the_page() -> None:
    assert r"\resizebox" not in render(board(WIDE), "latex")
    wide = render(board(WIDE + 1), "latex")
    assert wide.count(r"\resizebox{\linewidth}{!}{%") == 1
    assert r"\end{tabular}}" in wide
    assert wide.startswith(r"% \usepackage{booktabs} \usepackage{graphicx}")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_compiles_and_no_line_leaves_the_page(tmp_path: Path, layout: Layout) -> None:
    (tmp_path / "table.tex").write_text(render(board(WIDE + 2), "latex", layout))
    (tmp_path / "document.tex").write_text(DOCUMENT)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    assert (tmp_path / "document.pdf").stat().st_size > 0

"""Tables drawn: golden texts, escapes, marks, coverage, and nothing non-finite."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfem_bench.errors import BenchError
from spfem_bench.tables import FORMATS, LAYOUTS, Column, Leaderboard, SystemRow, render
from spfem_bench.tables.latex import escape as latex_escape
from spfem_bench.tables.markdown import escape as markdown_escape
from spfem_bench.tables.numbers import decimals, fixed, significant
from spfem_metrics import Failed, MetricInfo, Need, Outcome, Score, Scored, Signature, Unscored


def column(name: str, label: str, direction: Any = "higher", weak: str = "", net: str = "a1") -> Column:
    info = MetricInfo(
        name,
        label,
        1,
        direction,
        "cosine",
        (-1.0, float("inf")),
        (Need("output", "faces"),),
        "about",
        weak=weak,
    )
    return Column(info, Signature(name, 1, {"net": net, "miss": "exclude"}))


def score(value: float | None, half: float | None = None, scored: int = 10, reason: str = "no face") -> Score:
    outcome: Outcome = Unscored(reason) if value is None else Scored(value)
    return Score(outcome, scored, 10, half, "t over 6 speaker means" if half is not None else "")


def system(name: str, role: str = "model", **scores: Score) -> SystemRow:
    by_metric = {metric: {"happy": s, "average": s} for metric, s in scores.items()}
    return SystemRow(name, role, by_metric, generated=10, trials=10)


@pytest.fixture
def board() -> Leaderboard:
    return Leaderboard(
        title="suite on data",
        emotions=["happy"],
        columns=[column("cos", "Cos"), column("dist", "Dist", "lower", weak="57% right", net="b_2")],
        systems=[
            system("model_a", cos=score(0.41234, 0.008, 9), dist=score(2.0)),
            system("model_b", cos=score(0.5), dist=score(1.0)),
            system("copy-source", "bound", cos=score(1.0), dist=score(None, reason="no true pair")),
        ],
        footer=["rule of the protocol"],
        reasons={"cos": {"no face": 1}},
    )


TEXT = """\
suite on data

System                        Cos ↑ [a]    Dist* ↓ [b]
-----------------  --------------------  -------------
model_a            0.412 ± 0.008 (9/10)      2.000
model_b            0.500                     1.000
-----------------  --------------------  -------------
floor and ceiling
copy-source        1.000                         \u2013 (1)

(1) no true pair
* Dist: weak evidence, 57% right
± is half of the 95% interval (t over 6 speaker means): Cos
rows without a reading: no face (1): Cos
[a] cos|v1|net:a1|miss:exclude
[b] dist|v1|net:b_2|miss:exclude
rule of the protocol
"""

MARKDOWN = r"""### suite on data

| System              |                 Cos ↑ \[a\] |   Dist\* ↓ \[b\] |
|:--------------------|----------------------------:|-----------------:|
| model\_a            | <u>0.412</u> ± 0.008 (9/10) |     <u>2.000</u> |
"""

LATEX = r"""% \usepackage{booktabs}
\begin{table}[t]
\centering
\caption{suite on data}
\begin{tabular}{lrr}
\toprule
System & Cos $\uparrow$\textsuperscript{a} & Dist\textsuperscript{*} $\downarrow$\textsuperscript{b} \\
\midrule
model\_a & $\underline{0.412} \pm 0.008$ {\footnotesize (9/10)} & $\underline{2.000}$ \\
model\_b & $\mathbf{0.500}$ & $\mathbf{1.000}$ \\
\midrule
\multicolumn{3}{l}{\emph{floor and ceiling}} \\
copy-source & $1.000$ & --\textsuperscript{1} \\
\bottomrule
\end{tabular}
\par\raggedright\footnotesize
Best and second are marked among models measured on at least 90\% of their trials\par
\textsuperscript{1} no true pair\par
\textsuperscript{*} Dist: weak evidence, 57\% right\par
$\pm$ is half of the 95\% interval (t over 6 speaker means): Cos\par
rows without a reading: no face (1): Cos\par
\textsuperscript{a} \texttt{cos\textbar{}\allowbreak v1\textbar{}\allowbreak net:\allowbreak a1\textbar{}\allowbreak miss:\allowbreak exclude}\par
\textsuperscript{b} \texttt{dist\textbar{}\allowbreak v1\textbar{}\allowbreak net:\allowbreak b\_2\textbar{}\allowbreak miss:\allowbreak exclude}\par
rule of the protocol\par
\end{table}
"""  # noqa: E501 - golden text

CSV = """\
system,role,metric,emotion,value,half_width,scored,total,unit,direction,signature,reason,rank_low,rank_high,ties
model_a,model,cos,happy,0.41234,0.008,9,10,cosine,higher,cos|v1|net:a1|miss:exclude,,,,
"""


def test_text_is_the_golden_text(board: Leaderboard) -> None:
    assert render(board) == TEXT


def test_latex_is_the_golden_text(board: Leaderboard) -> None:
    assert render(board, "latex") == LATEX


def test_markdown_begins_as_the_golden_text(board: Leaderboard) -> None:
    drawn = render(board, "markdown")
    assert drawn.startswith(MARKDOWN)
    squeezed = [" ".join(line.split()) for line in drawn.splitlines()]
    assert "| *floor and ceiling* | | |" in squeezed
    assert r"- \* Dist: weak evidence, 57% right" in drawn
    assert "- \\[b\\] `dist|v1|net:b_2|miss:exclude`" in drawn


def test_csv_is_long_form_with_five_figures(board: Leaderboard) -> None:
    drawn = render(board, "csv")
    assert drawn.startswith(CSV)
    rows = list(csv.DictReader(io.StringIO(drawn)))
    assert len(rows) == 3 * 2 * 2
    assert rows[-1]["value"] == ""
    assert rows[-1]["reason"] == "no true pair"


def test_json_keeps_every_bit_and_no_infinity(board: Leaderboard) -> None:
    third = 1 / 3
    exact = replace(board, systems=[system("m", cos=score(third), dist=score(None, reason="why"))])
    document = json.loads(render(exact, "json"))
    scores = document["systems"][0]["scores"]
    assert document["schema_version"] == 1
    assert scores["cos"]["average"]["value"] == third
    assert scores["dist"]["average"]["value"] is None
    assert scores["dist"]["average"]["reason"] == "why"
    assert document["columns"][0]["bounds"] == [-1.0, None]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("format", FORMATS)
def test_the_same_numbers_give_the_same_bytes(board: Leaderboard, format: Any, layout: Any) -> None:
    first = render(board, format, layout)
    assert first == render(board, format, layout)
    assert first.endswith("\n")
    assert not first.endswith("\n\n")


def test_per_emotion_draws_one_grid_per_metric_with_the_average_last(board: Leaderboard) -> None:
    drawn = render(board, "text", "per-emotion")
    assert "Cos (cosine)\n" in drawn
    assert "Dist (cosine)\n" in drawn
    heads = [line.split() for line in drawn.splitlines() if line.startswith("System")]
    assert heads[0] == ["System", "happy", "↑", "[a]", "Avg.", "↑", "[a]"]


def test_colour_marks_best_and_second_of_models_only(board: Leaderboard) -> None:
    drawn = render(board, colour=True)
    assert "\x1b[1m0.500\x1b[0m" in drawn
    assert "\x1b[4m0.412\x1b[0m" in drawn
    assert "\x1b[1m1.000\x1b[0m" in drawn  # the lower distance of model_b
    bound = next(line for line in drawn.splitlines() if line.startswith("copy-source"))
    assert "\x1b" not in bound
    assert "\x1b" not in render(board)


def test_a_single_model_is_not_called_best(board: Leaderboard) -> None:
    alone = replace(board, systems=[board.systems[0], board.systems[2]])
    assert "**" not in render(alone, "markdown")


def test_equal_as_printed_shares_the_mark(board: Leaderboard) -> None:
    tied = [system("a", cos=score(0.50001)), system("b", cos=score(0.50002)), system("c", cos=score(0.4))]
    drawn = render(replace(board, systems=tied), "markdown")
    assert drawn.count("**0.500**") == 2
    assert drawn.count("<u>0.400</u>") == 1


def test_a_model_with_little_coverage_is_not_marked(board: Leaderboard) -> None:
    few = [system("a", cos=score(0.9, scored=1)), system("b", cos=score(0.5)), system("c", cos=score(0.4))]
    drawn = render(replace(board, systems=few), "markdown")
    assert "0.900 (1/10)" in drawn
    assert "**0.500**" in drawn


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("format", FORMATS)
def test_a_table_without_models_systems_or_columns_is_still_drawn(
    board: Leaderboard, format: Any, layout: Any
) -> None:
    for less in (
        replace(board, systems=board.systems[2:]),
        replace(board, systems=[]),
        replace(board, systems=[], columns=[]),
    ):
        assert render(less, format, layout, width=30).strip()


def test_failed_and_missing_cells_say_why(board: Leaderboard) -> None:
    broken = [system("a", cos=Score(Failed("singular matrix"), 0, 10))]
    drawn = render(replace(board, systems=broken))
    assert "(1) failed: singular matrix" in drawn
    assert "(2) not measured" in drawn


def test_lost_outputs_and_notes_stand_below(board: Leaderboard) -> None:
    noted = Score(Scored(3.0), 10, 10, notes=("n = 240 generated / 260 real frames",))
    row = replace(system("a", cos=noted), generated=8, failures={"crash": 1, "hang": 1})
    drawn = render(replace(board, systems=[row]))
    assert "Cos: n = 240 generated / 260 real frames\n" in drawn
    assert "a: 8 of 10 trials have an output: crash (1), hang (1)" in drawn


def test_a_wide_table_is_wrapped_to_the_terminal(board: Leaderboard) -> None:
    drawn = render(board, width=45)
    grids = drawn.split("\n\n")[1:3]
    assert [grid.splitlines()[0].split()[1] for grid in grids] == ["Cos", "Dist*"]
    assert all(len(line) <= 45 for grid in grids for line in grid.splitlines())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda b: replace(b, systems=[*b.systems, b.systems[0]]), "stands twice"),
        (lambda b: replace(b, columns=b.columns[:1]), "no column, so no definition"),
        (lambda b: replace(b, emotions=["sad"]), "does not list"),
        (lambda b: replace(b, systems=[replace(b.systems[0], role="baseline")]), "neither model nor bound"),
        (lambda b: replace(b, systems=[system("a", cos=score(0.1, float("nan")))]), "not finite"),
    ],
)
@pytest.mark.parametrize("format", FORMATS)
def test_what_must_not_be_printed_is_refused(
    board: Leaderboard, change: Any, fault: str, format: Any
) -> None:
    with pytest.raises(BenchError, match=fault):
        render(change(board), format)


def test_latex_escapes_leave_balanced_braces_and_no_bare_specials(board: Leaderboard) -> None:
    name = r"50% & $x_1^2$ {a} #b ~c \d <e>|f"
    drawn = render(replace(board, systems=[system(name, cos=score(0.1))], title=name), "latex")
    assert drawn.count("{") - drawn.count(r"\{") == drawn.count("}") - drawn.count(r"\}")
    assert r"50\% \& \$x\_1\textasciicircum{}2\$ \{a\} \#b \textasciitilde{}c \textbackslash{}d" in drawn


@given(st.text())
def test_escaped_latex_holds_no_command_the_text_asked_for(text: str) -> None:
    escaped = latex_escape(text)
    rest = escaped
    for made in (
        r"\textbackslash{}", r"\textasciitilde{}", r"\textasciicircum{}", r"\textless{}", r"\textgreater{}",
        r"\textbar{}",
        r"$\pm$", r"$\uparrow$", r"$\downarrow$", r"\&", r"\%", r"\$", r"\#", r"\_", r"\{", r"\}",
    ):  # fmt: skip
        rest = rest.replace(made, "")
    assert not set(rest) & set("\\&%$#_{}~^\n")


def test_markdown_escapes_pipes_and_line_breaks() -> None:
    assert markdown_escape("a|b\n*c*") == r"a\|b \*c\*"


@pytest.mark.parametrize(
    ("values", "places"),
    [([0.5, 0.9], 3), ([0.05], 4), ([12.0], 3), ([250.0], 2), ([2e-4], 6), ([], 3), ([0.0], 3)],
)
def test_decimals_follow_the_magnitude(values: list[float], places: int) -> None:
    assert decimals(values) == places


def test_a_rounded_zero_has_no_sign() -> None:
    assert fixed(-0.0001, 3) == "0.000"
    assert fixed(-0.001, 3) == "-0.001"


def test_five_significant_figures() -> None:
    assert [significant(v) for v in (0.0123456789, 123456.0, None)] == ["0.012346", "1.2346e+05", ""]


def test_reasons_that_differ_in_their_numbers_only_are_counted_together() -> None:
    from spfem_bench.tables.notes import _counted

    reasons = {"no face in any of the 75 output frames": 12, "no face in any of the 95 output frames": 3}
    assert _counted({**reasons, "no audio": 1}) == "no face in any of the N output frames (15), no audio (1)"
    assert (
        _counted({"no face in any of the 75 output frames": 2})
        == "no face in any of the 75 output frames (2)"
    )

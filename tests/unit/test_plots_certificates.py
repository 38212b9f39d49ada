"""Curves of certificates: a panel per claim, for exactly the definitions of a table."""

from __future__ import annotations

from typing import Any

import pytest

from spfem_bench.certify.certificate import Certificate, Line, Made, MetricCertificate, Point, Verdict
from spfem_bench.certify.plot import draw
from spfem_bench.plots.canvas import styled
from spfem_bench.plots.certificates import certificates_figure
from spfem_bench.plots.curves import STATES, sheet, sheet_size
from spfem_bench.tables import Leaderboard

from .test_tables_render import column

pytest.importorskip("matplotlib")


def metric(name: str = "emotion-accuracy", count: int = 3) -> MetricCertificate:
    """Sees blur, ignores jpeg, and was not scored under noise."""
    sign = column(name, "Emotion").signature
    points = [Point(0.1 * i, 12, 1 - 0.2 * i, -0.2 * i, -0.2 * i - 0.1, -0.2 * i + 0.1) for i in range(count)]
    still = [Point(0.1 * i, 12, 1.0, 0.0, None, None) for i in range(count)]
    none = [Point(0.1 * i, 0, None, None, None, None) for i in range(count)]
    verdicts = [
        Verdict("blur", "sees", "worse", "holds", "", None),
        Verdict("noise", "sees", "worse", "unmeasured", "", None),
        Verdict("jpeg", "ignores", "within", "fails", "", 0.05),
    ]
    lines = [Line(n, p, None, None, None) for n, p in (("blur", points), ("jpeg", still), ("noise", none))]
    told = (sign.line, sign.digest, "trial", 0.02, {}, "fails")
    return MetricCertificate(name, "Emotion", "share", "higher", *told, verdicts, lines, [])


def certificate(*metrics: MetricCertificate) -> Certificate:
    made = [Made(name, "picture", "level", "", [0.1, 0.2], 12) for name in ("jpeg", "blur", "noise")]
    lost = Made("words-swap", "speech", "share", "", [0.5], 0)
    return Certificate(
        "s", "rendered", "", {}, "", {}, "", 12, 6, {}, {}, [*made, lost], list(metrics) or [metric()]
    )


def panels(figure: Any) -> list[Any]:
    return [axes for part in figure.subfigs for axes in part.axes if axes.get_visible()]


def test_a_panel_per_claim_in_the_order_of_the_claims_named_and_coloured_by_what_came_of_it() -> None:
    board = Leaderboard("t", ["happy"], [column("emotion-accuracy", "Emotion"), column("cos", "Cos")], [])
    with styled():
        figure = certificates_figure(board, [certificate()])
    drawn = panels(figure)
    assert [axes.get_xlabel() for axes in drawn] == ["blur [level]", "noise [level]", "jpeg [level]"]
    titles = [axes.get_title(loc="left") for axes in drawn]
    assert titles == ["sees: holds", "sees: unmeasured", "ignores: fails"]
    assert drawn[0].lines[-1].get_color() == STATES["holds"]
    assert list(drawn[0].lines[-1].get_ydata()) == pytest.approx([0.0, -0.2, -0.4])
    assert [text.get_text() for text in drawn[1].texts] == ["no score"]
    dotted = [line.get_ydata()[0] for line in drawn[2].lines if line.get_linestyle() == ":"]
    assert dotted == [-0.05, 0.05]
    said = " ".join(text.get_text() for text in figure.texts)
    assert "12 trials, 6 speakers" in said
    assert board.columns[0].signature.digest in said


def test_sheets_show_every_metric_once_however_they_are_cut() -> None:
    from spfem_bench.plots.canvas import new_figure

    made = certificate().degradations[0]
    rows = [[(metric(f"m-{i}"), made)] for i in range(11)]
    with styled():
        figure = new_figure(*sheet_size(len(rows), 1), 40)
        sheet(figure, rows, 1)
    assert len(panels(figure)) == 11
    assert len(figure.subfigs) > 1


def test_a_sheet_per_family_that_was_made(tmp_path: Any) -> None:
    paths = draw(certificate(), tmp_path)
    assert [path.name for path in paths] == ["s-rendered-picture.png"]
    before = paths[0].read_bytes()
    draw(certificate(), tmp_path)
    assert paths[0].read_bytes() == before

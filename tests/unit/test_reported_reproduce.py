"""A published table beside a bundle: what agrees, what differs, and what does not compare."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from spfem_bench.errors import NotComparableError, UsageError
from spfem_bench.reported import list_tables, load_table
from spfem_bench.reported.measured import Measured
from spfem_bench.reported.render import render_reproduction
from spfem_bench.reported.reproduce import Line, reproduce
from spfem_bench.schemas import violation
from spfem_bench.tables.model import Column
from spfem_metrics import MetricInfo, Score, Scored, Signature, Unscored

TABLE = load_table("stccl-2026/mead-cross")
FAD = "fad-arcface18-gray"


def column(name: str, **choices: str) -> Column:
    info = MetricInfo(name, name, 1, "lower", "distance", (0.0, float("inf")), (), "For tests.")
    return Column(info, Signature(name, 1, choices))


def measured(value: float, half_width: float | None = None, **more: object) -> Measured:
    """A bundle of NED on the papers' protocol, as the group's own script scores it."""
    score = Score(Scored(value), 60, 60, half_width)
    found = Measured(
        name="ours",
        columns=[column(FAD, net="arcface18@0123", mask="mask:given")],
        scores={"ned": {FAD: {"average": score, "happy": score}}},
        emotions=TABLE.emotions,
        dataset="mead",
        protocol="spfem/cross-id@1",
        rates=[Fraction(30)],
    )
    return replace(found, **more)


def average(found: Measured | None, method: str = "NED", metric: str = "FAD") -> Line:
    lines = reproduce(TABLE, found).lines
    return next(x for x in lines if (x.method, x.metric, x.emotion) == (method, metric, "average"))


def test_rows_nobody_ran_say_so() -> None:
    found = reproduce(TABLE)
    assert len(found.lines) == 18 * 8
    assert {line.verdict for line in found.lines} == {"reported, not run"}
    assert average(measured(4.4), "ICface").verdict == "reported, not run"


def test_a_number_within_rounding_agrees_and_the_difference_is_told() -> None:
    line = average(measured(4.4484))
    assert (line.system, line.reported, line.verdict) == ("ned", 4.448, "agrees")
    assert line.difference == pytest.approx(0.0004)
    assert (line.scored, line.total) == (60, 60)


@pytest.mark.parametrize(
    ("value", "half_width", "verdict"),
    [
        (4.4486, None, "differs"),
        (4.4486, 0.001, "agrees"),
        (4.3, 0.2, "agrees"),
        (4.3, 0.1, "differs"),
        (5.0, None, "differs"),
    ],
)
def test_rounding_and_the_interval_are_allowed_for(
    value: float, half_width: float | None, verdict: str
) -> None:
    assert average(measured(value, half_width)).verdict == verdict


def changed(**more: object) -> Measured:
    return measured(4.448, **more)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (changed(columns=[column(FAD, mask="mask:none")]), "masks: face-masked pictures were scored"),
        (changed(dataset="ravdess"), "data: mead was published, ravdess was measured"),
        (changed(protocol="open/cross-id@1"), "protocol: spfem/cross-id@1 stands for the published test"),
        (changed(rates=[Fraction(25)]), "fps: 30 was published, outputs have 25"),
        (changed(limit=12), "trials: no more than 12 were run"),
        (changed(emotions=["happy"]), "emotions: neutral, angry"),
        (changed(stamps=["NOT A RESULT: weights are random"]), "NOT A RESULT"),
    ],
)
def test_another_definition_is_never_held_against_the_published_number(found: Measured, why: str) -> None:
    """Even where the numbers are equal."""
    line = average(found)
    assert line.difference == pytest.approx(0)
    assert line.verdict == "not comparable"
    assert any(why in text for text in reproduce(TABLE, found).definitions["FAD"].differs)


def test_another_metric_of_the_same_printed_name_is_shown_and_not_compared() -> None:
    found = changed(
        columns=[column("fad-insightface", mask="mask:given")],
        scores={"NED": {"fad-insightface": {"average": Score(Scored(4.448), 60, 60)}}},
    )
    assert average(found).verdict == "not comparable"
    assert reproduce(TABLE, found).definitions["FAD"].differs == [
        "metric: fad-arcface18-gray was published, fad-insightface was measured"
    ]


def test_an_unknown_definition_compares_with_nothing() -> None:
    table = load_table("scmcl/mead-cross")
    found = changed(columns=[column("fad-arcface18-gray", mask="mask:given")])
    line = next(x for x in reproduce(table, found).lines if x.system and x.emotion == "average")
    assert line.verdict == "not comparable"


def test_the_unpublished_clip_list_and_what_is_inferred_are_always_told() -> None:
    definitions = reproduce(TABLE, measured(4.448)).definitions
    assert definitions["FAD"].differs == []
    assert any(text.startswith("clip list:") for text in definitions["FAD"].unknown)
    assert any(text.startswith("definition inferred:") for text in definitions["FAD"].unknown)
    assert "masks: not stated for this metric" in definitions["LSE-D"].unknown


def test_a_metric_without_a_score_is_not_measured() -> None:
    assert average(measured(4.448), metric="CSIM").verdict == "not measured"
    gone = changed(scores={"ned": {FAD: {"average": Score(Unscored("no face"), 0, 60)}}})
    line = average(gone)
    assert (line.verdict, line.measured, line.scored, line.total) == ("not measured", None, 0, 60)


def test_cells_are_compared_by_emotion() -> None:
    lines = reproduce(TABLE, measured(3.919)).lines
    by_emotion = {x.emotion: x.verdict for x in lines if (x.method, x.metric) == ("NED", "FAD")}
    assert by_emotion["happy"] == "agrees"
    assert by_emotion["sad"] == "not measured"
    assert by_emotion["average"] == "differs"


def test_methods_are_found_by_name_or_told() -> None:
    renamed = changed(scores={"my-model": measured(4.448).scores["ned"]})
    with pytest.raises(NotComparableError, match="--method ICface=my-model"):
        reproduce(TABLE, renamed)
    told = reproduce(TABLE, renamed, {"NED+STCCL_VD": "my-model"})
    assert {x.method for x in told.lines if x.system} == {"NED+STCCL_VD"}
    spelt = changed(scores={"ned-stccl-vd": measured(4.448).scores["ned"]})
    assert {x.method for x in reproduce(TABLE, spelt).lines if x.system} == {"NED+STCCL_VD"}
    with pytest.raises(UsageError, match="no method 'EAT'"):
        reproduce(TABLE, renamed, {"EAT": "my-model"})
    with pytest.raises(UsageError, match="no system 'x'"):
        reproduce(TABLE, renamed, {"NED": "x"})


def test_contradicted_averages_are_marked_in_every_form() -> None:
    found = reproduce(TABLE, measured(4.448), others=[load_table(name) for name in list_tables()])
    text = render_reproduction(found)
    assert "11.238*" in text
    assert "* printed average 11.238, mean of its cells 11.095" in text
    assert "4.448       4.448" in text
    assert "never ranked with other tables: ICface's FAD is 9.54" in text
    markdown = render_reproduction(found, "markdown", per_emotion=True)
    assert "11.238\\*" in markdown
    assert markdown.count("| NED ") == 24
    flagged = [line for line in found.lines if line.flag]
    assert [(line.method, line.metric, line.emotion) for line in flagged] == [("ICface", "LSE-D", "average")]
    assert violation("reproduction", found.plain(), "reproduce") is None

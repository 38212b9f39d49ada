"""What a table says of its metrics' certificates: by definition and kind of data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from spfem_bench.certify.certificate import Certificate, MetricCertificate, Verdict
from spfem_bench.certify.marks import marked, read_certificates, shipped_certificates
from spfem_bench.certify.terms import Kind, Standing, State
from spfem_bench.tables import Column, Leaderboard, SystemRow, render
from spfem_metrics import MetricInfo, Need, Score, Scored, Signature

NAMES = ("one", "two", "three", "four")


def signature(name: str) -> Signature:
    return Signature(name, 1, {"net": "a1"})


def column(name: str) -> Column:
    needs = (Need("output", "faces"),)
    return Column(
        MetricInfo(name, name.title(), 1, "higher", "cosine", (0.0, 1.0), needs, ""), signature(name)
    )


@pytest.fixture
def board() -> Leaderboard:
    scores = {name: {"average": Score(Scored(0.5), 4, 4)} for name in NAMES}
    return Leaderboard("t", ["happy"], [column(n) for n in NAMES], [SystemRow("m", "model", scores, 4, 4)])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "spec.json").write_text(json.dumps({"dataset": {"kind": "real"}}))
    return tmp_path


def metric(name: str, standing: Standing, *verdicts: tuple[str, State]) -> MetricCertificate:
    own = [Verdict(degradation, "sees", "worse", state, "", None) for degradation, state in verdicts]
    sign, label = signature(name), name.title()
    return MetricCertificate(
        name, label, "cosine", "higher", sign.line, sign.digest, "trial", 0.01, {}, standing, own, [], []
    )  # fmt: skip


def certificate(kind: Kind = "real") -> Certificate:
    metrics = [
        metric("one", "certified", ("blur", "holds")),
        metric("two", "fails", ("blur", "holds"), ("jpeg", "fails"), ("noise", "fails")),
        metric("three", "inconclusive", ("blur", "inconclusive"), ("jpeg", "unmeasured")),
    ]
    return Certificate("s", kind, "", {}, "", {}, "", 12, 6, {}, {}, [], metrics)


def test_every_column_says_how_its_metric_stands(board: Leaderboard, bundle: Path) -> None:
    text = render(marked(board, [bundle], [certificate()]))
    for line in (
        "certified on real clips (12 trials, 6 speakers): One",
        "FAILS its own claim on real clips (12 trials, 6 speakers): sees jpeg, sees noise: Two",
        "not certified on real clips (12 trials, 6 speakers): inconclusive: blur; unmeasured: jpeg: Three",
        "not certified: Four",
    ):
        assert line in text.splitlines()


def test_certificates_of_another_kind_or_definition_lend_nothing(board: Leaderboard, bundle: Path) -> None:
    assert marked(board, [bundle], [certificate("rendered")]) is board
    other = replace(certificate().metrics[0], digest="0" * 12)
    assert marked(board, [bundle], [replace(certificate(), metrics=[other])]) is board


def test_the_mark_travels_with_json(board: Leaderboard, bundle: Path) -> None:
    document = json.loads(render(marked(board, [bundle], [certificate()]), "json"))
    assert document["certificates"]["four"] == "not certified"
    assert set(document["certificates"]) == set(NAMES)


def test_shipped_certificates_are_whole_and_of_no_machine() -> None:
    folder = shipped_certificates()
    assert folder is not None
    for found in read_certificates(folder):
        assert (folder / f"{found.stem}.json").is_file()
        assert (folder / f"{found.stem}.md").is_file()
        for suffix in ("json", "md"):
            text = (folder / f"{found.stem}.{suffix}").read_text()
            assert re.search(r"""[\s"':=]/\w+/""", text) is None


def test_without_a_folder_there_are_none() -> None:
    assert read_certificates(None) == []

"""A whole certification of a tiny suite on real files, and what is written of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spfem_bench.certify.against import LostClaimError, lost_claims
from spfem_bench.certify.catalogue import FLOORS
from spfem_bench.certify.certificate import (
    Certificate,
    MetricCertificate,
    read_certificate,
    to_plain,
    write_certificate,
)
from spfem_bench.certify.curves import curves_of
from spfem_bench.certify.plot import draw
from spfem_bench.certify.real import chosen
from spfem_bench.certify.report import render_report, render_summary
from spfem_bench.certify.run import certify
from spfem_bench.certify.spec import CertifySpec
from spfem_bench.certify.statistics import trend
from spfem_bench.certify.work import Cell, Measured, do_scene, open_bench
from spfem_bench.datasets import load_dataset
from spfem_bench.errors import ConfigError, ExitCode, IncompleteError, IntegrityError, NotComparableError
from spfem_metrics import Reading, Row, TrialFacts
from tests.support.certify import claims, spec, write_faces

COMMAND = "spfem-bench certify tiny"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_faces(tmp_path_factory.mktemp("certify") / "faces", short=True)


@pytest.fixture(scope="module")
def asked(faces: str, tmp_path_factory: pytest.TempPathFactory) -> CertifySpec:
    return spec(faces, tmp_path_factory.mktemp("cache"), trials=13, speakers=13)


@pytest.fixture(scope="module")
def found(asked: CertifySpec) -> Certificate:
    return certify(asked, COMMAND)


def metric(certificate: Certificate, name: str) -> MetricCertificate:
    return next(item for item in certificate.metrics if item.name == name)


def states(item: MetricCertificate) -> dict[str, str]:
    return {verdict.degradation: verdict.state for verdict in item.verdicts}


def test_brightness_sees_a_gain_and_not_a_blur(found: Certificate) -> None:
    drift = metric(found, "luma-drift")
    assert states(drift) == {"colour": "holds", "identity-blend": "unmeasured", "blur": "holds"}
    assert drift.standing == "inconclusive"
    colour = next(line for line in drift.lines if line.degradation == "colour")
    assert [point.level for point in colour.points] == [0.0, 0.05, 0.1, 0.2]
    # a gain of 1 + l and of (1, -1/4, -3/4) l more raises the mean of grey by l to first order
    assert colour.points[3].change == pytest.approx(0.2 * 111, rel=0.1)
    assert drift.floor < 0.5


def test_a_set_metric_is_scored_in_six_groups_of_speakers(found: Certificate) -> None:
    luma = metric(found, "luma-set")
    assert luma.standing == "certified"
    assert luma.per == "group of speakers"
    assert {point.scored for point in luma.lines[0].points} == {6}
    assert luma.visible == []


def test_what_was_left_out_and_what_was_not_made_is_said(found: Certificate) -> None:
    assert (found.trials, found.speakers) == (12, 12)
    assert list(found.skipped) == ["c12"]
    assert "has less than 1.2 s" in found.skipped["c12"]
    assert not found.skipped["c12"].startswith("/")
    made = {item.name: item.scenes for item in found.degradations}
    assert made == {"colour": 12, "blur": 12, "audio-late": 0, "identity-blend": 0}


def test_smallest_visible_levels_fall_with_trials(found: Certificate) -> None:
    seen = {
        (item.trials, item.speakers): item.level
        for item in metric(found, "luma-drift").visible
        if item.degradation == "colour"
    }
    assert seen[96, 24] is not None
    assert seen[6, 6] is not None
    assert seen[96, 24] <= seen[6, 6]


def test_a_second_run_reads_the_cache_and_finds_the_same(
    asked: CertifySpec, found: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spfem_bench.certify.work.measure_scene", lambda *_: pytest.fail("measured again"))
    assert certify(replace(asked), COMMAND) == found


def test_a_scene_is_the_same_whoever_measures_it(asked: CertifySpec, tmp_path: Path) -> None:
    here = do_scene(asked, 2)
    open_bench.cache_clear()
    again = do_scene(replace(asked, cache=tmp_path), 2)
    assert [(c.harm, c.level, c.metric) for c in here.cells] == [
        (c.harm, c.level, c.metric) for c in again.cells
    ]
    values = [[getattr(c.row.outcome, "value", None) for c in item.cells] for item in (here, again)]
    assert values[0] == values[1]


def test_a_certificate_survives_its_file(found: Certificate, tmp_path: Path) -> None:
    path = write_certificate(found, tmp_path)
    assert path.name == "tiny-real.json"
    assert to_plain(read_certificate(path)) == to_plain(found)
    assert str(tmp_path) not in path.read_text()


def test_a_damaged_certificate_is_refused(found: Certificate, tmp_path: Path) -> None:
    path = write_certificate(found, tmp_path)
    plain = json.loads(path.read_text())
    plain["metrics"][0]["standing"] = "fine"
    path.write_text(json.dumps(plain))
    with pytest.raises(IntegrityError, match="standing"):
        read_certificate(path)
    path.write_text("{")
    with pytest.raises(IntegrityError, match="certify again"):
        read_certificate(path)


def changed(certificate: Certificate, name: str, **changes: object) -> Certificate:
    metrics = [replace(m, **changes) if m.name == name else m for m in certificate.metrics]  # type: ignore[arg-type]
    return replace(certificate, metrics=metrics)


def test_a_lost_claim_is_named(found: Certificate) -> None:
    assert lost_claims(found, found) == []
    verdicts = [replace(v, state="fails", why="flat") for v in metric(found, "luma-set").verdicts]
    worse = changed(found, "luma-set", verdicts=verdicts)
    assert lost_claims(found, worse) == ["luma-set sees colour: held, now fails (flat)"]
    assert lost_claims(worse, found) == []
    assert LostClaimError.exit_code is ExitCode.REGRESSION


def test_other_definitions_are_not_compared(found: Certificate) -> None:
    with pytest.raises(NotComparableError, match="luma-set"):
        lost_claims(found, changed(found, "luma-set", signature="luma-set|v2"))
    with pytest.raises(NotComparableError, match="claims digest"):
        lost_claims(found, replace(found, claims_digest="other"))


def test_a_metric_that_fails_its_claim_is_reported_as_failing(asked: CertifySpec) -> None:
    wrong = claims(metrics={"luma-drift": {"sees": {"colour": "falls"}}})
    certificate = certify(replace(asked, claims=wrong), COMMAND)
    drift = metric(certificate, "luma-drift")
    assert (drift.standing, metric(certificate, "luma-set").standing) == ("fails", "unclaimed")
    assert "fails" in render_summary(certificate)
    assert "**fails**" in render_report(certificate)


def test_the_report_holds_every_claim_and_level(found: Certificate) -> None:
    report = render_report(found)
    for text in ("luma-drift", "sees", "ignores", "tolerance", COMMAND, "c12", "Not made on this data"):
        assert text in report
    assert "| 0.05" in report


def test_a_sheet_is_drawn_for_every_family_that_was_made(found: Certificate, tmp_path: Path) -> None:
    sheets = draw(found, tmp_path)
    assert [path.name for path in sheets] == ["tiny-real-picture.png"]
    assert sheets[0].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_claims_of_metrics_the_suite_lacks_are_refused(asked: CertifySpec) -> None:
    other = claims(metrics={"luma-drifd": {"sees": {"colour": "worse"}}})
    with pytest.raises(ConfigError, match="'luma-drifd', which the suite lacks"):
        certify(replace(asked, claims=other), COMMAND)


def test_nothing_usable_is_incomplete(faces: str, tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match=r"nothing could be certified.*has less than 1\.2 s"):
        certify(spec(write_faces(tmp_path / "none", 0, short=True), tmp_path), COMMAND)


def test_speakers_take_turns_in_a_fixed_order(faces: str) -> None:
    dataset = load_dataset(faces)
    some = chosen(dataset, 4, 12, seed=0)
    assert len({record.speaker for record in some}) == 4
    assert chosen(dataset, 6, 12, seed=0)[:4] == some
    assert chosen(dataset, 4, 12, seed=1) != some
    assert len(chosen(dataset, 24, 2, seed=0)) == 2


def test_a_harm_is_judged_on_the_scenes_it_could_be_done_to() -> None:
    """Two of eight speakers have a second clip: their curve is theirs alone, and two speakers tell little."""
    info = open_bench(spec("folder:none", Path()).suite, "cpu", 1).built.metrics[0]
    found = [measured(f"s{i}", swapped=i < 2) for i in range(8)]
    made = curves_of(info, found, claims(degradations={"words-swap": [1.0]}, metrics={}))
    assert made.curves["words-swap"].clusters == ("s0", "s1")
    assert trend(made.curves["words-swap"], 1, made.floor).clusters == 2


def measured(speaker: str, *, swapped: bool) -> Measured:
    facts = TrialFacts(f"t-{speaker}", speaker, "happy")

    def cell(harm: str, level: float, value: float) -> Cell:
        return Cell(harm, level, "luma-drift", Row(facts, Reading(value)))

    cells = [cell("clean", 0.0, 0.0), *(cell(name, 0.0, 0.1) for name in FLOORS)]
    return Measured(facts.id, speaker, [*cells, *([cell("words-swap", 1.0, 2.0)] if swapped else [])])

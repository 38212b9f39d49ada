"""``show``, ``ls`` and ``doctor``: what is there, said plainly, whole or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spfem_bench.cli import main
from spfem_bench.cli.doctor import Finding, lines, required_packages
from spfem_bench.stages.render import SCHEMA, score_to_json
from spfem_bench.stages.rows import MetricRow, write_rows
from spfem_bench.store.bundle import write_json, write_lines, write_manifest
from spfem_metrics import Reading, Row, Score, Scored, TrialFacts, Unscored


def invoke(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A small finished bundle of one metric, one model and one bound."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    write_json(
        folder / "spec.json", {"protocol": "open/cross-id@1", "suite": {"name": "portable-v1"}, "seed": 0}
    )
    write_lines(folder / "trials.jsonl", [{"kind": "trial", "id": "t0", "emotion": "happy"}, {"id": "t1"}])
    facts = [TrialFacts(f"t{i}", "S1", "happy") for i in range(2)]
    outcomes = [Reading(0.25), Unscored("no face in any of the 95 output frames")]
    rows = [Row(trial, outcome) for trial, outcome in zip(facts, outcomes, strict=True)]
    write_rows(folder, [MetricRow("model", "cos", row) for row in rows])
    write_json(folder / "scores.json", scores())
    write_manifest(folder)
    return folder


def scores() -> dict[str, Any]:
    info = {
        "version": 1,
        "direction": "higher",
        "unit": "cosine",
        "bounds": [-1.0, 1.0],
        "needs": [],
        "about": "about",
    }
    signature = {"name": "cos", "version": 1, "choices": [["miss", "exclude"]]}
    score = score_to_json(Score(Scored(0.25), 1, 2))
    system = {"name": "model", "role": "model", "trials": 2, "generated": 2, "failures": {}}
    return {
        "schema": SCHEMA,
        "trials_digest": "ab12",
        "title": "portable-v1 on folder",
        "emotions": ["happy"],
        "columns": [
            {
                "name": "cos",
                "label": "Cos",
                **info,
                "order": [],
                "of_sets": False,
                "weak": "",
                "signature": signature,
            }
        ],
        "systems": [{**system, "scores": {"cos": {"happy": score, "average": score}}}],
        "footer": ["rule"],
        "reasons": {"cos": {"no face in any of the 95 output frames": 1}},
    }


def test_show_tells_spec_outcomes_and_table(bundle: Path) -> None:
    said = invoke("show", bundle).output
    assert "finished, 4 files" in said
    assert "suite.name portable-v1" in said
    assert "model: 1 scored, 1 unscored, 0 failed" in said
    assert "1 x no face in any of the 95 output frames" in said
    assert "0.250 (1/2)" in said


def test_show_as_json_is_one_document(bundle: Path) -> None:
    document = json.loads(invoke("show", bundle, "--json").output)
    assert document["finished"] is True
    assert document["outcomes"]["model"]["scored"] == 1
    assert document["leaderboard"]["systems"][0]["scores"]["cos"]["average"]["value"] == 0.25


def test_show_one_trial(bundle: Path) -> None:
    said = invoke("show", bundle, "--trial", "t1").output
    assert "no face in any of the 95 output frames" in said
    assert "0.25" not in said
    rows = json.loads(invoke("show", bundle, "--trial", "t0", "--json").output)["rows"]
    assert [(row["state"], row["value"]) for row in rows] == [("scored", 0.25)]


def test_show_names_the_nearest_trial(bundle: Path) -> None:
    done = invoke("show", bundle, "--trial", "t00")
    assert done.exit_code == 2
    assert "did you mean 't0'?" in done.stderr


def test_show_an_unfinished_bundle(bundle: Path) -> None:
    for name in ("MANIFEST.sha256", "rows.parquet", "scores.json"):
        (bundle / name).unlink()
    done = invoke("show", bundle)
    assert done.exit_code == 0
    assert "unfinished" in done.output
    assert "run its command again to finish it" in done.output


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda folder: (folder / "rows.parquet").write_bytes(b"PAR1"), 6),
        (lambda folder: (folder / "scores.json").write_text("{"), 6),
        (lambda folder: (folder / "spec.json").write_text("{"), 6),
        (lambda folder: (folder / "spec.json").unlink(), 2),
    ],
)
def test_a_damaged_bundle_is_a_sentence(bundle: Path, harm: Any, code: int) -> None:
    harm(bundle)
    done = invoke("show", bundle)
    assert done.exit_code == code
    assert done.stderr.count("\n") == 1
    assert str(bundle) in done.stderr


def test_show_of_nothing_is_a_usage_error(tmp_path: Path) -> None:
    assert invoke("show", tmp_path / "gone").exit_code == 2


def test_ls_names_what_this_package_has() -> None:
    for kind, expected in {
        "adapters": {"copy-source", "noise", "oracle"},
        "datasets": {"mead", "ravdess", "folder", "synthetic"},
        "protocols": {"spfem-cross-id@1", "paired@1"},
        "suites": {"portable-v1"},
        "metrics": {"identity-similarity"},
        "weights": {"mediapipe-face-landmarker"},
    }.items():
        done = invoke("ls", kind, "--json")
        assert done.exit_code == 0, done.output
        names = {
            next(iter(row[key] for key in (kind.removesuffix("s"), kind) if key in row))
            for row in json.loads(done.output)
        }
        assert expected <= names
        assert all(name in invoke("ls", kind).output for name in expected)


def test_ls_keeps_its_columns_narrow_and_the_long_reasons_below() -> None:
    table, notes = invoke("ls", "metrics").output.split("\n\n")
    assert max(map(len, table.splitlines())) < 160
    reasons = [row["state"] for row in json.loads(invoke("ls", "metrics", "--json").output)]
    left_out = next(text for text in reasons if text.startswith("left out"))
    assert left_out not in table
    assert left_out in " ".join(notes.split())
    assert max(map(len, notes.splitlines())) <= 100


def test_ls_of_another_kind_names_those_there_are() -> None:
    done = invoke("ls", "models")
    assert done.exit_code == 2
    assert "metrics" in done.stderr


def test_doctor_is_ready_here_and_names_the_mends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("SPFEM_BENCH_WEIGHTS", "")
    monkeypatch.setenv("SPFEM_BENCH_FIXTURES", str(tmp_path / "gone"))
    done = invoke("doctor", "--json")
    document = json.loads(done.output)
    assert [f for f in document["findings"] if f["state"] == "fail"] == []
    assert (document["ready"], done.exit_code) == (True, 0)
    found = {(f["area"], f["name"]): f for f in document["findings"]}
    assert {name for area, name in found if area == "packages"} == set(required_packages())
    assert found["video", "ffv1"]["state"] == "ok"
    assert found["environment", "SPFEM_BENCH_FIXTURES"]["state"] == "note"
    missing = found["weights", "mediapipe-face-landmarker"]
    assert missing["state"] == "note"
    assert "spfem-bench weights fetch mediapipe-face-landmarker" in missing["detail"]


def test_doctor_fails_where_the_cache_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path))
    done = invoke("doctor")
    assert done.exit_code == 5
    assert "set SPFEM_BENCH_CACHE_DIR" in done.output
    assert done.output.splitlines()[-1].startswith("not ready: cache")


def test_findings_are_grouped_by_area() -> None:
    findings = [Finding("a", "x", "ok", "1"), Finding("b", "y", "note", "2"), Finding("a", "zz", "ok", "")]
    assert list(lines(findings)) == ["a", "  ok    x   1", "  ok    zz", "b", "  note  y   2", "ready"]

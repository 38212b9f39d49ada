"""``certify``, and the mark of a certificate in ``table``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spfem_bench.errors import ExitCode
from tests.support.certify import write_claims, write_faces
from tests.support.command import done, invoke
from tests.support.worlds import TINY, make_folder


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cache for all, so that every scene is measured once."""
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "certify-cache"))


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_faces(tmp_path_factory.mktemp("certify") / "faces", 6)


def command(faces: str, folder: Path, *more: object, **claims: object) -> list[object]:
    path = write_claims(folder / "claims.yaml", **claims)
    return [
        "certify", TINY, "--dataset", faces, "--claims", path, "--seconds", 1.4, "--size", 48,
        "-o", folder / "certificates", *more,
    ]  # fmt: skip


def test_a_certificate_is_written_checked_and_shown(faces: str, tmp_path: Path) -> None:
    said = done(*command(faces, tmp_path))
    assert "tiny on real clips, 6 trials, 6 speakers" in said
    folder = tmp_path / "certificates"
    assert sorted(path.name for path in folder.iterdir()) == [
        "tiny-real-picture.png", "tiny-real.json", "tiny-real.md",
    ]  # fmt: skip
    plain = json.loads((folder / "tiny-real.json").read_text())
    assert plain["command"].startswith("spfem-bench certify tiny-suite --dataset folder:faces --trials 24")
    before = (folder / "tiny-real.json").read_bytes()
    assert done(*command(faces, tmp_path, "--check")) == said
    assert (folder / "tiny-real.json").read_bytes() == before


def test_a_lost_claim_exits_3_and_other_claims_4(faces: str, tmp_path: Path) -> None:
    asked = {"metrics": {"luma-drift": {"sees": {"colour": "falls"}}}}
    done(*command(faces, tmp_path, "--no-plots", **asked))  # a failing certificate is a result
    stored = tmp_path / "certificates" / "tiny-real.json"
    plain = json.loads(stored.read_text())
    assert plain["metrics"][0]["verdicts"][0]["state"] == "fails"
    plain["metrics"][0]["verdicts"][0]["state"] = "holds"
    stored.write_text(json.dumps(plain))
    lost = invoke(*command(faces, tmp_path, "--check", **asked))
    assert lost.exit_code == ExitCode.REGRESSION
    assert "luma-drift sees colour: held, now fails" in lost.stderr
    other = invoke(*command(faces, tmp_path, "--check"))
    assert other.exit_code == ExitCode.NOT_COMPARABLE


def test_json_is_the_certificate(faces: str, tmp_path: Path) -> None:
    plain = json.loads(done(*command(faces, tmp_path, "--no-plots", "--json")))
    assert plain == json.loads((tmp_path / "certificates" / "tiny-real.json").read_text())


def test_check_without_a_stored_certificate_is_refused(faces: str, tmp_path: Path) -> None:
    result = invoke(*command(faces, tmp_path, "--check"))
    assert result.exit_code == ExitCode.NOT_COMPARABLE
    assert "tiny-real.json" in result.stderr


def test_a_suite_is_certified_on_its_own_kind_only() -> None:
    result = invoke("certify", "portable-v1")
    assert result.exit_code == ExitCode.USAGE
    assert "no claims are written for portable-v1 on rendered clips" in result.stderr


def test_the_table_says_how_its_metrics_stand(faces: str, tmp_path: Path) -> None:
    done(*command(faces, tmp_path, "--no-plots", metrics={"luma-drift": {"sees": {"colour": "worse"}}}))
    manifest = make_folder(tmp_path / "data")
    run = ["run", "--dataset", f"folder:{manifest}", "--protocol", "open/cross-id@1", "--suite", TINY]
    done(*run, "--adapter", "copy-source", "--no-bounds", "-o", tmp_path / "bundle")
    plain = done("table", tmp_path / "bundle")
    assert "certified" not in plain
    table = done("table", tmp_path / "bundle", "--certificates", tmp_path / "certificates")
    assert "certified on real clips (6 trials, 6 speakers): luma drift" in table
    assert "not certified: nothing is claimed of it on real clips (6 trials, 6 speakers): luma set" in table

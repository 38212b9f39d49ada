"""``spfem-bench baseline``, run as users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spfem_bench.adapters.command.manifest import shipped_names
from tests.support.command import done, invoke
from tests.support.foreign_manifests import manifest_file
from tests.support.worlds import TINY, make_folder


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPFEM_BENCH_BASELINES", str(tmp_path / "baselines"))
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SPFEM_BENCH_WEIGHTS", raising=False)


def test_list_names_every_wrapper_and_its_state() -> None:
    rows = json.loads(done("baseline", "list", "--json"))
    assert [row["name"] for row in rows] == shipped_names()
    assert {row["state"] for row in rows} == {"not installed"}
    assert all(row["mode"] and row["licence"] for row in rows)
    assert len(done("baseline", "list").splitlines()) == len(rows) + 2


def test_show_tells_labels_steps_time_and_facts(tmp_path: Path) -> None:
    file = manifest_file(
        tmp_path / "mine",
        input={"kind": "video", "fps": 25},
        output={"as": "video", "dropped": {"head": 2}, "length": "audio"},
        known=[{"fact": "It bites.", "source": "bite.py"}],
    )
    text = " ".join(done("baseline", "show", file).split())
    assert "labels happy = joy, sad = grief" in text
    assert "resample-fps@1(25): the frame on screen" in text
    assert "time at the prepared 25 fps, as long as the sound; without the first 2" in text
    assert "It bites. (bite.py)" in text
    document = json.loads(done("baseline", "show", file, "--json"))
    assert document["adapter"] == "mine"
    assert document["steps"][0] == "resample-fps@1(25)"
    assert len(document["digest"]) == 64


def test_check_ends_with_0_or_5(tmp_path: Path) -> None:
    file = manifest_file(tmp_path / "mine")
    assert done("baseline", "check", file).startswith("mine: ready\n")
    lacking = manifest_file(tmp_path / "other", name="other", environment={"packages": {"no-such-thing": ""}})
    result = invoke("baseline", "check", file, lacking, "--json")
    assert result.exit_code == 5
    first, second = json.loads(result.stdout)
    assert (first["complete"], second["complete"]) == (True, False)
    [missing] = [one for one in second["findings"] if one["state"] == "missing"]
    assert missing["part"] == "package no-such-thing"
    assert missing["mend"]
    assert "1 thing is missing for other" in result.stderr


def test_check_all_says_how_to_mend_each_thing() -> None:
    result = invoke("baseline", "check", "--all", "--json")
    assert result.exit_code == 5
    reports = json.loads(result.stdout)
    assert [report["name"] for report in reports] == shipped_names()
    missing = [one for report in reports for one in report["findings"] if one["state"] == "missing"]
    assert all(one["mend"] for one in missing)
    clones = [one["mend"] for one in missing if one["part"] == "checkout"]
    assert len(clones) == len(reports)
    assert all(mend.startswith("git clone https://") for mend in clones)


def test_what_cannot_be_asked() -> None:
    nothing = invoke("baseline", "check")
    assert nothing.exit_code == 2
    assert "or all of them by --all" in nothing.stderr
    unknown = invoke("baseline", "show", "nde")
    assert unknown.exit_code == 2
    assert "no wrapper named 'nde'. Did you mean 'ned'?" in unknown.stderr


def test_a_run_with_a_model_that_is_not_here_ends_before_any_work(tmp_path: Path) -> None:
    data = f"folder:{make_folder(tmp_path / 'data', speakers=2)}"
    where = ("--output", tmp_path / "out", "--suite", TINY, "--protocol", "open/cross-id@1")
    result = invoke("run", "--adapter", "baseline:ned", "--dataset", data, *where)
    assert result.exit_code == 2
    assert "`spfem-bench baseline check ned` says how to mend each" in result.stderr
    assert not (tmp_path / "out").exists()

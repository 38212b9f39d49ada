"""``verify`` on a good bundle and on seven tampered ones: what is printed, and the exit code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spfem_bench.cli._frame import root
from spfem_bench.schemas import violation
from spfem_bench.stages.run import run
from spfem_bench.store.bundle import write_manifest
from tests.support.worlds import TINY, make_folder, tiny_spec
from tests.unit.test_verify import (
    damage_clip,
    edit_row,
    edit_score,
    foreign_note,
    lose_trial_of_rows,
    remove_clip,
    swap_clips,
)

ROOT = Path(__file__).parents[2]
main = root({"verify": ("spfem_bench.cli.verify:verify", "Check a bundle.")})


def invoke(*args: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, args), "--suite", TINY])


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("verify")
    spec = tiny_spec(make_folder(place / "data", speakers=2), place / "cache", "brighten")
    done = run(spec, place / "out")
    assert done is not None
    return done


@pytest.fixture
def bundle(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "bundle"))


def test_a_good_bundle(good: Path) -> None:
    done = invoke(good)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == f"bundle     {good}"
    assert lines[1] == "table      tiny on folder, open/cross-id@1"
    assert [line.split()[0] for line in lines[2:8]] == [
        "files", "documents", "rows", "clips", "scores", "table",
    ]  # fmt: skip
    assert "6 of 6 outputs decode" in lines[5]
    assert lines[8] == "verified: the bundle agrees with itself"
    assert len(lines) == 9


def test_json_is_one_document_of_the_published_schema(bundle: Path) -> None:
    edit_score(bundle)
    done = invoke(bundle, "--json")
    assert done.exit_code == 6
    document = json.loads(done.stdout)
    assert violation("verification", document, "verify") is None
    assert document["state"] == "failed"
    assert {check["name"]: check["state"] for check in document["checks"]} == {
        "files": "failed",
        "documents": "verified",
        "rows": "verified",
        "clips": "verified",
        "scores": "failed",
        "table": "verified",
    }


def escape(bundle: Path) -> None:
    manifest = bundle / "MANIFEST.sha256"
    manifest.write_text(f"{'0' * 64}  ../../outside\n{manifest.read_text()}")


def anew(harm: Callable[[Path], None]) -> Callable[[Path], None]:
    """The harm with its traces in the manifest removed."""

    def both(bundle: Path) -> None:
        harm(bundle)
        write_manifest(bundle)

    both.__name__ = f"{harm.__name__}_and_manifest"
    return both


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (anew(edit_score), "has another value stored"),
        (anew(edit_row), "has another value stored"),
        (anew(lose_trial_of_rows), "has no row: the trial is missing from it"),
        (anew(swap_clips), "its frames are not those stored"),
        (anew(damage_clip), "outputs/brighten/"),
        (anew(foreign_note), "notes.txt is a foreign entry of the manifest"),
        (escape, "a path that escapes the bundle"),
        (remove_clip, "is listed in the manifest, but was removed"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_tampered_bundle(harm: Callable[[Path], None], said: str, bundle: Path) -> None:
    harm(bundle)
    done = invoke(bundle)
    assert done.exit_code == 6
    assert said in done.stdout
    assert done.stdout.splitlines()[-1] == "NOT VERIFIED: the bundle contradicts itself"


def test_a_long_list_of_problems_is_cut_in_text_and_whole_in_json(bundle: Path) -> None:
    for number in range(25):
        (bundle / f"note-{number}.txt").write_text("added later")
    text = invoke(bundle).stdout
    assert text.count("is not listed in the manifest: it was added after the run") == 20
    assert "    and 5 more" in text
    document = json.loads(invoke(bundle, "--json").stdout)
    assert [len(check["problems"]) for check in document["checks"]] == [25, 0, 0, 0, 0, 0]


def test_nothing_to_verify_is_a_usage_error(tmp_path: Path) -> None:
    done = invoke(tmp_path / "gone")
    assert done.exit_code == 2
    assert "give the folder of a run bundle" in done.stderr


def test_verifying_imports_no_torch_and_no_network(good: Path) -> None:
    script = (
        "import sys\nfrom spfem_bench.cli._frame import root\n"
        "main = root({'verify': ('spfem_bench.cli.verify:verify', '')})\n"
        f"code = main(['verify', {str(good)!r}, '--suite', {TINY!r}], standalone_mode=False)\n"
        "heavy = {'torch', 'mediapipe', 'onnxruntime'} & set(sys.modules)\n"
        "assert not code, code\nassert not heavy, heavy\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "verified: the bundle agrees with itself" in done.stdout

"""``spfem-bench data render``: what it writes, says and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spfem_bench.cli._frame import root
from spfem_bench.errors import ExitCode
from spfem_bench.synthetic.splits import population

SHORT = ("--speakers", 1, "--sentences", 1, "--intensities", "2", "--size", 32, "--seconds", 0.2)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(root(), ["data", *map(str, arguments)])


@pytest.mark.parametrize(
    ("layout", "clips", "first"),
    [
        ("synthetic", 7, "S001/angry/level_2/001"),
        ("mead", 7, "M003/front/angry/level_2/001"),
        ("ravdess", 14, "Actor_01/01-01-01-01-02-01-01"),
    ],
)
def test_each_layout_is_rendered_shown_and_verified(
    tmp_path: Path, layout: str, clips: int, first: str
) -> None:
    out = tmp_path / "out"
    made = run("render", out, "--layout", layout, *SHORT)
    assert made.exit_code == ExitCode.OK, made.stderr
    assert made.stdout == f"{out}: {clips} clips of 1 people; read it as {layout}:{out}\n"
    assert f"render: {clips} of {clips} done" in made.stderr
    assert f"{layout} (rendered): {clips} clips" in run("show", f"{layout}:{out}").stdout
    checked = run("verify", f"{layout}:{out}", "--deep", "--json")
    assert checked.exit_code == ExitCode.OK, checked.stderr
    assert json.loads(checked.stdout)["gaps"] == []
    index = tmp_path / "index.jsonl"
    run("index", f"{layout}:{out}", "-o", index)
    head, entry, *_ = map(json.loads, index.read_text().splitlines())
    assert (head["kind"], entry["id"]) == ("rendered", first)


def test_the_same_command_again_changes_nothing(tmp_path: Path) -> None:
    call = ("render", tmp_path / "out", *SHORT, "--truth", "--split", "train", "--json")
    facts = json.loads(run(*call).stdout)
    assert facts["recipe"]["seed"] == population("train").seed
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.mkv")}
    assert all(path.with_suffix(".npz").is_file() for path in stamps)
    assert json.loads(run(*call).stdout) == facts
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    other = run("render", tmp_path / "out", *SHORT, "--split", "test")
    assert other.exit_code == ExitCode.USAGE
    assert "other parameters (seed)" in other.stderr


def test_a_suite_for_real_faces_would_be_refused_for_the_marker_alone(tmp_path: Path) -> None:
    def planned(tree: Path) -> Result:
        options = ("--dataset", f"mead:{tree}", "--protocol", "spfem/intra-id@1", "-o", tmp_path / "bundle")
        call = ["run", "--adapter", "copy-source", *map(str, options), "--dry-run"]
        return CliRunner().invoke(root(), call)

    run("render", tmp_path / "marked", "--layout", "mead", *SHORT)
    marked = planned(tmp_path / "marked")
    assert marked.exit_code == ExitCode.OK, marked.stderr
    assert "would be refused: suite portable-v1 is valid on real clips only" in marked.output
    bare = (tmp_path / "marked").rename(tmp_path / "bare")
    (bare / "RENDERED.json").unlink()
    assert planned(bare).exit_code == ExitCode.OK
    assert "would be refused" not in planned(bare).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--layout", "meed"), "meed"),
        (("--split", "held-out"), "held-out"),
        (("--split", "test", "--seed", 3), "give one of them"),
        (("--intensities", "1;3"), "write for example 1,3"),
        (("--intensities", "4"), "from 1 to 3"),
        (("--layout", "ravdess", "--intensities", "3"), "intensities up to 2"),
        (("--layout", "mead", "--speakers", 60), "speakers up to 48"),
        (("--layout", "mead", "--size", 65), "even size"),
        (("--seconds", 0), "0.2"),
    ],
)
def test_a_wrong_call_is_exit_2_and_writes_nothing(
    tmp_path: Path, arguments: tuple[object, ...], said: str
) -> None:
    result = run("render", tmp_path / "out", *arguments)
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    result = run("render", tmp_path, *SHORT, "--layout", "mead")
    assert result.exit_code == ExitCode.USAGE
    assert "thesis.tex" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_made_is_exit_5(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = run("render", tmp_path / "file" / "out", *SHORT)
    assert result.exit_code == ExitCode.INCOMPLETE
    assert "a file is in the way" in result.stderr

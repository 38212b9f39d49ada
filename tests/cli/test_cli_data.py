from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spfem_bench.cli._frame import root
from spfem_bench.errors import ExitCode
from spfem_bench.testing.trees import Pattern, make_ravdess_tree


def run(*arguments: object) -> Result:
    return CliRunner().invoke(root(), ["data", *map(str, arguments)])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_ravdess_tree(
        tmp_path / "RAVDESS", (1, 2), ["neutral", "happy"], statements=(2,), render=Pattern(16, 4)
    )


def test_show_counts_by_speaker_emotion_and_level(tree: Path) -> None:
    result = run("show", f"ravdess:{tree}")
    assert result.exit_code == ExitCode.OK
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["speaker", "neutral.1", "happy.1", "happy.2", "all"] in lines
    assert ["Actor_01", "2", "2", "2", "6"] in lines
    assert "licence: CC BY-NC-SA 4.0" in result.stdout
    assert "note: Actor_01 has 6 of 60 speech trials" in result.stdout


def test_show_as_json(tree: Path) -> None:
    facts = json.loads(run("show", f"ravdess:{tree}", "--json").stdout)
    assert facts["clips"] == 12
    assert facts["counts"]["Actor_02"]["happy"] == {"1": 2, "2": 2}


def test_index_then_verify_deeply(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.jsonl"
    made = run("index", f"ravdess:{tree}", "-o", index)
    assert made.exit_code == ExitCode.OK
    header = json.loads(index.read_text().splitlines()[0])
    assert header["digest"] in made.stdout
    assert "speech trials" in made.stderr
    checked = run("verify", f"ravdess:{tree}", "--index", index, "--deep", "--json")
    assert checked.exit_code == ExitCode.OK, checked.stderr
    facts = json.loads(checked.stdout)
    assert facts["ok"]
    assert facts["frames"] == 12 * 4
    assert facts["digest"] == header["digest"]
    assert not any(facts["index"].values())


def test_a_lost_clip_is_exit_5(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.jsonl"
    run("index", f"ravdess:{tree}", "-o", index)
    next(tree.rglob("*.mp4")).unlink()
    result = run("verify", f"ravdess:{tree}", "--index", index)
    assert result.exit_code == ExitCode.INCOMPLETE
    assert "index: 1 missing" in result.stdout
    assert "1 clips of" in result.stderr


def test_an_undecodable_clip_is_exit_5_and_only_deep_finds_it(tree: Path) -> None:
    clip = next(tree.rglob("*.mp4"))
    clip.write_bytes(clip.read_bytes()[:200])
    assert run("verify", f"ravdess:{tree}").exit_code == ExitCode.OK
    result = run("verify", f"ravdess:{tree}", "--deep")
    assert result.exit_code == ExitCode.INCOMPLETE
    assert "undecodable" in result.stdout


def test_another_file_than_the_indexed_one_is_exit_6(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.jsonl"
    run("index", f"ravdess:{tree}", "-o", index)
    clip = next(tree.rglob("*.mp4"))
    clip.write_bytes(clip.read_bytes() + b"more")
    result = run("verify", f"ravdess:{tree}", "--index", index)
    assert result.exit_code == ExitCode.INTEGRITY
    assert "is not the dataset that was indexed" in result.stderr


def test_a_tampered_index_is_exit_6(tree: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.jsonl"
    run("index", f"ravdess:{tree}", "-o", index)
    index.write_text(index.read_text().replace('"happy"', '"sad"'))
    assert run("verify", f"ravdess:{tree}", "--index", index).exit_code == ExitCode.INTEGRITY


def test_a_missing_file_of_a_manifest_is_exit_5_in_verify_and_2_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "clips.jsonl").write_text('{"file": "gone.mp4", "speaker": "s", "mood": "happy"}\n')
    field = ("--field", "emotion=mood")
    assert run("verify", f"folder:{tmp_path}", *field).exit_code == ExitCode.INCOMPLETE
    result = run("show", f"folder:{tmp_path}", *field)
    assert result.exit_code == ExitCode.USAGE
    assert "line 1: file 'gone.mp4'" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "mead:/no/such/folder"),
        ("show", "mead"),
        ("show", "ravdes:/x"),
        ("show", "folder:/x", "--field", "emotion"),
        ("index", "mead:/x"),
    ],
)
def test_a_wrong_call_is_exit_2(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr


def test_an_index_into_a_place_that_cannot_be_written_is_exit_5(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("index", f"ravdess:{tree}", "-o", tmp_path / "file" / "index.jsonl")
    assert result.exit_code == ExitCode.INCOMPLETE
    assert "could not be written" in result.stderr

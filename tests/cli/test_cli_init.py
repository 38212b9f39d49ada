"""``init`` writes skeletons whose generated tests pass; ``ls``, ``show`` and ``doctor`` say what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spfem_bench.cli import main


def invoke(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def test_the_generated_tests_pass(tmp_path: Path) -> None:
    for kind, name in [("adapter", "my-first-model"), ("metric", "face_share"), ("dataset", "actors")]:
        done = invoke("init", kind, name, "--into", tmp_path)
        assert done.exit_code == 0, done.output
        assert f'[project.entry-points."spfem_bench.{kind}s"]' in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "actors.py",
        "face_share.py",
        "my_first_model.py",
        "test_actors.py",
        "test_face_share.py",
        "test_my_first_model.py",
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    tests = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert tests.returncode == 0, tests.stdout
    assert "6 passed" in tests.stdout


def test_nothing_of_the_skeleton_s_own_names_is_left(tmp_path: Path) -> None:
    for kind in ("adapter", "metric", "dataset"):
        invoke("init", kind, f"new-{kind}-x", "--into", tmp_path)
    text = "".join(path.read_text() for path in tmp_path.iterdir()).lower()
    for word in ("my_", "my-", "skeleton", "myadapter", "mymetric"):
        assert word not in text


def test_the_generated_adapter_can_be_loaded_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spfem_bench.adapters.load import load_system

    invoke("init", "adapter", "brighter-one", "--into", tmp_path)
    monkeypatch.chdir(tmp_path)
    system = load_system("brighter_one:brighter_one")
    assert (system.name, system.role) == ("brighter-one", "model")


@pytest.mark.parametrize("name", ["class", "Upper", "3d", "a b", "../x", "statistics", "numpy", ""])
def test_names_that_cannot_be_modules_are_refused(name: str, tmp_path: Path) -> None:
    done = invoke("init", "metric", name, "--into", tmp_path)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("precious")
    done = invoke("init", "metric", "mine", "--into", tmp_path)
    assert done.exit_code == 2
    assert "exists already" in done.stderr
    assert (tmp_path / "test_mine.py").read_text() == "precious"
    assert not (tmp_path / "mine.py").exists()

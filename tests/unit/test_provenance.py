"""What made a result: nothing that varies from run to run is in what is hashed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import spfem_bench.repository as repository_module
from spfem_bench import provenance
from spfem_bench.provenance import environment, packages
from spfem_bench.repository import repository


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def work_tree(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "net.py").write_text("a = 1\n")
    (folder / ".gitignore").write_text("*.pth\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_the_hashed_part_holds_nothing_that_varies() -> None:
    facts = environment()
    hashed = json.dumps(facts["identity"], allow_nan=False)
    for private in (platform.node(), str(Path.home()), str(Path.cwd()), sys.prefix, os.sep + "tmp"):
        if len(private) > 2:
            assert private not in hashed
    assert facts["circumstances"]["time"].endswith("+00:00")
    assert json.dumps(facts["circumstances"], allow_nan=False)


def test_the_hashed_part_is_the_same_in_another_process_and_folder(tmp_path: Path) -> None:
    here = json.dumps(environment()["identity"], sort_keys=True)
    code = "import json; from spfem_bench.provenance import environment as e; "
    code += "print(json.dumps(e()['identity'], sort_keys=True))"
    (tmp_path / "elsewhere").mkdir()
    surroundings = {**os.environ, "HOME": str(tmp_path), "TZ": "Asia/Tokyo", "GIT_DIR": str(tmp_path)}
    there = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=surroundings,
    )
    assert there.stdout.strip() == here


def test_packages_are_the_closure_without_tests_and_development() -> None:
    found = packages()
    assert list(found) == sorted(found)
    assert found["numpy"] == version("numpy")
    assert found["torch"] == version("torch")
    assert "sympy" in found, "what torch needs counts too"
    assert "opencv-contrib-python" in found
    assert {"spfem-bench", "ruff", "mypy", "hypothesis", "pytest"}.isdisjoint(found)


def test_gpu_facts_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = SimpleNamespace(name="GPU X", total_memory=80 << 30, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _name: facts)
    monkeypatch.setattr(provenance, "_driver_version", lambda: "550.54.14")
    found = environment("cuda:1")
    assert found["identity"]["device"] == {"kind": "cuda", "name": "GPU X", "capability": "9.0"}
    assert found["circumstances"]["gpu"] == {"device": "cuda:1", "memory": 80 << 30, "driver": "550.54.14"}
    assert environment("cpu")["identity"]["device"] == {"kind": "cpu"}


def test_the_harness_in_a_checkout_and_in_a_wheel(work_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = work_tree / "venv" / "spfem_bench"
    inside.mkdir(parents=True)
    (inside / "__init__.py").write_text("")
    monkeypatch.setattr(provenance, "PACKAGE", inside)
    assert provenance.harness_repository() is None, "an environment inside somebody's repository"
    assert provenance.harness()["commit"] is None

    own = work_tree / "spfem_bench"
    own.mkdir()
    (own / "__init__.py").write_text("")
    monkeypatch.setattr(provenance, "PACKAGE", own)
    assert provenance.harness_repository() is None, "the repository does not track it"
    git(work_tree, "add", "spfem_bench")
    git(work_tree, "commit", "-q", "-m", "second")
    found = provenance.harness_repository()
    assert found is not None
    assert found.commit == git(work_tree, "rev-parse", "HEAD")
    assert found.dirty is None, "the untracked environment is no part of the harness"
    (own / "__init__.py").write_text("changed = True")
    assert provenance.harness()["dirty"] is not None


def test_a_clean_work_tree(work_tree: Path) -> None:
    found = repository(work_tree / "code")
    assert found is not None
    assert found.commit == git(work_tree, "rev-parse", "HEAD")
    assert found.dirty is None
    (work_tree / "net.pth").write_bytes(b"ignored")
    assert repository(work_tree) == found


def test_every_change_moves_the_dirty_digest_and_undoing_it_moves_it_back(work_tree: Path) -> None:
    def dirty() -> str | None:
        found = repository(work_tree)
        assert found is not None
        return found.dirty

    seen = [dirty()]
    source = work_tree / "code" / "net.py"
    source.write_text("a = 2\n")
    seen.append(dirty())
    git(work_tree, "add", ".")
    assert dirty() == seen[-1], "staged or not is the same code"
    source.write_text("a = 3\n")
    seen.append(dirty())
    (work_tree / "new file.py").write_text("b = 1\n")
    seen.append(dirty())
    (work_tree / "new file.py").write_text("b = 2\n")
    seen.append(dirty())
    (work_tree / "new file.py").rename(work_tree / "näme.py")
    seen.append(dirty())
    (work_tree / "link").symlink_to("code")
    seen.append(dirty())
    assert len(set(seen)) == len(seen)
    (work_tree / "link").unlink()
    (work_tree / "näme.py").unlink()
    git(work_tree, "reset", "-q", "--hard")
    assert dirty() is None


def test_only_the_named_paths_count(work_tree: Path) -> None:
    (work_tree / "outputs").mkdir()
    (work_tree / "outputs" / "table.md").write_text("x")
    everything, code = repository(work_tree), repository(work_tree, only=["code"])
    assert everything is not None
    assert code is not None
    assert everything.dirty is not None
    assert code.dirty is None


def test_large_untracked_files_count_by_size(work_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_module, "_LARGEST_READ", 10)
    big = work_tree / "frames.bin"
    big.write_bytes(b"a" * 100)
    first = repository(work_tree)
    big.write_bytes(b"b" * 100)
    assert repository(work_tree) == first
    big.write_bytes(b"b" * 101)
    assert repository(work_tree) != first


def test_no_repository_no_commit_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repository(tmp_path) is None
    assert repository(tmp_path / "absent") is None
    git(tmp_path, "init", "-q")
    assert repository(tmp_path) is None, "no commit yet"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert repository(tmp_path) is None


def test_a_hooks_git_dir_names_no_other_repository(work_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = repository(work_tree)
    monkeypatch.setenv("GIT_DIR", str(work_tree / "nowhere"))
    monkeypatch.setenv("GIT_WORK_TREE", str(work_tree / "nowhere"))
    assert repository(work_tree) == expected

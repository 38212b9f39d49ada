"""What a program changed where it should not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from spfem_bench.adapters.command import watch
from spfem_bench.adapters.command.watch import Watched, changes, snapshot


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "top.txt").write_text("top")
    (tmp_path / "deep" / "er" / "low.txt").write_text("low")
    return tmp_path


def found(tree: Path, act: Callable[[Path], object], **given: object) -> list[str]:
    watched = [Watched(tree, "clone", **given)]  # type: ignore[arg-type]
    before = snapshot(watched)
    act(tree)
    return changes(before, snapshot(watched))


@pytest.mark.parametrize(
    ("act", "names"),
    [
        (lambda root: None, []),
        (lambda root: (root / "top.txt").read_text(), []),
        (lambda root: (root / "new.txt").write_text(""), ["clone/new.txt"]),
        (lambda root: (root / "top.txt").unlink(), ["clone/top.txt"]),
        (lambda root: (root / "top.txt").write_text("much longer"), ["clone/top.txt"]),
        (lambda root: os.utime(root / "top.txt", ns=(1, 1)), ["clone/top.txt"]),
        (lambda root: (root / "deep" / "er" / "low.txt").write_text("changed"), ["clone/deep/er/low.txt"]),
        (lambda root: (root / "empty").mkdir(), ["clone/empty/"]),
        (lambda root: (root / "link").symlink_to("top.txt"), ["clone/link"]),
        (lambda root: (root / "deep" / "__pycache__").mkdir(), []),
        (lambda root: (root / ".git").mkdir(), []),
    ],
)
def test_what_is_new_gone_or_different_is_named(
    tree: Path, act: Callable[[Path], object], names: list[str]
) -> None:
    assert found(tree, act) == names


def test_spared_places_may_change(tree: Path) -> None:
    def act(root: Path) -> None:
        (root / "deep" / "er" / "new.txt").write_text("")
        (root / "deep" / "new.txt").write_text("")

    assert found(tree, act, spared=("deep/er",)) == ["clone/deep/new.txt"]


def test_what_lies_beside_the_named_files_is_let_be(tree: Path) -> None:
    """A log grows and a run writes its own bundle beside the manifest."""
    named = {tree / "top.txt", tree / "deep" / "er", tree / "missing.txt"}

    def harmless(root: Path) -> None:
        (root / "out").mkdir()
        (root / "out" / "row.json").write_text("")
        (root / "deep" / "run.log").write_text("")
        (root / "junk.txt").write_text("")

    def harmful(root: Path) -> None:
        (root / "top.txt").write_text("changed")
        (root / "missing.txt").write_text("here now")
        (root / "deep" / "er" / "low.txt").unlink()

    assert found(tree, harmless, only=named) == []
    spared = ("top.txt", "missing.txt")
    assert found(tree, harmful, only=named, spared=spared) == ["clone/deep/er/low.txt"]
    (tree / "deep" / "er" / "low.txt").write_text("low")
    (tree / "missing.txt").unlink()
    (tree / "top.txt").write_text("top")
    assert found(tree, harmful, only=named) == ["clone/deep/er/low.txt", "clone/missing.txt", "clone/top.txt"]


def test_a_named_link_stands_for_what_it_leads_to(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Weights are often links into a cache."""
    blob = tmp_path_factory.mktemp("blobs") / "4f2a"
    blob.write_text("weights")
    (tree / "net.pth").symlink_to(blob)
    changed = found(tree, lambda root: blob.write_text("others"), only={tree / "net.pth"})
    assert changed == ["clone/net.pth"]


def test_a_link_that_leads_away_is_not_followed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (tree / "link").symlink_to(elsewhere)
    assert found(tree, lambda root: (elsewhere / "new.txt").write_text("")) == []


def test_a_tree_without_end_is_watched_in_part(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST", 3)
    assert len(snapshot([Watched(tree, "clone")])) == 3


def test_a_folder_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert snapshot([Watched(tmp_path / "none", "clone")]) == {}

"""Where shipped files are found: the wheel's folder first, then the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from spfem_bench import resources
from spfem_bench.errors import ConfigError
from spfem_bench.resources import config_path, list_configs, shipped


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package beside nothing: no checkout."""
    folder = tmp_path / "site-packages" / "spfem_bench"
    folder.mkdir(parents=True)
    monkeypatch.setattr(resources, "PACKAGE", folder)
    return folder


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / "configs" / "suites" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"name: {root.name}\n", encoding="utf-8")


def test_a_wheel_finds_what_it_carries(package: Path) -> None:
    put(package / "_shipped", "portable-v1", "synthetic-v1")
    assert config_path("suites", "portable-v1") == package / "_shipped/configs/suites/portable-v1.yaml"
    assert list_configs("suites") == ["portable-v1", "synthetic-v1"]


def test_a_checkout_is_read_where_nothing_is_carried(package: Path) -> None:
    put(package.parent, "portable-v1")
    assert list_configs("suites") == [], "a configs folder in site-packages is somebody else's"
    (package.parent / "pyproject.toml").write_text("", encoding="utf-8")
    assert config_path("suites", "portable-v1") == package.parent / "configs/suites/portable-v1.yaml"


def test_what_the_package_carries_comes_first(package: Path) -> None:
    (package.parent / "pyproject.toml").write_text("", encoding="utf-8")
    put(package.parent, "portable-v1")
    put(package / "_shipped", "portable-v1")
    assert "_shipped" in config_path("suites", "portable-v1").parts


def test_a_slash_stands_for_a_dash(package: Path) -> None:
    put(package / "_shipped", "spfem-cross-id@1")
    assert config_path("suites", "spfem/cross-id@1").name == "spfem-cross-id@1.yaml"


def test_a_file_given_by_path(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("a: 1", encoding="utf-8")
    (tmp_path / "mine.txt").write_text("a: 1", encoding="utf-8")
    assert config_path("suites", "mine.yaml") == Path("mine.yaml")
    assert config_path("suites", str(tmp_path / "mine.txt")) == tmp_path / "mine.txt"
    with pytest.raises(ConfigError, match=r"gone\.yaml does not exist"):
        config_path("suites", "gone.yaml")


@pytest.mark.parametrize("name", ["portable-v2", "portable", "nothing-like-it"])
def test_an_unknown_name_lists_what_there_is(name: str, package: Path) -> None:
    put(package / "_shipped", "portable-v1", "synthetic-v1")
    with pytest.raises(ConfigError, match=f"no suite named '{name}'") as caught:
        config_path("suites", name)
    assert "There are: portable-v1, synthetic-v1." in str(caught.value)
    assert ("Did you mean 'portable-v1'?" in str(caught.value)) == name.startswith("portable")


@pytest.mark.parametrize("name", ["../protocols/x", "..", ".", ""])
def test_names_do_not_leave_their_folder(name: str, package: Path) -> None:
    put(package / "_shipped", "portable-v1")
    with pytest.raises(ConfigError):
        config_path("suites", name)


def test_a_broken_installation_is_named(package: Path) -> None:
    with pytest.raises(ConfigError, match=r"configs/weights\.yaml is missing .* install spfem-bench again"):
        shipped("configs/weights.yaml")


def test_this_installation_has_its_files() -> None:
    assert shipped("configs/weights.yaml").is_file()

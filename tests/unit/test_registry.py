"""Names to objects: built-in, installed, or module:attribute."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from spfem_bench import registry
from spfem_bench.errors import PluginError
from spfem_bench.registry import load, names, resolve, survey

GROUP = "spfem_bench.adapters"
BUILTIN = {"ordered": "collections:OrderedDict", "broken": "no_such_module_here:X"}


class FakeDistribution:
    def __init__(self, name: str) -> None:
        self.name = name


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    installed: list[EntryPoint] = []

    def put(name: str, value: str, distribution: str) -> None:
        entry = EntryPoint(name, value, GROUP)
        vars(entry)["dist"] = FakeDistribution(distribution)
        installed.append(entry)

    monkeypatch.setattr(registry, "entry_points", lambda group: installed if group == GROUP else [])
    return put


def module(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


def test_a_built_in_name(install) -> None:  # type: ignore[no-untyped-def]
    from collections import OrderedDict

    assert resolve(GROUP, "ordered", BUILTIN) is OrderedDict


def test_a_plug_in_is_found_by_its_entry_point(install) -> None:  # type: ignore[no-untyped-def]
    from fractions import Fraction

    install("ratio", "fractions:Fraction", "their-package")
    assert resolve(GROUP, "ratio", BUILTIN) is Fraction
    assert names(GROUP, BUILTIN) == ["broken", "ordered", "ratio"]


def test_module_and_dotted_attribute() -> None:
    assert resolve(GROUP, "fractions:Fraction.from_float", {})(0.5) == 0.5


def test_an_unknown_name_gets_a_near_miss(install) -> None:  # type: ignore[no-untyped-def]
    install("blurred", "fractions:Fraction", "their-package")
    with pytest.raises(PluginError) as caught:
        resolve(GROUP, "blured", BUILTIN)
    message = str(caught.value)
    assert "There is no adapter named 'blured'. Did you mean 'blurred'? There are: blurred, broken" in message
    assert "module:attribute" in message


def test_two_origins_of_one_name_are_an_error_naming_both(install) -> None:  # type: ignore[no-untyped-def]
    install("ordered", "fractions:Fraction", "their-package")
    with pytest.raises(
        PluginError, match=r"spfem-bench \(collections:OrderedDict\) and their-package \(fractions"
    ):
        resolve(GROUP, "ordered", BUILTIN)
    assert [status.ok for status in survey(GROUP, BUILTIN) if status.name == "ordered"] == [False]


def test_the_same_entry_point_listed_twice_is_one_origin(install) -> None:  # type: ignore[no-untyped-def]
    from fractions import Fraction

    install("ratio", "fractions:Fraction", "their-package")
    install("ratio", "fractions:Fraction", "their-package")
    assert resolve(GROUP, "ratio", {}) is Fraction


def test_a_broken_plug_in_harms_only_who_asks_for_it(install) -> None:  # type: ignore[no-untyped-def]
    install("theirs", "no_such_module_either:X", "their-package")
    assert resolve(GROUP, "ordered", BUILTIN) is not None
    found = {status.name: status for status in survey(GROUP, BUILTIN)}
    assert found["ordered"].ok
    assert not found["theirs"].ok
    assert found["theirs"].origin == "their-package (no_such_module_either:X)"
    assert "no module 'no_such_module_either'" in found["theirs"].error
    with pytest.raises(PluginError, match="'theirs' of their-package cannot be used"):
        resolve(GROUP, "theirs", BUILTIN)


def test_the_current_directory_is_importable_for_the_one_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module(tmp_path, "my_adapter_h4", "class Mine: pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    before = list(sys.path)
    assert resolve(GROUP, "my_adapter_h4:Mine", {}).__name__ == "Mine"
    assert sys.path == before
    monkeypatch.delitem(sys.modules, "my_adapter_h4")


def test_the_current_directory_shadows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module(tmp_path, "tabulate", "raise RuntimeError('shadowed')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.delitem(sys.modules, "tabulate", raising=False)
    assert callable(load("tabulate:tabulate"))


@pytest.mark.parametrize(
    ("text", "target", "sentence"),
    [
        ("", "absent_h4:X", "there is no module 'absent_h4' here"),
        ("", "absent_h4.deep:X", "there is no module 'absent_h4' here"),
        ("class Adapter: pass", "plug_h4:Adaptor", "has no 'Adaptor'. Did you mean 'Adapter'?"),
        ("import not_installed_h4", "plug_h4:X", "needs 'not_installed_h4', which is not installed"),
        ("1 / 0", "plug_h4:X", "importing 'plug_h4' fails with ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(3)", "plug_h4:X", "fails with SystemExit"),
        ("def f(:", "plug_h4:X", "fails with SyntaxError"),
        ("from fractions import Nothing", "plug_h4:X", "fails with ImportError"),
    ],
)
def test_what_is_wrong_with_a_target_is_told_apart(
    text: str, target: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module(tmp_path, "plug_h4", text + "\n")
    monkeypatch.chdir(tmp_path)
    try:
        with pytest.raises(PluginError) as caught:
            resolve(GROUP, target, {})
    finally:
        sys.modules.pop("plug_h4", None)
    assert sentence in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["", ":", "module:", ":attribute", "a b:c", "a:b c", "C:\\models\\x.py"])
def test_what_is_no_target_is_an_unknown_name(name: str) -> None:
    with pytest.raises(PluginError, match="There is no adapter named"):
        resolve(GROUP, name, BUILTIN)

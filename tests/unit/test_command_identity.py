"""What a foreign model's outputs are known by, and what a table says of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.adapters import load_system
from spfem_bench.adapters.command import contents
from spfem_bench.adapters.command.adapter import CommandAdapter
from spfem_bench.adapters.command.contents import LARGEST, code_below, code_files
from spfem_bench.adapters.command.manifest import Manifest, shipped
from spfem_bench.adapters.command.notes import notes_of
from spfem_bench.adapters.command.places import find_place
from spfem_bench.digest import short_digest
from spfem_bench.errors import UsageError
from spfem_bench.weights import store
from tests.support.foreign_manifests import FREE, VERSION, clone, manifest_file, pinned_asset, this_python
from tests.support.programs import make_adapter

GOOD = b"right weights"
PINNED = pinned_asset("net.bin", GOOD)
CODE = ["helper.py", "run.sh", "configs/model.yaml", "nets/parts/block.py", "settings.json", "TOOL.R"]
NO_CODE = [
    "run.log",
    "frame.png",
    "records/trial.json",
    ".hidden/a.py",
    "__pycache__/a.py",
    "venv/lib/a.py",
    "made/a.py",
    "cache/a.py",
    "large.py",
    "place.yaml",
    "manifest.yaml",
]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, which lies in the program's folder, as a relative one would."""
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "m" / "cache"))
    monkeypatch.delenv("SPFEM_BENCH_KEEP_JOBS", raising=False)


def wrote(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def program(folder: Path, **changed: Any) -> CommandAdapter:
    """A program of one's own that may write to ``made``."""
    return make_adapter(folder, writable=["made"], concurrency="one-at-a-time", **changed)


# Code of one's own


def test_what_counts_as_code(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    for name in (*CODE, *NO_CODE):
        wrote(folder / name, "{}")
    wrote(folder / "venv" / "pyvenv.cfg", "")
    (folder / "large.py").write_bytes(b" " * (LARGEST + 1))
    (folder / "linked").symlink_to(tmp_path)
    ours = program(folder)
    found = [file.relative_to(folder.resolve()).as_posix() for file in code_files(ours.manifest, ours.place)]
    assert found == sorted([*CODE, "bridge.py"])


@pytest.mark.parametrize("name", CODE)
def test_an_edited_file_of_one_s_own_code_is_another_program(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "m"
    wrote(folder / name, "{}")
    before = program(folder).identity
    assert program(folder).identity == before
    wrote(folder / name, "[]")
    after = program(folder).identity
    (folder / name).rename((folder / name).with_stem("renamed"))
    assert len({before, after, program(folder).identity}) == 3


def test_what_is_no_code_moves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    wrote(folder / "venv" / "pyvenv.cfg", "")
    before = program(folder).identity
    for name in NO_CODE[:-3]:
        wrote(folder / name, "{}")
    assert program(folder).identity == before


def test_the_code_of_a_checkout_elsewhere_counts_too(tmp_path: Path) -> None:
    folder, checkout = tmp_path / "m", tmp_path / "program"
    wrote(checkout / "model.py", "1")
    wrote(folder / "place.yaml", json.dumps({"checkout": "../program"}))
    before = program(folder).identity
    wrote(checkout / "model.py", "2")
    assert program(folder).identity != before


def test_a_folder_of_too_much_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MOST", 3)
    for number in range(4):
        wrote(tmp_path / "m" / "deep" / f"{number}.py", "")
    with pytest.raises(UsageError, match=r"more than 3 code files lie below .*/m, .*a folder of their own"):
        _ = program(tmp_path / "m").identity


def test_a_clone_without_git_is_known_by_its_code(world: Path, ship: Callable[..., Manifest]) -> None:
    upstream = {"repository": "https://example.org/mine", "commit": "a" * 40}
    ours = ship(upstream=upstream)
    this_python(world / "env")
    wrote(world / "checkout" / "model.py", "1")
    found = {adapter_of(ours).identity, adapter_of(ours).identity}
    wrote(world / "checkout" / "model.py", "2")
    found.add(adapter_of(ours).identity)
    assert len(found) == 2
    assert f"not known to be the pinned commit {'a' * 12}" in adapter_of(ours).notes


# Variables


def test_variables_count_by_name_and_value_and_their_values_stay_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = {"python-path": sys.executable, "variables": ["MODEL_TOKEN"]}

    def one() -> CommandAdapter:
        return program(tmp_path / "m", environment=passed)

    monkeypatch.delenv("MODEL_TOKEN", raising=False)
    found = [program(tmp_path / "m").identity, one().identity]
    for value in ("first-secret", "second-secret", os.fsdecode(b"\xff")):
        monkeypatch.setenv("MODEL_TOKEN", value)
        found.append(one().identity)
    assert len(set(found)) == 5
    assert "secret" not in json.dumps(one().document)
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    assert one().identity == found[-1]


def test_the_launcher_s_words_stay_here(tmp_path: Path) -> None:
    wrote(
        tmp_path / "m" / "place.yaml",
        json.dumps({"launcher": ["/usr/bin/env", "TOKEN=secret"], "python": sys.executable}),
    )
    document = program(tmp_path / "m").document
    assert document["launcher"]["program"] == "env"
    assert "secret" not in json.dumps(document)


# Pinned and found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the wrapper ``mine`` is installed; nothing is shipped but what `ship` makes."""
    monkeypatch.setenv("SPFEM_BENCH_BASELINES", str(tmp_path / "baselines"))
    monkeypatch.setattr("spfem_bench.adapters.command.manifest.wrappers_dir", lambda: tmp_path / "wrappers")
    return tmp_path / "baselines" / "mine"


@pytest.fixture
def ship(world: Path) -> Callable[..., Manifest]:
    """Write a wrapper as if it were shipped."""

    def write(**changes: Any) -> Manifest:
        manifest_file(world.parents[1] / "wrappers" / "mine", **{"licence": FREE, **changes})
        return shipped("mine")

    return write


def adapter_of(ours: Manifest) -> CommandAdapter:
    return CommandAdapter(ours, find_place(ours))


def test_other_bytes_of_the_same_size_are_refused_before_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    ours = program(folder, assets=[PINNED])
    (folder / "net.bin").write_bytes(GOOD)
    good = load_system(f"command:{folder}").adapter.identity
    assert ours.document["assets"] == [
        {"name": "net", "path": "net.bin", "pinned": PINNED["sha256"], "found": PINNED["sha256"]}
    ]
    (folder / "net.bin").write_bytes(GOOD[::-1])
    with pytest.raises(UsageError, match=r"net\.bin has other bytes than those pinned .*baseline check"):
        load_system(f"command:{folder}")
    with pytest.raises(
        UsageError, match=r"other bytes than those pinned: get https://example\.org/net\.bin and put it at "
    ):
        _ = program(folder, assets=[PINNED]).identity
    (folder / "net.bin").write_bytes(GOOD)
    assert load_system(f"command:{folder}").adapter.identity == good


def test_a_folder_where_a_file_is_pinned_is_refused(tmp_path: Path) -> None:
    program(tmp_path / "m", assets=[PINNED])
    wrote(tmp_path / "m" / "net.bin" / "part", "x")
    with pytest.raises(UsageError, match=r"net\.bin is a folder, and a file is pinned"):
        load_system(f"command:{tmp_path / 'm'}")


def test_assets_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, read = tmp_path / "m", list[Path]()
    program(folder, assets=[PINNED])
    (folder / "net.bin").write_bytes(GOOD)
    plain = store.sha256_of
    monkeypatch.setattr(store, "sha256_of", lambda file: read.append(file) or plain(file))
    _ = [load_system(f"command:{folder}").adapter.identity for _ in range(3)]
    assert [file.name for file in read].count("net.bin") == 1


def test_another_commit_and_another_environment_are_told(world: Path, ship: Callable[..., Manifest]) -> None:
    head = clone(world / "checkout")
    this_python(world / "env")
    pinned = {"repository": "https://example.org/mine", "commit": head}
    right = ship(upstream=pinned, environment={"python": VERSION, "packages": {"numpy": ""}})
    as_pinned = adapter_of(right)
    assert not [note for note in as_pinned.notes if "pinned" in note]
    assert as_pinned.document["checkout"] == {"commit": head, "changes": None}
    wrote(world / "checkout" / "model.py", "print('mended')\n")
    changed = adapter_of(right)
    assert any(note.startswith("not the code of its commit (tracked files differ") for note in changed.notes)
    other = {**pinned, "commit": "0" * 40}
    wrong = adapter_of(
        ship(upstream=other, environment={"python": "3.5", "packages": {"numpy": "0.1", "nosuch": "1"}})
    )
    assert f"not the pinned commit ({head[:12]}, not {'0' * 12})" in wrong.notes
    (said,) = (note for note in wrong.notes if "environment" in note)
    assert f"Python {'.'.join(map(str, sys.version_info[:3]))}, not 3.5" in said
    assert "nosuch missing, not 1" in said
    assert len({one.identity for one in (as_pinned, changed, wrong)}) == 3


# What a table says


def test_choices_steps_and_approximations_are_told(world: Path, ship: Callable[..., Manifest]) -> None:
    clone(world / "checkout")
    this_python(world / "env")
    ours = ship(
        mode=["label", "action-units"],
        input={"kind": "video", "as": "png", "fps": 25, "steps": ["openface-aus"]},
        options={"steps": 20, "raw": False},
    )
    usual = "inputs prepared by resample-fps@1(25), first-frame-png@1, frames-png@1, openface-aus@1"
    approximation = "AUs by openface-aus, an approximation of OpenFace's"
    assert adapter_of(ours).notes == (usual, approximation)
    chosen = adapter_of(ours.chosen({"mode": "action-units", "raw": "true"}))
    assert chosen.notes == (
        "mode action-units, not the default label",
        "option raw=true, not the default false",
        usual,
        approximation,
    )


def test_the_identity_is_the_document_s(tmp_path: Path) -> None:
    ours = program(tmp_path / "m")
    through_a_file: Mapping[str, Any] = json.loads(json.dumps(ours.document, sort_keys=True))
    assert ours.identity == f"command@1,program,{short_digest(through_a_file)}"
    assert ours.notes == notes_of(through_a_file)
    assert str(tmp_path) not in json.dumps(through_a_file)


def test_no_folder_is_no_code(tmp_path: Path) -> None:
    assert code_below(tmp_path / "nowhere") == []

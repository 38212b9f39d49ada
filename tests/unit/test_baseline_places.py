"""Where a foreign model is, and what it lacks: each missing thing with what mends it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spfem_bench.adapters.command import probing
from spfem_bench.adapters.command.check import Report, check, fits, glance, require_ready
from spfem_bench.adapters.command.manifest import Manifest, shipped
from spfem_bench.adapters.command.places import find_place
from spfem_bench.adapters.command.probing import ProbeError, ask_interpreter, read_head
from spfem_bench.adapters.load import load_system
from spfem_bench.errors import ConfigError, PluginError, UsageError
from spfem_bench.paths import baselines_dir
from tests.support.foreign_manifests import (
    FREE,
    VERSION,
    clone,
    commit,
    git,
    manifest,
    manifest_file,
    pinned_asset,
    script,
    this_python,
)

CONTENT = b"weights"
NET = pinned_asset("models/net.pth", CONTENT)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of baselines, and nothing shipped but what `ship` makes."""
    monkeypatch.setenv("SPFEM_BENCH_BASELINES", str(tmp_path / "baselines"))
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SPFEM_BENCH_WEIGHTS", raising=False)
    monkeypatch.setattr("spfem_bench.adapters.command.manifest.wrappers_dir", lambda: tmp_path / "wrappers")
    return tmp_path / "baselines" / "mine"


@pytest.fixture
def ship(world: Path) -> Callable[..., Manifest]:
    """Write a wrapper as if it were shipped."""

    def write(**changes: Any) -> Manifest:
        changes = {"licence": FREE, **changes}
        manifest_file(world.parents[1] / "wrappers" / "mine", **changes)
        return shipped("mine")

    return write


def installed(world: Path) -> str:
    """Checkout with its asset, and environment; the commit."""
    head = clone(world / "checkout")
    (world / "checkout" / "models").mkdir()
    (world / "checkout" / "models" / "net.pth").write_bytes(CONTENT)
    this_python(world / "env")
    return head


def upstream(head: str) -> dict[str, Any]:
    return {"repository": "https://example.org/mine", "commit": head}


def states(report: Report) -> dict[str, str]:
    return {finding.part: finding.state for finding in report.findings}


def look(ours: Manifest) -> Report:
    return check(ours, find_place(ours))


def test_the_folder_of_baselines_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPFEM_BENCH_BASELINES", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert baselines_dir() == Path("/home/someone/.local/share/spfem-bench/baselines")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert baselines_dir() == Path("/data/spfem-bench/baselines")
    monkeypatch.setenv("SPFEM_BENCH_BASELINES", "~/models")
    assert baselines_dir() == Path("/home/someone/models")


def test_nothing_is_there(world: Path, ship: Callable[..., Manifest]) -> None:
    ours = ship(upstream=upstream("a" * 40), assets=[NET])
    report = look(ours)
    assert states(report) == {
        "checkout": "missing",
        "python": "missing",
        "asset net": "missing",
        "licence": "ok",
    }
    mends = {finding.part: finding.mend for finding in report.findings}
    where = world / "checkout"
    expected = f"git clone https://example.org/mine {where} && git -C {where} checkout {'a' * 40}"
    assert mends["checkout"] == expected
    assert mends["asset net"] == f"get https://example.org/net.pth and put it at {where}/models/net.pth"
    assert str(world / "env") in mends["python"]
    with pytest.raises(UsageError, match=r"cannot run here, there is no checkout .* baseline check mine`"):
        require_ready(ours, find_place(ours))


def test_everything_is_there(world: Path, ship: Callable[..., Manifest]) -> None:
    head = installed(world)
    ours = ship(
        upstream=upstream(head),
        assets=[NET],
        environment={"python": VERSION, "packages": {"numpy": "", "click": "8"}},
    )
    report = look(ours)
    assert report.is_complete
    assert set(states(report).values()) == {"ok"}
    assert states(glance(ours, find_place(ours))).keys() < states(report).keys() | {"python"}
    require_ready(ours, find_place(ours))
    place = find_place(ours)
    job = Path("/jobs/job.json")
    assert place.words(ours, job) == [str(world / "env" / "bin" / "python"), str(ours.bridge), str(job)]


def test_another_commit_and_changed_files(world: Path, ship: Callable[..., Manifest]) -> None:
    head = installed(world)
    ours = ship(upstream=upstream(head))
    (world / "checkout" / "model.py").write_text("print('mended')\n")
    notes = [finding for finding in look(ours).findings if finding.part == "commit"]
    assert [finding.state for finding in notes] == ["ok", "note"]
    assert notes[1].detail.startswith("1 tracked files differ")
    later = commit(world / "checkout")
    [wrong] = [finding for finding in look(ours).findings if finding.part == "commit"]
    assert (wrong.state, wrong.detail) == ("missing", f"{later[:12]} is checked out, not {head[:12]}")
    assert f"checkout {head}" in wrong.mend
    git(world / "checkout", "checkout", "--quiet", head)
    assert states(look(ours))["commit"] == "ok"


def test_a_folder_that_is_no_clone_is_said_to_be_one(world: Path, ship: Callable[..., Manifest]) -> None:
    clone(world.parent)  # a clone around it, which is not the model's
    (world / "checkout").mkdir(parents=True)
    [finding] = [one for one in look(ship(upstream=upstream("a" * 40))).findings if one.part == "commit"]
    assert finding.state == "note"
    assert "is not a git clone" in finding.detail


def test_a_clone_cannot_run_programs_through_git(tmp_path: Path) -> None:
    clone(tmp_path / "clone")
    trap = script(tmp_path / "trap", f'touch "{tmp_path}/sprung"')
    git(tmp_path / "clone", "config", "core.fsmonitor", str(trap))
    assert read_head(tmp_path / "clone").changed == 0
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"weightz", "other bytes than those pinned"), (b"short", "has 5 bytes, not 7"), (None, "there is no ")],
)
def test_assets_with_other_bytes(
    world: Path, ship: Callable[..., Manifest], content: bytes | None, said: str
) -> None:
    installed(world)
    net = world / "checkout" / "models" / "net.pth"
    net.unlink()
    if content is not None:
        net.write_bytes(content)
    [finding] = [one for one in look(ship(assets=[NET])).findings if one.part == "asset net"]
    assert finding.state == "missing"
    assert said in finding.detail


def test_unpinned_gated_and_folder_assets(world: Path, ship: Callable[..., Manifest]) -> None:
    installed(world)
    unpinned = {**NET, "sha256": None, "bytes": None, "note": "No checksum is published."}
    gated = {**unpinned, "name": "face", "path": "face.pkl", "url": None, "gated": "register at example.org"}
    folder = {**unpinned, "name": "folder", "path": "models"}
    empty = {**unpinned, "name": "empty", "path": "empty"}
    (world / "checkout" / "empty").mkdir()
    found = {one.part: one for one in look(ship(assets=[unpinned, gated, folder, empty])).findings}
    assert found["asset net"].detail.endswith("(unpinned)")
    assert found["asset face"].mend == f"register at example.org; put it at {world}/checkout/face.pkl"
    assert found["asset folder"].state == "ok"
    assert found["asset empty"].detail.endswith("is empty")


def test_another_python_and_missing_packages(world: Path, ship: Callable[..., Manifest]) -> None:
    installed(world)
    packages = {"numpy": "0.1", "no-such-distribution": "1.2.3"}
    report = look(
        ship(environment={"python": "2.7", "packages": packages, "kind": "venv", "file": "req.txt"})
    )
    found = {one.part: one for one in report.findings}
    assert found["python"].detail.endswith("not 2.7")
    assert f"python2.7 -m venv {world}/env" in found["python"].mend
    assert found["package numpy"].detail.endswith("not 0.1")
    assert found["package no-such-distribution"].detail == "no-such-distribution is not installed"
    assert "no-such-distribution==1.2.3" in found["package no-such-distribution"].mend


@pytest.mark.parametrize(
    ("found", "wanted", "is_right"),
    [
        ("3.8.18", "3.8", True),
        ("3.8.18", "3.8.11", False),
        ("3.10.1", "3.1", False),
        ("1.7.1+cu110", "1.7.1", True),
        ("1.7.1+cu110", "1.7.1+cu110", True),
        ("1.7.1", "1.7.1+cu110", False),
        ("1.7", "1.7.1", False),
        ("0.3.dev1", "", True),
    ],
)
def test_versions_are_compared_as_far_as_they_are_given(found: str, wanted: str, is_right: bool) -> None:
    assert fits(found, wanted) is is_right


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", "(exit status 3)"),
        ("echo no python >&2; exit 1", "(no python)"),
        ("echo hello", "does not answer"),
    ],
)
def test_an_interpreter_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ProbeError) as caught:
        ask_interpreter([str(script(tmp_path / "python", text))], [])
    assert said in str(caught.value)


def test_an_interpreter_that_hangs_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "SECONDS", 0.2)
    with pytest.raises(ProbeError, match=r"does not answer within 0\.2 s"):
        ask_interpreter([str(script(tmp_path / "python", "exec sleep 60"))], [])


def test_an_old_interpreter_says_its_packages_without_importlib_metadata() -> None:
    """The script as a Python before 3.8 runs it: no importlib.metadata, and no pkg_resources either."""
    blocked = "import sys; sys.modules['importlib.metadata'] = sys.modules['pkg_resources'] = None\n"
    found = ask_interpreter(_running(blocked), ["pip", "no-such-distribution"])
    assert found.python.startswith(VERSION)
    assert found.packages["no-such-distribution"] is None
    if shutil.which("pip") is not None:
        assert found.packages["pip"] is not None


def _running(before: str) -> list[str]:
    """An interpreter that runs ``before`` ahead of what it is given by ``-I -c``."""
    # Then argv is -c -I -c SCRIPT PACKAGES.
    runner = f"import sys\n{before}\nscript = sys.argv[3]; sys.argv = ['-c', *sys.argv[4:]]; exec(script)"
    return [sys.executable, "-c", runner]


def test_licences_are_accepted_in_the_place(world: Path, ship: Callable[..., Manifest]) -> None:
    installed(world)
    ours = ship(licence={"code": "CC-BY-NC-4.0", "class": "non-commercial"})
    [finding] = [one for one in look(ours).findings if one.part == "licence"]
    assert finding.state == "missing"
    assert f"`accepts-licence: true` into {world}/place.yaml" in finding.mend
    (world / "place.yaml").write_text("accepts-licence: true\n")
    assert states(look(ours))["licence"] == "ok"


def test_a_place_elsewhere(world: Path, ship: Callable[..., Manifest], tmp_path: Path) -> None:
    ours = ship()
    world.mkdir(parents=True)
    (world / "place.yaml").write_text("checkout: ../shared-clone\npython: /opt/py/bin/python\n")
    place = find_place(ours)
    assert place.checkout == world / ".." / "shared-clone"
    assert place.python == "/opt/py/bin/python"
    (world / "place.yaml").write_text("launcher: [docker, run, image]\nstop: [docker, rm]\n")
    place = find_place(ours)
    assert (place.launcher, place.stop) == (("docker", "run", "image"), ("docker", "rm"))
    assert place.words(ours, Path("/j"))[0] == "python"
    (world / "place.yaml").write_text("chekout: x\n")
    with pytest.raises(ConfigError, match=r"unknown key 'chekout'\. Did you mean 'checkout'"):
        find_place(ours)


def test_what_a_container_hides_is_a_note(world: Path, ship: Callable[..., Manifest]) -> None:
    world.mkdir(parents=True)
    launcher = script(world / "container", f'shift\nexec "{sys.executable}" "$@"')
    (world / "place.yaml").write_text(f"launcher: ['{launcher}']\n")
    report = look(ship(upstream=upstream("a" * 40), assets=[NET]))
    assert states(report) == {"checkout": "note", "python": "ok", "asset net": "note", "licence": "ok"}


def test_gpu_and_steps(world: Path, ship: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    installed(world)
    given = {
        "kind": "video",
        "crop": {"rule": "face-static", "margin": 0, "size": 64},
        "steps": ["openface-aus"],
    }
    shown = {"as": "video", "space": "crop"}
    ours = ship(environment={"gpu": "required"}, input=given, output=shown)
    monkeypatch.setattr("spfem_bench.adapters.command.check.has_nvidia_gpu", lambda: False)
    report = look(ours)
    assert states(report)["gpu"] == "missing"
    steps = [(one.state, one.mend) for one in report.findings if one.part == "steps"]
    assert steps == [
        ("missing", "spfem-bench weights fetch mediapipe-face-landmarker"),
        ("note", "spfem-bench weights fetch yunet"),
    ]


def test_a_manifest_of_ones_own_is_its_own_place(tmp_path: Path) -> None:
    ours = manifest(tmp_path)
    place = find_place(ours)
    assert (place.checkout, place.python) == (tmp_path, sys.executable)
    assert check(ours, place).is_complete
    other = manifest(tmp_path, environment={"python-path": "venv/bin/python"})
    assert find_place(other).python == str(tmp_path / "venv" / "bin" / "python")


def test_adapters_by_text(world: Path, ship: Callable[..., Manifest], tmp_path: Path) -> None:
    installed(world)
    ship(mode=["label", "reference"], options={"steps": 2})
    assert load_system("baseline:mine").name == "mine"
    assert load_system("baseline:mine,mode=reference,steps=3").name == "mine-reference"
    named = load_system("OTHER=baseline:mine,mode=reference")
    assert (named.name, named.role) == ("OTHER", "model")
    own = manifest_file(tmp_path / "own", name="own")
    assert load_system(f"command:{own}").name == load_system(f"command:{own.parent}").name == "own"
    with pytest.raises(PluginError, match=r"'mine' is a foreign model: name it as baseline:mine"):
        load_system("mine")
    with pytest.raises(UsageError, match=r"no wrapper named 'miner'\. Did you mean 'mine'"):
        load_system("baseline:miner")
    shutil.rmtree(world)
    with pytest.raises(UsageError, match="`spfem-bench baseline check mine`"):
        load_system("baseline:mine")

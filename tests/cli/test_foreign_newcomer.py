"""The newcomer's path of docs/foreign.md, followed to the letter: its files, its commands, its report."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from spfem_baselines import Adapter, Request
from spfem_bench.adapters import load_system
from spfem_bench.testing import Check, Conformance, check_conformance
from spfem_bench.testing.conformance_checks import CHECKS
from spfem_bench.testing.fake_clips import fake_clip, written
from tests.support.command import done, invoke, scores_of

DOC = (Path(__file__).parents[2] / "docs" / "foreign.md").read_text(encoding="utf8")
FILES = dict(re.findall(r"^`([\w/]+\.\w+)`:\n\n```\w+\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL))
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the newcomer put the two files."""
    folder = tmp_path_factory.mktemp("newcomer")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def surroundings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(folder / "cache"))


def test_it_is_twenty_lines_and_fifteen() -> None:
    assert set(FILES) == {"warm/warm.py", "warm/manifest.yaml"}
    assert len([line for line in FILES["warm/warm.py"].splitlines() if line]) <= 20
    assert len(FILES["warm/manifest.yaml"].splitlines()) == 15
    assert [command[0] for command in COMMANDS] == ["data", "baseline", "run", "show"]


def test_the_commands_end_in_a_table(folder: Path) -> None:
    said = [done(*command) for command in COMMANDS]
    (row,) = (line for line in said[2].splitlines() if line.split()[:1] == ["warm"])
    assert re.search(r"\d\.\d+", row)
    systems = {system["name"]: system for system in scores_of(folder / "warm-run")["systems"]}
    warm = systems["warm"]
    assert (warm["role"], warm["generated"], warm["trials"]) == ("model", 4, 12)
    ssim = {emotion: score["value"] for emotion, score in warm["scores"]["ssim"].items()}
    assert ssim["angry"] is None
    assert 0.5 < ssim["happy"] < 1
    assert systems["oracle"]["scores"]["ssim"]["average"]["value"] == 1
    assert "warm has labels for happy, sad, not for angry" in said[3]


def test_the_wrapped_program_is_sound(folder: Path) -> None:
    """All but the checks that need rendered people and networks, on two drawn ones."""
    requests = []
    for seed, name in enumerate(["a", "b"]):
        place = folder / name
        place.mkdir()
        source = written(fake_clip(name, frames=12, size=32), place, "source")
        requests.append(Request(name, source, "happy", seed, reference=source))
    adapter = load_system("command:warm/manifest.yaml").adapter
    only = [name for name in CHECKS if name not in {"rendered-run", "fresh-process"}]
    report = check_conformance(adapter, requests=requests, only=only).require()
    assert {check.name for check in report.checks if check.passed is None} == set()
    said = {check.name: check.sentence for check in report.checks}
    assert said["frame-map"] == "stands for 12 of 12 source frames, from 0 to 11"
    assert "ended after" in said["timeout"]


def test_the_command_says_what_the_kit_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is checked is the kit's own matter; here it is asked for one quick check, and for a failed one."""
    asked: list[str] = []

    def quick(adapter: Adapter, *, text: str) -> Conformance:
        asked.append(text)
        return check_conformance(adapter, text=text, only=["description"])

    monkeypatch.setattr("spfem_bench.testing.check_conformance", quick)
    said = done("baseline", "check", "warm/manifest.yaml", "--conformance")
    assert asked == ["command:warm/manifest.yaml"]
    assert "warm: ready" in said
    assert "description" in said
    failed = Conformance("warm", (Check("clock", False, "drifts by 2 frames"),))
    monkeypatch.setattr("spfem_bench.testing.check_conformance", lambda _adapter, text: failed)
    refused = invoke("baseline", "check", "warm/manifest.yaml", "--conformance", "--json")
    assert refused.exit_code == 5
    (document,) = json.loads(refused.stdout)
    assert document["complete"]
    assert document["conformance"]["checks"][0]["sentence"] == "drifts by 2 frames"


def test_the_page_lists_every_check_in_order() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", DOC, re.MULTILINE) == list(CHECKS)


def test_the_page_s_python_is_python() -> None:
    (snippet,) = (
        text for text in re.findall(r"```python\n(.*?)```", DOC, re.DOTALL) if "check_conformance" in text
    )
    names: dict[str, object] = {}
    imports = [line for line in snippet.splitlines() if line.startswith(("from ", "text ="))]
    exec("\n".join(imports), names)
    compile(snippet, "docs/foreign.md", "exec")
    assert names["check_conformance"] is check_conformance
    assert names["text"] == "command:warm/manifest.yaml"

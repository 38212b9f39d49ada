"""The README says what the code does: names, exit codes, variables and commands are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from spfem_bench.cli import main
from spfem_bench.cli._frame import COMMANDS, MEANINGS
from spfem_bench.errors import ExitCode
from spfem_bench.paths import ENVIRONMENT
from spfem_bench.registry import GROUPS, resolve
from spfem_bench.suites import load_suite

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def test_every_metric_of_the_portable_suite_is_listed_with_its_direction_and_unit() -> None:
    rows = {line.split("|")[1].strip(" *`"): line for line in README.splitlines() if line.startswith("| `")}
    suite = load_suite("portable-v1")
    infos = [resolve("spfem_bench.metrics", p.factory, {})(**p.options).info for p in suite.metrics]
    assert set(rows) == {info.name for info in infos}
    for info in infos:
        assert f"| {info.direction} | {info.unit} |" in rows[info.name]
        assert (f"`{info.name}`*" in rows[info.name]) == bool(info.weak)


def test_exit_codes_and_variables_are_those_of_the_code() -> None:
    for code in ExitCode:
        assert re.search(rf"^\s*{int(code)}\s+{re.escape(MEANINGS[code])}$", README, re.MULTILINE)
    for name, text in ENVIRONMENT.items():
        assert f"- `{name}`: {text}" in README


def test_every_command_it_shows_exists_and_every_option_is_known() -> None:
    shown = re.findall(r"^spfem-bench ([a-z-]+)([^\n#]*)", README, re.MULTILINE)
    assert shown
    for command, rest in shown:
        assert command in COMMANDS, command
        helped = CliRunner().invoke(main, [command, "--help"]).output
        sub = rest.split()[0] if command in {"weights", "data", "train"} else ""
        helped += CliRunner().invoke(main, [command, sub, "--help"]).output if sub else ""
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in helped, f"{command} {option}"


def test_plug_in_groups_are_those_of_the_registry() -> None:
    for group in GROUPS:
        assert f"`{group}`" in CONTRIBUTING


def test_nothing_is_left_to_fill_in() -> None:
    assert "<!--" not in README

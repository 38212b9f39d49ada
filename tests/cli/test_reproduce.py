"""``reproduce`` without a bundle, with one, and with one that has none of the methods."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spfem_bench.cli._frame import root
from spfem_bench.schemas import violation
from spfem_bench.stages.run import run
from tests.support.worlds import make_folder, tiny_spec

main = root({"reproduce": ("spfem_bench.cli.reproduce:reproduce", "A published table beside a bundle.")})
CROSS = "stccl-2026/mead-cross"


def invoke(*args: object) -> Result:
    return CliRunner().invoke(main, ["reproduce", *map(str, args)])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("reproduce")
    spec = tiny_spec(make_folder(place / "data", speakers=2), place / "cache", "brighten", limit=2)
    done = run(spec, place / "out")
    assert done is not None
    return done


def test_tables_are_listed() -> None:
    done = invoke()
    assert done.exit_code == 0
    assert "stccl-2026/mead-cross  " in done.stdout
    assert [row["table"] for row in json.loads(invoke("--json").stdout)] == [
        line.split()[0] for line in done.stdout.splitlines()
    ]


def test_a_table_nobody_ran(tmp_path: Path) -> None:
    done = invoke(CROSS)
    assert done.exit_code == 0
    assert done.stdout.count("reported, not run") == 18
    assert "ICface           LSE-D        11.238*" in done.stdout
    assert (
        "* printed average 11.238, mean of its cells 11.095; one cell 1 higher would mend it" in done.stdout
    )
    assert "FAD: published as fad-arcface18-gray/masked" in done.stdout
    assert "clip list: the papers' test clips are unpublished" in done.stdout
    assert invoke(CROSS, "--per-emotion").stdout.count("reported, not run") == 18 * 8


def test_markdown_and_json(tmp_path: Path) -> None:
    markdown = invoke(CROSS, "--format", "markdown").stdout
    assert markdown.startswith("### stccl-2026/mead-cross: ")
    assert "11.238\\* |" in markdown
    assert "- \\* printed average 11.238" in markdown
    document = json.loads(invoke(CROSS, "--json").stdout)
    assert violation("reproduction", document, "reproduce") is None
    assert document == json.loads(invoke(CROSS, "--format", "json").stdout)
    assert len(document["lines"]) == 18 * 8


def test_a_bundle_of_another_test_is_shown_and_not_compared(bundle: Path) -> None:
    done = invoke(CROSS, "--bundle", bundle, "--method", "NED=brighten", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    own = [line for line in document["lines"] if line["system"] == "brighten"]
    assert {line["method"] for line in own} == {"NED"}
    assert {line["verdict"] for line in own} == {"not measured"}  # the tiny suite has no FAD


def test_a_bundle_without_any_of_the_methods_is_exit_4(bundle: Path) -> None:
    done = invoke(CROSS, "--bundle", bundle)
    assert done.exit_code == 4
    assert "none of which is named like a method" in done.stderr
    assert "--method ICface=brighten" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("stccl-2026/mead-cros",), "Did you mean 'stccl-2026/mead-cross'"),
        ((CROSS, "--bundle", "gone"), "give a finished bundle"),
        ((CROSS, "--bundle", ".", "--method", "NED"), "is not METHOD=SYSTEM"),
    ],
)
def test_usage_errors_say_what_to_give(args: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = invoke(*args)
    assert done.exit_code == 2
    assert said in done.stderr

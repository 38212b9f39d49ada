"""``spfem-bench train metrics``: a smoke test of every face network, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spfem_bench.cli._frame import root
from spfem_bench.cli.train import NAMES, train
from spfem_bench.digest import digest_file
from spfem_bench.errors import UsageError
from spfem_bench.training.recipe import TRAINERS
from spfem_metrics.networks.files import state_dict


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(train, ["metrics", *map(str, arguments)])


def test_the_names_offered_are_those_that_can_be_trained():
    assert set(NAMES) == set(TRAINERS)
    assert "train" in root().list_commands(None)  # type: ignore[arg-type]


def test_a_smoke_test_does_not_overwrite_what_ships():
    with pytest.raises(UsageError, match="--out"):
        raise invoke("--smoke", "--only", "expression").exception  # type: ignore[misc]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.mark.parametrize("name", ["landmarks", "identity", "expression", "perceptual"])
def test_a_network_is_rendered_for_trained_saved_and_measured(name: str, work: Path, tmp_path: Path):
    done = invoke(
        "--smoke",
        "--set",
        "judges",
        "--only",
        name,
        "--work",
        work,
        "--out",
        tmp_path,
        "--json",
        "--device",
        "cpu",
    )
    assert done.exit_code == 0, done.output
    (card,) = json.loads(done.stdout)
    path = tmp_path / "judges" / f"{name}.safetensors"
    assert card["sha256"] == digest_file(path)
    assert card["bytes"] == path.stat().st_size
    assert sum(value.numel() for value in state_dict(path).values()) >= card["parameters"]
    assert all(
        0 <= m["value"] < 1e4 or "correlation" in m["what"] or "cosine" in m["what"] for m in card["measures"]
    )
    text = path.with_suffix(".md").read_text()
    assert f"spfem-bench train metrics --set judges --only {name} --smoke" in text
    assert "population 1000" in text
    assert "population 3000" in text
    lines = (work / "logs" / f"judges-{name}.csv").read_text().splitlines()
    assert len(lines) == 3


def test_training_again_gives_the_same_file(work: Path, tmp_path: Path):
    digests = []
    for name in ("one", "two"):
        done = invoke(
            "--smoke", "--set", "supervisors", "--only", "expression", "--threads", 1, "--device", "cpu",
            "--work", work, "--out", tmp_path / name,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        assert "expression (supervisors)" in done.stdout
        assert "accuracy at level 3, of clips" in done.stdout
        digests.append(digest_file(tmp_path / name / "supervisors" / "expression.safetensors"))
    assert digests[0] == digests[1]

"""``table``: ranks from the rows of bundles, columns of one's choice, published tables beside."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from spfem_baselines import Output, Request
from spfem_bench.errors import ExitCode
from tests.support.adapters import Made
from tests.support.command import done, invoke
from tests.support.worlds import TINY, make_folder


def dim() -> Made:
    """A little darker than its source: nearer to it than ``brighten``."""

    def work(request: Request) -> Output:
        frames = (
            np.clip(chunk.astype(np.int16) - 5, 0, 255).astype(np.uint8) for chunk in request.source.frames()
        )
        return Output(frames, request.source.fps)

    return Made("dim", work)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, six people in three emotions."""
    root = tmp_path_factory.mktemp("table")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SPFEM_BENCH_CACHE_DIR", str(root / "cache"))
        manifest = make_folder(root / "data", speakers=6)
        models = ["--adapter", "tests.support.adapters:brighten", "--adapter", "tests.cli.test_table:dim"]
        done("run", "--dataset", f"folder:{manifest}", "--protocol", "open/cross-id@1", "--suite", TINY,
             "--no-bounds", *models, "-o", root / "bundle")  # fmt: skip
    return root / "bundle"


def test_models_are_ranked_on_the_rows_by_default(bundle: Path) -> None:
    said = done("table", bundle)
    assert "models that share a capital letter are not told apart" in said
    assert "any actors: speakers as the units" in said
    rows = csv.DictReader(io.StringIO(done("table", bundle, "--format", "csv")))
    places = {
        row["system"]: (row["rank_low"], row["rank_high"], row["ties"])
        for row in rows
        if row["metric"] == "luma-drift" and row["emotion"] == "average"
    }
    assert places == {"dim": ("1", "1", "A"), "brighten": ("2", "2", "B")}


def test_the_plain_table_needs_nothing_but_scores(bundle: Path, tmp_path: Path) -> None:
    shutil.copy(bundle / "scores.json", tmp_path)
    shutil.copy(bundle / "spec.json", tmp_path)
    plain = done("table", tmp_path, "--ranks", "none")
    assert plain == done("table", bundle, "--ranks", "none")
    assert "capital letter" not in plain
    refused = invoke("table", tmp_path)
    assert refused.exit_code == ExitCode.USAGE
    assert "has no rows.parquet, which ranks need: pass --ranks none" in refused.stderr


def test_two_bundles_are_ranked_together(bundle: Path) -> None:
    document = json.loads(done("table", bundle, bundle, "--format", "json", "--ranks", "these-actors"))
    places = document["standings"]["luma-drift"]["places"]
    assert set(places) == {"dim", "brighten", "dim (2)", "brighten (2)"}
    assert places["dim"]["ties"] == places["dim (2)"]["ties"]
    assert not set(places["dim"]["ties"]) & set(places["brighten"]["ties"])


def test_columns_come_as_asked_for(bundle: Path) -> None:
    document = json.loads(done("table", bundle, "--metric", "luma-set", "--format", "json"))
    assert [column["metric"] for column in document["columns"]] == ["luma-set"]
    wrong = invoke("table", bundle, "--metric", "luma-sett")
    assert wrong.exit_code == ExitCode.USAGE
    assert "Did you mean 'luma-set'?" in wrong.stderr


def test_a_published_table_stands_apart(bundle: Path) -> None:
    said = done("table", bundle, "--reported", "stccl-2026/mead-cross")
    assert said.startswith(done("table", bundle).rstrip("\n"))
    assert "stccl-2026/mead-cross (reported, not measured here)" in said
    assert "csim-expr/masked" in said
    wrong = invoke("table", bundle, "--reported", "stccl-2026/mead-cros")
    assert wrong.exit_code == ExitCode.USAGE
    assert "Did you mean 'stccl-2026/mead-cross'?" in wrong.stderr

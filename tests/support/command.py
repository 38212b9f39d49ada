"""The command line in this process, and what its bundles hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from spfem_bench.cli import main
from tests.support.worlds import TINY


def invoke(*args: object) -> Result:
    """Run ``spfem-bench ARGS``."""
    return CliRunner().invoke(main, [str(arg) for arg in args])


def done(*args: object) -> str:
    """Run a command that must succeed; its standard output."""
    result = invoke(*args)
    assert result.exit_code == 0, f"exit code {result.exit_code}: {result.stderr[-2000:]}"
    return result.stdout


def tiny(*args: object) -> str:
    """``done`` with the tiny suite."""
    return done(*args, "--suite", TINY)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def trials_of(bundle: Path) -> list[dict[str, Any]]:
    """The planned trials of a bundle."""
    return [line for line in lines_of(bundle / "trials.jsonl") if line["kind"] == "trial"]


def scores_of(bundle: Path) -> dict[str, Any]:
    """``scores.json``."""
    scores: dict[str, Any] = json.loads((bundle / "scores.json").read_text())
    return scores


def rows_of(bundle: Path) -> list[dict[str, Any]]:
    """``rows.parquet`` as plain values."""
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(bundle / "rows.parquet").to_pylist()
    return rows


def hashed(bundle: Path) -> list[str]:
    """The manifest's lines but the environment's, which holds the state of this checkout."""
    lines = (bundle / "MANIFEST.sha256").read_text().splitlines()
    return [line for line in lines if not line.endswith("  environment.json")]

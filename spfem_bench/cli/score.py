"""``spfem-bench score FOLDER``: videos a model made elsewhere, scored without adapter code."""

from __future__ import annotations

from typing import Any

import click

from spfem_bench.cli._job import do_run, run_options


@click.command("score")
@click.argument("folder", type=click.Path())
@run_options
def score(folder: str, **given: Any) -> None:
    """Score FOLDER: videos named by trial id (see `generate --dry-run`), or listed in its manifest.jsonl."""
    do_run(given, (f"precomputed:{folder}",))

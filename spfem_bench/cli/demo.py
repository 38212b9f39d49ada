"""``spfem-bench demo``: the main job on rendered clips, with nothing downloaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from spfem_bench.stages.spec import RunSpec

from spfem_bench.cli._frame import json_option, output_option, verbose_option

RUN = "demo"
MOST_WORKERS = 4
"""More would spend the demo on starting them."""


@click.command("demo")
@output_option("Folder for the rendered clips and the bundle.")
@click.option("--speakers", type=click.IntRange(min=3), default=4, show_default=True, help="Rendered people.")
@click.option(
    "--rows-only",
    is_flag=True,
    help="Leave outputs and feature matrices out: a baseline small enough to commit.",
)
@json_option
@verbose_option
def demo(output: Path | None, speakers: int, rows_only: bool, as_json: bool) -> None:
    """Render talking heads, run the bounds and a simple model over them, and print the leaderboard."""
    from spfem_bench.cli._job import execute, show_table
    from spfem_bench.stages.run import Options

    folder = output or Path("spfem-demo")
    spec = _spec(folder / "clips", speakers)
    bundle = execute(
        spec, folder / "bundle", Options(slim=rows_only, outputs=not rows_only), workers=_workers()
    )
    assert bundle is not None
    show_table(bundle, as_json=as_json)
    click.echo(_next_steps(bundle), err=True)


def _spec(clips: Path, speakers: int) -> RunSpec:
    from spfem_bench.cli.run import SCHEMA
    from spfem_bench.config import check_schema, load_yaml
    from spfem_bench.paths import features_cache
    from spfem_bench.progress import for_stream
    from spfem_bench.resources import config_path
    from spfem_bench.stages.spec import RunSpec
    from spfem_bench.synthetic.dataset import write

    path = config_path("runs", RUN)
    run = load_yaml(path)
    check_schema(run, SCHEMA, f"run file {path}")
    with for_stream() as progress:
        write(clips, speakers=speakers, progress=progress, workers=_workers())
    return RunSpec(
        dataset=f"synthetic:{clips}",
        protocol=run["protocol"],
        suite=run["suite"],
        adapters=tuple(run["adapter"]),
        threads=1,
        cache=features_cache(),
    )


def _workers() -> int:
    return min(MOST_WORKERS, os.cpu_count() or 1)


def _next_steps(bundle: Path) -> str:
    return "\n".join(
        [
            "next:",
            f"  spfem-bench table {bundle} --per-emotion      the same numbers by emotion",
            f"  spfem-bench show {bundle}                     what the bundle holds, and every reason",
            "  spfem-bench weights fetch --suite portable-v1   small networks for real faces (8 MB)",
            "  spfem-bench score YOUR_VIDEOS --dataset ravdess:/data/RAVDESS -o runs/mine",
        ]
    )

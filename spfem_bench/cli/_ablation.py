"""``spfem-bench run`` on the run file of an ablation: which options it takes, and what it prints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from spfem_bench.cli._frame import echo_json
from spfem_bench.errors import UsageError

if TYPE_CHECKING:
    from spfem_bench.ablation.spec import Ablation

FILE = "spfem_bench.ablation"
"""Under this key of a context's ``meta`` is the path of the ablation's run file."""

TAKEN = ("config", "named", "output", "device", "workers", "threads", "dry_run", "as_json", "verbose")
"""Options that say how an ablation is done; the file itself says all else."""


def claim(context: click.Context, path: Path) -> None:
    """Let an ablation's run file stand for the options that other runs need."""
    from spfem_bench.ablation.spec import load_ablation

    context.meta[FILE] = path
    context.default_map = {"dataset": "synthetic", "output": load_ablation(path).output, "threads": 1}


def do_ablation(context: click.Context, output: Path, given: Mapping[str, Any]) -> None:
    """Do an ablation and print its table, or print its plan.

    Raises:
        UsageError: an option was given that the file itself decides.
        BenchError: whatever stops it; what was finished is kept.
    """
    from spfem_bench.ablation.spec import load_ablation

    _refuse_others(context)
    spec = load_ablation(context.meta[FILE])
    if given["dry_run"]:
        _print_plan(spec, as_json=given["as_json"])
        return
    table = _done(spec, output, given)
    if given["as_json"]:
        echo_json({"table": str(table), "rows": str(table.parent / "rows")})
    else:
        click.echo(table.read_text(encoding="utf-8").rstrip("\n"))
        click.echo(f"rows: {table.parent / 'rows'}", err=True)


def _done(spec: Ablation, output: Path, given: Mapping[str, Any]) -> Path:
    from spfem_bench.ablation.home import Home
    from spfem_bench.ablation.run import run_ablation
    from spfem_bench.ablation.training import Place
    from spfem_bench.device import resolve_device
    from spfem_bench.paths import cache_dir
    from spfem_bench.progress import PlainProgress, for_stream

    home = Home(output, cache_dir() / "training", spec.smoke)
    with for_stream(quiet=given["as_json"]) as progress:
        # Workers write plain lines of their own, which would tear the bars of a terminal.
        quiet = not isinstance(progress, PlainProgress)
        place = Place(home, resolve_device(given["device"]).name, given["threads"], quiet)
        return run_ablation(spec, place, progress, given["workers"])


def _refuse_others(context: click.Context) -> None:
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is ParameterSource.COMMANDLINE and name not in TAKEN:
            option = next(p for p in context.command.params if p.name == name)
            raise UsageError(f"an ablation's file says this itself: leave out {option.opts[0]}")


def _print_plan(spec: Ablation, *, as_json: bool) -> None:
    from spfem_bench.ablation.run import preview

    plan = preview(spec)
    if as_json:
        echo_json(plan)
        return
    for key, value in plan.items():
        shown = ", ".join(map(str, value)) if isinstance(value, (list, dict)) else value
        click.echo(f"{key}: {shown}")

"""``spfem-bench run``: generate, measure, reduce and show, from options or from a pinned run file.

The run file of an ablation (``ablation: ablation@1``) trains first; see `spfem_bench.ablation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from spfem_bench.cli import _ablation
from spfem_bench.cli._job import do_run, run_options

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "about": {"type": "string"},
        "dataset": {"type": "string"},
        "protocol": {"type": "string"},
        "suite": {"type": "string"},
        "adapter": {"type": "array", "items": {"type": "string"}},
        "metric": {"type": "array", "items": {"type": "string"}},
        "field": {"type": "array", "items": {"type": "string"}},
        "limit": {"type": "integer", "minimum": 1},
        "seed": {"type": "integer"},
        "bounds": {"type": "boolean"},
        "output": {"type": "string"},
    },
}
_RENAMED = {"adapter": "adapters", "metric": "metrics", "field": "fields"}


def _defaults(context: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Let a run file give the defaults that options then override, or stand for all of them."""
    if value is not None:
        from spfem_bench.ablation.spec import is_ablation
        from spfem_bench.config import check_schema, load_yaml
        from spfem_bench.resources import config_path

        path = config_path("runs", value)
        data = load_yaml(path)
        if is_ablation(data):
            _ablation.claim(context, path)
            return value
        check_schema(data, SCHEMA, f"run file {path}")
        data.pop("about", None)
        context.default_map = {_RENAMED.get(key, key): item for key, item in data.items()}
    return value


@click.command("run")
@click.argument(
    "named", metavar="[FILE]", required=False, is_eager=True, expose_value=False, callback=_defaults
)
@click.option(
    "-C",
    "--config",
    is_eager=True,
    expose_value=False,
    callback=_defaults,
    help="A run file (configs/runs): the options' defaults.",
)
@click.option(
    "--adapter",
    "adapters",
    multiple=True,
    help="NAME, module:factory, precomputed:DIR, backbone:DIR, baseline:NAME or command:FILE (repeatable).",
)
@run_options
@click.pass_context
def run(context: click.Context, /, adapters: tuple[str, ...], output: Path, **given: Any) -> None:
    """Generate with every ADAPTER and the bounds, measure, and print the leaderboard.

    FILE is a run file (configs/runs), as with --config.
    """
    if _ablation.FILE in context.meta:
        _ablation.do_ablation(context, output, given)
        return
    do_run({**given, "output": output}, tuple(adapters))

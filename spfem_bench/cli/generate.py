"""``spfem-bench generate``: a model's outputs as a folder that `score` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from spfem_bench.cli._frame import (
    device_option,
    dry_run_option,
    echo_json,
    json_option,
    limit_option,
    output_option,
    overwrite_option,
    verbose_option,
)
from spfem_bench.cli._job import DATASET, PROTOCOL, SEED, make_spec
from spfem_bench.cli.data import field_option

_NOT_ASKED = {"suite": "portable-v1", "metrics": (), "bounds": False, "force": True, "threads": 2}


@click.command("generate")
@click.argument("adapter")
@DATASET
@PROTOCOL
@field_option
@output_option("Folder for <trial>.mkv (lossless) and its sidecar.", required=True)
@limit_option
@SEED
@device_option
@overwrite_option
@click.option("--preview", is_flag=True, help="Also write <trial>.mp4 for viewing; metrics never read it.")
@dry_run_option
@json_option
@verbose_option
def generate(adapter: str, output: Path, **given: Any) -> None:
    """Make ADAPTER's output for every trial; trials that fail are named with the reason (exit 5)."""
    spec = make_spec({**given, **_NOT_ASKED}, (adapter,))
    if given["dry_run"]:
        from spfem_bench.cli._preview import print_preview

        print_preview(spec, as_json=given["as_json"])
        return
    report = _export(spec, output, given)
    if given["as_json"]:
        echo_json(report)
    else:
        click.echo(f"{report['made']} of {report['trials']} outputs in {output}")
        for trial, reason in report["missing"].items():
            click.echo(f"  {trial}: {reason}")
    if report["missing"]:
        from spfem_bench.errors import IncompleteError

        raise IncompleteError(
            f"{len(report['missing'])} of {report['trials']} outputs are missing; see above"
        )


def _export(spec: Any, output: Path, given: dict[str, Any]) -> dict[str, Any]:
    from spfem_bench.progress import for_stream
    from spfem_bench.stages.export import export_outputs

    with for_stream() as progress:
        return export_outputs(
            spec, output, again=given["overwrite"] == "always", preview=given["preview"], progress=progress
        )

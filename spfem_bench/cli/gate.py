"""``spfem-bench gate``: pass, or fail with the documented exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from spfem_bench.cli._frame import output_option, verbose_option
from spfem_bench.cli._judging import allowed_of, judging_options, options_of, put, rendered

if TYPE_CHECKING:
    from spfem_bench.judging.gate import FailOn


@click.command("gate")
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option(
    "--baseline", required=True, type=click.Path(path_type=Path), help="Bundle of the accepted run."
)
@click.option(
    "--fail-on",
    type=click.Choice(["worse", "inconclusive"]),
    default="worse",
    show_default=True,
    help="inconclusive fails for both.",
)
@click.option(
    "--max-lost",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Largest share of trials scored in the baseline that may have no score in the candidate.",
)
@click.option(
    "--require", multiple=True, metavar="METRIC", help="Fail unless this metric is better, of every model."
)
@judging_options
@output_option("Write the report to a file; the verdict still goes to stdout.")
@verbose_option
@click.pass_context
def gate(
    ctx: click.Context,
    /,
    candidate: Path,
    baseline: Path,
    form: str,
    as_json: bool,
    output: Path | None,
    **given: Any,
) -> None:
    """Hold the bundle CANDIDATE against an accepted one.

    Exit codes: 0 passed, 3 a metric is worse, 4 there is no baseline or something of it cannot be compared,
    5 trials lost their score beyond --max-lost, 6 a bundle was changed. Never 0 when nothing was compared.
    """
    from spfem_bench.judging.files import gate_files
    from spfem_bench.judging.gate import Policy

    policy = Policy(cast("FailOn", given["fail_on"]), given["max_lost"], given["require"])
    decision = gate_files(candidate, baseline, allowed_of(given), policy, options_of(given))
    put(rendered(decision.comparison, decision, "json" if as_json else form), output)
    if output is not None:
        click.echo(decision.headline)
    ctx.exit(int(decision.code))

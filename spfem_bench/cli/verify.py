"""``spfem-bench verify``: does a bundle agree with itself."""

from __future__ import annotations

from pathlib import Path

import click

from spfem_bench.cli._frame import echo_json, json_option, verbose_option


@click.command("verify")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--suite", metavar="NAME|FILE", help="The bundle's suite, where it is not installed under its name."
)
@json_option
@verbose_option
@click.pass_context
def verify(ctx: click.Context, bundle: Path, suite: str | None, as_json: bool) -> None:
    """Check every digest of BUNDLE from its files and every score from its rows, without a GPU.

    Exit code 0: verified; 6: something contradicts; 5: nothing does, but part of it cannot be checked here
    (a slim bundle's set scores, a suite that is not installed). What cannot be seen from a bundle alone is
    whether its rows are those of its outputs: run it again for that.
    """
    from spfem_bench.progress import for_stream
    from spfem_bench.verifying import render_verification, verify_bundle

    with for_stream() as progress:
        found = verify_bundle(bundle, suite=suite, progress=progress)
    if as_json:
        echo_json(found.plain())
    else:
        click.echo(render_verification(found).rstrip("\n"))
    ctx.exit(int(found.exit_code))

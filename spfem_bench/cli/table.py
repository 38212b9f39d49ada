"""``spfem-bench table``: re-render finished bundles, without their suite, networks or clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from spfem_bench.cli._frame import output_option, screen, verbose_option

if TYPE_CHECKING:
    from spfem_bench.tables import Format, Layout

FORMATS = ("text", "markdown", "csv", "latex", "json")


@click.command("table")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--per-emotion", is_flag=True, help="One block per metric, a column per emotion.")
@click.option("--side-by-side", is_flag=True, help="Show differing definitions as separate columns.")
@click.option(
    "--certificates",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of certificates; default: those that travel with the package.",
)
@output_option("Write to a file instead of stdout.")
@verbose_option
def table(
    bundles: tuple[Path, ...],
    form: str,
    per_emotion: bool,
    side_by_side: bool,
    certificates: Path | None,
    output: Path | None,
) -> None:
    """Print the leaderboard of one or more BUNDLES; definitions that differ are refused (exit 4)."""
    from spfem_bench.certify.marks import marked, read_certificates, shipped_certificates
    from spfem_bench.fsio import write_atomically
    from spfem_bench.stages.render import leaderboard_of
    from spfem_bench.tables import merge, render

    boards = [leaderboard_of(bundle) for bundle in bundles]
    board = boards[0] if len(boards) == 1 else merge(boards, side_by_side=side_by_side)
    board = marked(board, bundles, read_certificates(certificates or shipped_certificates()))
    width, colour = screen() if output is None else (None, False)
    layout: Layout = "per-emotion" if per_emotion else "average"
    text = render(board, cast("Format", form), layout, width=width, colour=colour)
    if output is None:
        click.echo(text.rstrip("\n"))
    else:
        write_atomically(output, text.rstrip("\n") + "\n")

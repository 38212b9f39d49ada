"""``spfem-bench table``: re-render finished bundles, without their suite, networks or clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from spfem_bench.cli._frame import output_option, screen, verbose_option

if TYPE_CHECKING:
    from spfem_bench.tables import Format, Layout, Leaderboard

FORMATS = ("text", "markdown", "csv", "latex", "json")
RANKS = ("any-actors", "these-actors", "none")


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
@click.option("--metric", "metrics", multiple=True, help="Only this metric (repeatable), in this order.")
@click.option(
    "--ranks",
    type=click.Choice(RANKS),
    default=RANKS[0],
    show_default=True,
    help="Whether the rows tell models apart: on new people, or on those of the benchmark.",
)
@click.option(
    "--reported",
    multiple=True,
    metavar="WORK/TABLE",
    help="Show a published table apart, as in stccl-2026/mead-cross (repeatable).",
)
@output_option("Write to a file instead of stdout.")
@verbose_option
def table(bundles: tuple[Path, ...], form: str, output: Path | None, **given: Any) -> None:
    """Print the leaderboard of one or more BUNDLES; definitions that differ are refused (exit 4)."""
    from spfem_bench.fsio import write_atomically
    from spfem_bench.tables import render

    board = _board(bundles, given)
    width, colour = screen() if output is None else (None, False)
    layout: Layout = "per-emotion" if given["per_emotion"] else "average"
    text = render(board, cast("Format", form), layout, width=width, colour=colour)
    if output is None:
        click.echo(text.rstrip("\n"))
    else:
        write_atomically(output, text.rstrip("\n") + "\n")


def _board(bundles: tuple[Path, ...], given: Mapping[str, Any]) -> Leaderboard:
    """The leaderboard with everything the options ask for."""
    from spfem_bench.certify.marks import marked, read_certificates, shipped_certificates
    from spfem_bench.reported import load_table
    from spfem_bench.stages.render import leaderboard_of
    from spfem_bench.tables import chosen, merge, published_from, ranked, with_values

    boards = [leaderboard_of(bundle) for bundle in bundles]
    models = [system for board in boards for system in board.systems if system.role == "model"]
    asked = given["ranks"] != "none" and len(models) > 1
    if asked:
        boards = [with_values(board, bundle) for board, bundle in zip(boards, bundles, strict=True)]
    board = boards[0] if len(boards) == 1 else merge(boards, side_by_side=given["side_by_side"])
    board = chosen(board, given["metrics"])
    board = ranked(board, given["ranks"]) if asked else board
    board = marked(board, bundles, read_certificates(given["certificates"] or shipped_certificates()))
    return replace(board, published=[published_from(load_table(name)) for name in given["reported"]])

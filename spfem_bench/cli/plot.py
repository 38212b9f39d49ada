"""``spfem-bench plot``: finished bundles as pictures, without their suite, networks or clips."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spfem_bench.cli._frame import output_option, verbose_option

if TYPE_CHECKING:
    from spfem_bench.tables import Leaderboard

KINDS = ("emotions", "tradeoff", "certificate")


@click.command("plot")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(KINDS), default="tradeoff", show_default=True, help="What to draw.")
@click.option(
    "--metric", "metrics", multiple=True, help="Draw this metric (repeatable); for emotions and certificate."
)
@click.option("--x", default="", metavar="METRIC", help="Across, for tradeoff; default: emotion.")
@click.option("--y", default="", metavar="METRIC", help="Up, for tradeoff; default: speech.")
@click.option("--side-by-side", is_flag=True, help="Tell differing definitions apart instead of refusing.")
@click.option(
    "--certificates",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of certificates; default: those that travel with the package.",
)
@output_option("Write to this .png, .pdf or .svg.", required=True)
@verbose_option
def plot(bundles: tuple[Path, ...], kind: str, output: Path, **given: Any) -> None:
    """Draw one or more BUNDLES (needs matplotlib: the extra `plot`).

    emotions: bars per emotion with intervals, floor and ceiling. tradeoff: speech against emotion.
    certificate: what the metrics' certificates saw.
    """
    from spfem_bench.plots.canvas import check_suffix, require_matplotlib
    from spfem_bench.stages.render import leaderboard_of
    from spfem_bench.tables import merge

    _refuse_misplaced(kind, given)
    check_suffix(output)
    require_matplotlib()
    board = merge([leaderboard_of(bundle) for bundle in bundles], side_by_side=given["side_by_side"])
    click.echo(f"written: {_DRAW[kind](board, {**given, 'bundles': bundles}, output)}", err=True)


def _refuse_misplaced(kind: str, given: Mapping[str, Any]) -> None:
    if kind == "tradeoff" and given["metrics"]:
        raise click.UsageError("--metric is for emotions and certificate: name the axes by --x and --y")
    if kind != "tradeoff" and (given["x"] or given["y"]):
        raise click.UsageError(f"--x and --y are for tradeoff: name what {kind} shall draw by --metric")


def _emotions(board: Leaderboard, given: Mapping[str, Any], output: Path) -> Path:
    from spfem_bench.plots import draw_emotions

    return draw_emotions(board, output, given["metrics"])


def _tradeoff(board: Leaderboard, given: Mapping[str, Any], output: Path) -> Path:
    from spfem_bench.plots import draw_tradeoff

    return draw_tradeoff(board, output, given["x"], given["y"])


def _certificate(board: Leaderboard, given: Mapping[str, Any], output: Path) -> Path:
    from spfem_bench.certify.marks import kinds_of, read_certificates, shipped_certificates
    from spfem_bench.plots import draw_certificates

    kinds = kinds_of(given["bundles"])
    found = read_certificates(given["certificates"] or shipped_certificates())
    own = [certificate for certificate in found if kinds == {certificate.kind}]
    return draw_certificates(board, own, output, given["metrics"])


_DRAW = {"emotions": _emotions, "tradeoff": _tradeoff, "certificate": _certificate}

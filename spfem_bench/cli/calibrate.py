"""``spfem-bench calibrate``: the noise floor of repeated runs, as a file for the gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spfem_bench.cli._frame import echo_json, json_option, output_option, verbose_option

if TYPE_CHECKING:
    from spfem_bench.judging.noise import Noise


@click.command("calibrate")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--false-alarms",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Accepted chance that an unchanged table shows a regression.",
)
@output_option("The noise file, as gate and compare take it with --noise.")
@json_option
@verbose_option
def calibrate(bundles: tuple[Path, ...], false_alarms: float, output: Path | None, as_json: bool) -> None:
    """Measure the noise floor from BUNDLES: the same models under other seeds, threads or machines."""
    from spfem_bench.judging.bundles import read_bundle
    from spfem_bench.judging.calibrate import calibrate as measured
    from spfem_bench.judging.noise import to_plain, write_noise

    noise = measured([read_bundle(bundle) for bundle in bundles], false_alarms)
    if output is not None:
        write_noise(noise, output)
    if as_json:
        echo_json(to_plain(noise))
    else:
        click.echo(_text(noise))


def _text(noise: Noise) -> str:
    from tabulate import tabulate

    heads = ["metric", "score may move", "one trial may move", "spread", "largest seen", "trials", "unit"]
    rows = [
        [f.metric, *(f"{x:.4g}" for x in (f.score, f.trial, f.spread, f.largest)), str(f.trials), f.unit]
        for f in noise.floors
    ]
    table = tabulate(rows, heads, tablefmt="simple", disable_numparse=True)
    split = f"false alarms {noise.false_alarms:g}, split over {noise.hypotheses} models and metrics"
    said = [f"{len(noise.runs)} runs of {', '.join(noise.models)}; {split}", table, *noise.notes]
    return "\n".join(said)

"""``spfem-bench compare``: two bundles beside each other, trial by trial; exits 0 where they compare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from spfem_bench.cli._frame import output_option, verbose_option
from spfem_bench.cli._judging import allowed_of, judging_options, options_of, put, rendered


@click.command("compare")
@click.argument("baseline", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@judging_options
@output_option("Write to a file instead of stdout.")
@verbose_option
def compare(
    baseline: Path, candidate: Path, form: str, as_json: bool, output: Path | None, **given: Any
) -> None:
    """Compare the bundle CANDIDATE with the bundle BASELINE on the trials both have (exit 4 without any).

    One bundle given twice with --pair compares two of its systems. For an exit code that tells worse from
    equivalent, use gate.
    """
    from spfem_bench.judging.bundles import read_bundle
    from spfem_bench.judging.compare import compare as judged
    from spfem_bench.judging.files import read_tolerances

    one, two = read_bundle(baseline), read_bundle(candidate)
    options = replace(options_of(given), tolerances=read_tolerances(one, allowed_of(given)))
    comparison = judged(one, two, options)
    put(rendered(comparison, None, "json" if as_json else form), output)

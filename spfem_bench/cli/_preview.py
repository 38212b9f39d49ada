"""``--dry-run``: the plan on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spfem_bench.cli._frame import echo_json

if TYPE_CHECKING:
    from spfem_bench.stages.preview import Preview
    from spfem_bench.stages.spec import RunSpec


def print_preview(spec: RunSpec, *, as_json: bool) -> None:
    """Print what the run would do.

    Raises:
        BenchError: the dataset, protocol, suite or an adapter is wrong.
    """
    from spfem_bench.stages.preview import preview

    plan = preview(spec)
    if as_json:
        echo_json(plan.plain())
    else:
        click.echo("\n".join(_lines(plan)))


def _lines(plan: Preview) -> list[str]:
    count = len(plan.trials)
    lines = [f"{plan.protocol}: {count} trials, {plan.reals} real clips"]
    lines += [f"  {name}: {hits} of {count} outputs in the cache" for name, hits in plan.stored.items()]
    lines += [f"missing: {sentence}" for sentence in plan.missing_weights]
    lines += [f"metric {line}" for line in plan.signatures.values()]
    lines += [f"note: {note}" for note in plan.notes]
    return [*lines, "trial ids:", *(f"  {trial}" for trial in plan.trials)]

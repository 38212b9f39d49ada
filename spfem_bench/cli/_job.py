"""What `run`, `generate` and `score` share: the options that name a run, and how they become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from spfem_bench.cli._frame import (
    device_option,
    dry_run_option,
    json_option,
    limit_option,
    output_option,
    overwrite_option,
    screen,
    verbose_option,
)
from spfem_bench.cli.data import field_option

if TYPE_CHECKING:
    from spfem_bench.stages.run import Options
    from spfem_bench.stages.spec import RunSpec

_F = TypeVar("_F", bound=Callable[..., Any])

DATASET = click.option(
    "--dataset",
    required=True,
    metavar="KIND:PATH",
    help="mead:, ravdess:, folder: or synthetic:, and where it is.",
)
PROTOCOL = click.option(
    "--protocol", default="spfem/cross-id@1", show_default=True, help="The rule that makes trials of it."
)
SUITE = click.option("--suite", default="portable-v1", show_default=True, help="The pinned list of metrics.")
METRIC = click.option(
    "--metric", "metrics", multiple=True, help="Only this metric of the suite (repeatable)."
)
SEED = click.option("--seed", type=int, default=0, show_default=True, help="Seed of whatever models draw.")
THREADS = click.option(
    "--threads", type=click.IntRange(min=1), default=2, show_default=True, help="Of torch in one process."
)
BOUNDS = click.option(
    "--bounds/--no-bounds", default=True, show_default=True, help="Score floor and ceiling beside the models."
)
KEEP_BOUNDS = click.option(
    "--keep-bounds",
    is_flag=True,
    help="Keep the bounds' outputs in the bundle: they are copies of your clips.",
)
SLIM = click.option(
    "--slim",
    is_flag=True,
    help="Leave feature matrices out of the bundle: smaller, but scores of sets cannot be verified.",
)
OUTPUTS = click.option(
    "--outputs/--no-outputs", default=True, show_default=True, help="Keep the models' outputs in the bundle."
)
FORCE = click.option(
    "--force", is_flag=True, help="Score data the suite is not valid on; the table is stamped."
)
WORKERS = click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes."
)
SHARD = click.option(
    "--shard", metavar="I/N", help="Do the I-th of N parts into the cache and write no bundle."
)
MAX_MISSING = click.option(
    "--max-missing",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Exit 5 when a larger share of the models' outputs failed.",
)


def run_options(command: _F) -> _F:
    """All options of a command that generates and scores, in the order of its help."""
    options = [
        DATASET, PROTOCOL, field_option, SUITE, METRIC,
        output_option("The bundle's folder.", required=True), limit_option, SEED, device_option,
        WORKERS, THREADS, SHARD, BOUNDS, KEEP_BOUNDS, SLIM, OUTPUTS, FORCE, overwrite_option, MAX_MISSING,
        dry_run_option, json_option, verbose_option,
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def make_spec(given: Mapping[str, Any], adapters: tuple[str, ...]) -> RunSpec:
    """A run's specification from a command's options.

    Raises:
        UsageError: the device is not there.
    """
    from spfem_bench.device import resolve_device
    from spfem_bench.paths import features_cache
    from spfem_bench.stages.spec import RunSpec

    return RunSpec(
        dataset=given["dataset"],
        protocol=given["protocol"],
        suite=given["suite"],
        adapters=adapters,
        cache=features_cache(),
        fields=tuple(sorted(given["fields"].items())),
        metrics=tuple(given["metrics"]),
        limit=given["limit"],
        seed=given["seed"],
        device=resolve_device(given["device"]).name,
        threads=given["threads"],
        bounds=given["bounds"],
        force=given["force"],
    )


def make_options(given: Mapping[str, Any]) -> Options:
    """How the run is to be done, from a command's options."""
    from spfem_bench.stages.run import Options

    shard = _shard(given["shard"]) if given["shard"] else None
    return Options(
        overwrite=given["overwrite"],
        keep_bounds=given["keep_bounds"],
        slim=given["slim"],
        outputs=given["outputs"],
        shard=shard,
        max_missing=given["max_missing"],
    )


def _shard(text: str) -> tuple[int, int]:
    index, slash, count = text.partition("/")
    if not slash or not index.isdecimal() or not count.isdecimal() or not 1 <= int(index) <= int(count):
        raise click.BadParameter(f"{text!r} is not I/N with 1 <= I <= N, e.g. 2/7", param_hint="--shard")
    return int(index), int(count)


def do_run(given: Mapping[str, Any], adapters: tuple[str, ...]) -> None:
    """Carry out a run, or print its plan, and show the table.

    Raises:
        BenchError: whatever stops it.
    """
    spec, options = make_spec(given, adapters), make_options(given)
    if given["dry_run"]:
        from spfem_bench.cli._preview import print_preview

        print_preview(spec, as_json=given["as_json"])
        return
    bundle = execute(spec, given["output"], options, given["workers"])
    if bundle is not None:
        show_table(bundle, as_json=given["as_json"])


def execute(spec: RunSpec, out: Path, options: Options, workers: int) -> Path | None:
    """Run with progress on stderr.

    Raises:
        BenchError: whatever stops it.
    """
    from spfem_bench.engine import LocalEngine
    from spfem_bench.progress import for_stream
    from spfem_bench.stages.run import run

    with for_stream() as progress:
        return run(spec, out, options, engine=LocalEngine(workers), progress=progress)


def show_table(bundle: Path, *, as_json: bool) -> None:
    """The bundle's leaderboard on stdout; where it lies, on stderr."""
    from spfem_bench.certify.marks import marked, read_certificates, shipped_certificates
    from spfem_bench.stages.render import leaderboard_of
    from spfem_bench.tables import render

    width, colour = screen()
    board = marked(leaderboard_of(bundle), [bundle], read_certificates(shipped_certificates()))
    click.echo(render(board, "json" if as_json else "text", width=width, colour=colour).rstrip("\n"))
    click.echo(f"bundle: {bundle}", err=True)

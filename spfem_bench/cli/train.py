"""``spfem-bench train``: make again what ships trained, on rendered people only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spfem_bench.cli._frame import device_option, echo_json, json_option, verbose_option
from spfem_bench.cli.train_backbone import backbone

if TYPE_CHECKING:
    from spfem_bench.training.cards import Card
    from spfem_bench.training.recipe import Job
    from spfem_bench.training.supervision.material import Job as Pretraining
    from spfem_bench.training.supervision.pretrain import Card as PretrainingCard

NAMES = ("landmarks", "identity", "expression", "perceptual", "sync", "clip")
"""The networks of either set, in the order they are trained in."""

METHODS = ("asccl", "stccl", "stccl-cm", "ccrl", "cerl", "pcmecl", "pcmecl-generic", "expclip")
"""Supervisions that are pre-trained."""


@click.group()
def train() -> None:
    """Train the networks that ship with this package, supervisions, and a generator of our own."""


train.add_command(backbone)


@train.command()
@click.option(
    "--set",
    "which",
    type=click.Choice(["judges", "supervisors", "all"]),
    default="all",
    show_default=True,
    help="Networks that measure, or networks that train models.",
)
@click.option("--only", type=click.Choice(NAMES), multiple=True, help="Only this network (repeatable).")
@click.option("--work", type=click.Path(path_type=Path), help="Folder for rendered stills and logs.")
@click.option("--out", type=click.Path(path_type=Path), help="Write here, not into the packages.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Of torch; more move low bits.",
)
@click.option("--smoke", is_flag=True, help="A tiny version that shows that all runs; needs --out.")
@device_option
@json_option
@verbose_option
def metrics(only: Sequence[str], threads: int, as_json: bool, **given: Any) -> None:
    """Train judges and supervisors on rendered people, and write their weights and model cards.

    People are rendered first, once, into the work folder. Held-out numbers stand beside their targets in the
    cards and on stdout.
    """
    import torch

    torch.set_num_threads(threads)
    jobs = _jobs(**given)
    chosen = [name for name in NAMES if not only or name in only]
    cards = [_trained(job, name, quiet=as_json) for job in jobs for name in chosen]
    if as_json:
        echo_json([_row(card) for card in cards])


@train.command()
@click.option(
    "--method", "methods", type=click.Choice(METHODS), multiple=True, required=True, help="Repeatable."
)
@click.option(
    "--pairs",
    "how",
    type=click.Choice(["dtw", "true"]),
    default="dtw",
    show_default=True,
    help="Takes aligned by their sound, as the papers do, or clips rendered in step.",
)
@click.option("--work", type=click.Path(path_type=Path), help="Folder for rendered pairs and checkpoints.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write here, not where `train backbone` looks for it."
)
@click.option("--steps", type=click.IntRange(min=1), help="Instead of the recipe's.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Of all that is drawn."
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Of torch; more move low bits.",
)
@click.option("--smoke", is_flag=True, help="A tiny version that shows that all runs; needs --out.")
@device_option
@json_option
@verbose_option
def supervision(methods: Sequence[str], threads: int, as_json: bool, **given: Any) -> None:
    """Pre-train supervisions on rendered people; the same command goes on where it was stopped.

    Pairs are rendered first, once, into the work folder. `spfem-bench train backbone --supervision
    NAME:WEIGHT` then finds the state by its name.
    """
    import torch

    from spfem_bench.progress import for_stream
    from spfem_bench.training.supervision.pretrain import pretrain

    torch.set_num_threads(threads)
    cards = []
    for job in [_pretraining(method, **given) for method in methods]:
        with for_stream(quiet=as_json) as progress:
            cards.append(pretrain(job, progress))
        if not as_json:
            click.echo(f"{job.path}: {_told(cards[-1])}")
    if as_json:
        echo_json([vars(card) for card in cards])


def _told(card: PretrainingCard) -> str:
    """One line; parts of parts stay in the card."""
    parts = [f"{name} {value:.3g}" for name, value in card.last.items() if "/" not in name]
    return f"{card.parameters:,} numbers after {card.steps} steps; {', '.join(parts)}"


def _pretraining(method: str, work: Path | None, out: Path | None, device: str, **given: Any) -> Pretraining:
    """The job of one method.

    Raises:
        UsageError: a smoke test would overwrite what was pre-trained, or the device is not there.
    """
    from spfem_bench.device import resolve_device
    from spfem_bench.errors import UsageError
    from spfem_bench.paths import cache_dir
    from spfem_bench.training.supervision.material import Job

    if given["smoke"] and out is None:
        raise UsageError("--smoke makes supervisions that know nothing: name a folder for them by --out")
    place = work or cache_dir() / "training"
    return Job(method, place, out or place / "supervision", device=resolve_device(device).name, **given)


def _jobs(which: str, work: Path | None, out: Path | None, device: str, smoke: bool) -> list[Job]:
    """One job for each set asked for.

    Raises:
        UsageError: a smoke test would overwrite what ships, or the device is not there.
    """
    from spfem_bench.device import resolve_device
    from spfem_bench.errors import UsageError
    from spfem_bench.paths import cache_dir
    from spfem_bench.training.files import SETS
    from spfem_bench.training.recipe import Job

    if smoke and out is None:
        raise UsageError("--smoke makes networks that know nothing: name a folder for them by --out")
    place, where = work or cache_dir() / "training", resolve_device(device).name
    return [Job(own, place, out, where, smoke) for own in SETS if which in {own, "all"}]


def _trained(job: Job, name: str, *, quiet: bool) -> Card:
    from spfem_bench.progress import for_stream
    from spfem_bench.training.recipe import trainer

    with for_stream() as progress:
        card = trainer(name)(job, progress)
    if not quiet:
        click.echo(f"{card.name} ({card.which}): {card.parameters:,} parameters, {card.size:,} bytes")
        for measure in card.measures:
            click.echo(f"  {measure.line()}")
    return card


def _row(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "set": card.which,
        "parameters": card.parameters,
        "bytes": card.size,
        "sha256": card.digest,
        "measures": [
            {"what": m.what, "value": m.value, "unit": m.unit, "target": m.target, "met": m.met}
            for m in card.measures
        ],
    }

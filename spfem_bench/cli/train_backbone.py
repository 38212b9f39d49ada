"""``spfem-bench train backbone``: a generator of our own, alone or under supervision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spfem_bench.cli._frame import device_option, echo_json, json_option, verbose_option

if TYPE_CHECKING:
    from spfem_bench.progress import Progress
    from spfem_bench.training.backbone.material import Material
    from spfem_bench.training.backbone.recipe import Recipe


@click.command("backbone")
@click.option(
    "--recipe", default="synthetic-64", show_default=True, help="A name under configs/train, or a file."
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder of checkpoint, log, samples."
)
@click.option("--data", help="The dataset of a recipe on recorded clips, as in mead:/data/MEAD.")
@click.option(
    "--supervision",
    multiple=True,
    help="NAME:WEIGHT, NAME=FILE:WEIGHT or module:factory:WEIGHT (repeatable).",
)
@click.option(
    "--start", type=click.Path(path_type=Path), help="Begin with another checkpoint's weights, at step 0."
)
@click.option("--steps", type=click.IntRange(min=1), help="Instead of the recipe's.")
@click.option("--seed", type=click.IntRange(min=0), help="Instead of the recipe's.")
@click.option(
    "--work", type=click.Path(path_type=Path), help="Folder for crops and pre-trained supervisions."
)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Of torch.")
@click.option("--smoke", is_flag=True, help="A tiny version that shows that all runs.")
@device_option
@json_option
@verbose_option
def backbone(out: Path, threads: int, as_json: bool, supervision: Sequence[str], **given: Any) -> None:
    """Train the backbone by a recipe; the same command goes on where it was stopped.

    Frames are cut first, once, into the work folder. The result is a folder for
    `spfem-bench generate backbone:FOLDER`.
    """
    import torch

    from spfem_bench.device import resolve_device
    from spfem_bench.paths import cache_dir
    from spfem_bench.progress import for_stream
    from spfem_bench.training.backbone.supervising import load_helper
    from spfem_bench.training.backbone.train import Job, train

    torch.set_num_threads(threads)
    work, device = given["work"] or cache_dir() / "training", resolve_device(given["device"]).name
    recipe = _recipe(given["recipe"], given["steps"], given["seed"], smoke=given["smoke"])
    helpers = tuple(load_helper(text, work / "supervision", device) for text in supervision)
    with for_stream(quiet=as_json) as progress:
        material = _material(recipe, given["data"], work, progress)
        made = train(Job(recipe, material, out, device, helpers, given["start"]), progress)
    if as_json:
        echo_json({"folder": str(out), "step": made.step, "sha256": made.digest, "recipe": recipe.digest})
    else:
        click.echo(
            f"step {made.step} of {recipe.name} in {out}: `spfem-bench generate backbone:{out}` uses it"
        )


def _recipe(name: str, steps: int | None, seed: int | None, *, smoke: bool) -> Recipe:
    """The recipe with what the command line changes of it."""
    from dataclasses import replace

    from spfem_bench.training.backbone.recipe import load_recipe
    from spfem_bench.training.backbone.recipe import smoke as tiny

    recipe = load_recipe(name)
    recipe = tiny(recipe) if smoke else recipe
    schedule = replace(recipe.schedule, steps=steps or recipe.schedule.steps)
    return replace(recipe, schedule=schedule, seed=recipe.seed if seed is None else seed)


def _material(recipe: Recipe, data: str | None, work: Path, progress: Progress) -> Material:
    """The recipe's clips.

    Raises:
        UsageError: a dataset is missing, or given to a recipe that renders its own people.
    """
    from spfem_bench.errors import UsageError

    source, side = recipe.source, recipe.networks().side
    if source.kind == "rendered":
        if data:
            raise UsageError(f"the recipe {recipe.name} renders its own people: leave --data out")
        from spfem_bench.training.backbone.material import Plan, rendered

        people = (source.people, source.sentences, source.frames)
        return rendered(Plan(*people, side, source.population, source.level), work, progress)
    if not data:
        raise UsageError(
            f"the recipe {recipe.name} learns from {source.dataset}: give --data {source.dataset}:FOLDER"
        )
    from spfem_bench.datasets.load import load_dataset
    from spfem_bench.training.backbone.recorded import recorded

    return recorded(load_dataset(data), source, side, work, progress)

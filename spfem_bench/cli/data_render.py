"""``spfem-bench data render``: a dataset of rendered people, in its own layout or in a recorded one's."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spfem_bench.cli._frame import echo_json, json_option, verbose_option

if TYPE_CHECKING:
    from spfem_bench.datasets.records import Dataset
    from spfem_bench.synthetic.recipe import Recipe

SPLITS = ("test", "train", "validation")


@dataclass(frozen=True)
class _Usual:
    """What a layout is rendered with where nothing else is said."""

    sentences: int
    intensities: tuple[int, ...]


LAYOUTS = {
    "synthetic": _Usual(2, (3,)),
    "mead": _Usual(3, (1, 2, 3)),
    "ravdess": _Usual(2, (1, 2)),
}


def parse_levels(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """``1,2,3`` as numbers, ascending, each once.

    Raises:
        click.BadParameter: not a list of 1, 2 and 3.
    """
    if value is None:
        return None
    parts = [part.strip() for part in value.split(",")]
    if not all(part in {"1", "2", "3"} for part in parts):
        raise click.BadParameter(f"'{value}' is not a list of levels from 1 to 3: write for example 1,3")
    return tuple(sorted({int(part) for part in parts}))


@click.command("render")
@click.argument("folder", metavar="OUT", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--layout",
    type=click.Choice(list(LAYOUTS)),
    default="synthetic",
    show_default=True,
    help="Lossless clips with true pairs, or mp4 under MEAD's or RAVDESS's names, each take timed anew.",
)
@click.option("--split", type=click.Choice(SPLITS), help="Whose people: test by default; no two share any.")
@click.option("--seed", type=click.IntRange(min=0), help="Of another population, in place of --split.")
@click.option("--speakers", type=click.IntRange(min=1), default=6, show_default=True, help="Rendered people.")
@click.option("--sentences", type=click.IntRange(min=1), help="Of each emotion; by default 2, with mead 3.")
@click.option(
    "--intensities",
    callback=parse_levels,
    metavar="1,2,3",
    help="Levels of every emotion but neutral; by default 3, with mead 1,2,3, with ravdess 1,2.",
)
@click.option(
    "--size", type=click.IntRange(32, 1024), default=128, show_default=True, help="Height and width, pixels."
)
@click.option(
    "--seconds", type=click.FloatRange(0.2, 600), help="Of each clip; by default as long as its words."
)
@click.option("--truth", "truths", is_flag=True, help="Also store every frame's landmarks, units, ...")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@json_option
@verbose_option
def render(folder: Path, layout: str, truths: bool, workers: int, as_json: bool, **given: Any) -> None:
    """Render talking heads into the folder OUT, or what is missing of them.

    The same command continues where it was stopped. Read the result as synthetic:OUT, mead:OUT or
    ravdess:OUT; the marker RENDERED.json in the latter two makes suites for real faces refuse it.
    """
    recipe = _recipe(layout, given)
    found = _rendered(folder, layout, recipe, truths=truths, workers=workers)
    spec = f"{layout}:{folder}"
    if as_json:
        echo_json(
            {"dataset": spec, "kind": found.kind, "clips": len(found.records), "recipe": recipe.as_json()}
        )
    else:
        people = len({record.speaker for record in found.records})
        click.echo(f"{folder}: {len(found.records)} clips of {people} people; read it as {spec}")


def _recipe(layout: str, given: dict[str, Any]) -> Recipe:
    from spfem_bench.synthetic.recipe import Recipe

    usual = asdict(LAYOUTS[layout])
    names = ("speakers", "sentences", "intensities", "size", "seconds")
    chosen: dict[str, Any] = {n: usual.get(n) if given[n] is None else given[n] for n in names}
    return Recipe(**chosen, seed=_seed(given["split"], given["seed"]))


def _seed(split: str | None, seed: int | None) -> int:
    if split is not None and seed is not None:
        raise click.UsageError("--split names a population and --seed another: give one of them")
    if seed is not None:
        return seed
    from spfem_bench.synthetic.splits import population

    return population(split or "test").seed


def _rendered(folder: Path, layout: str, recipe: Recipe, *, truths: bool, workers: int) -> Dataset:
    from spfem_bench.progress import for_stream
    from spfem_bench.synthetic.dataset import write
    from spfem_bench.synthetic.exports import export

    with for_stream() as progress:
        if layout == "synthetic":
            return write(folder, recipe=recipe, progress=progress, truths=truths, workers=workers)
        return export(folder, layout, recipe, progress=progress, truths=truths, workers=workers)

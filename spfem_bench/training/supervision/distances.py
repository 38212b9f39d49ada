"""Which distance between correlation matrices STCCL's CM form should take: nobody published one.

``python -m spfem_bench.training.supervision.distances --states FOLDER --work FOLDER`` measures all that are
offered behind the same learnt heads, on pairs of the people by whom models are chosen (population
``validation``), so that the people of the proof (`measure`) stay unseen by the choice.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import torch

from spfem_baselines.supervision.matrices import DISTANCES, Distance
from spfem_baselines.supervision.pyramid import SupervisorPyramid
from spfem_baselines.supervision.stccl import STCCL, Options
from spfem_bench.progress import Progress, for_stream
from spfem_bench.synthetic.splits import population
from spfem_bench.training.supervision.measure import UNSEEN, Proof, proofs
from spfem_bench.training.supervision.pairs import Pairs, pairs

CHOOSING = replace(UNSEEN, population=population("validation").seed)
"""As the proof's pairs, of other people."""


def measured(state: Path, data: Pairs, progress: Progress) -> dict[Distance, list[Proof]]:
    """The claims of `measure` for each distance.

    Args:
        state: a pre-trained state of ``stccl-cm``.
        data: pairs with the roles of proofs.
        progress: told each pair.
    """
    from safetensors.torch import load_file

    heads = load_file(state)
    made = {name: STCCL(SupervisorPyramid(), heads, Options(form="cm", distance=name)) for name in DISTANCES}
    return {name: proofs("stccl-cm", loss, data, progress) for name, loss in made.items()}


def table(found: dict[Distance, list[Proof]]) -> str:
    """As Markdown: the share of pairs that go the right way, and margins in units of their own scatter."""
    rows = [_row(name, one) for name, proved in found.items() for one in proved]
    head = (
        "| distance | should prefer | pairs | share right | mean over scatter |",
        "| --- | --- | ---: | ---: | ---: |",
    )
    return "\n".join([*head, *rows])


def _row(name: str, one: Proof) -> str:
    ratio = one.margins.mean() / one.margins.std()
    return f"| {name} | {one.says} | {len(one.margins)} | {one.share:.3f} | {ratio:.2f} |"


@click.command()
@click.option("--states", "folder", type=click.Path(path_type=Path), required=True, help="Folder of states.")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder of rendered pairs.")
@click.option("--pairs", "count", type=click.IntRange(min=2), default=CHOOSING.groups, show_default=True)
def main(folder: Path, work: Path, count: int) -> None:
    """Print the table over a state of stccl-cm."""
    torch.set_num_threads(1)
    with for_stream() as progress:
        data = pairs(replace(CHOOSING, groups=count), work, progress)
        found = measured(folder / "stccl-cm.safetensors", data, progress)
    click.echo(table(found))


if __name__ == "__main__":
    main()

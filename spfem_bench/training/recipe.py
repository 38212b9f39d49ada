"""What is trained: the networks, the people they learn from and are tried on, and their seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spfem_bench.progress import Progress
    from spfem_bench.training.cards import Card
    from spfem_bench.training.files import Set

POPULATIONS: Mapping[Set, int] = {"judges": 1000, "supervisors": 2000}
"""The seed of the rendered people each set learns from; the two share nobody."""

HELD_OUT = 3000
"""The population that model cards are measured on: no network has seen any of it."""

SEEDS: Mapping[Set, int] = {"judges": 101, "supervisors": 202}
"""Of first weights, batches and augmentation."""

TRAINERS: Mapping[str, str] = {
    "landmarks": "spfem_bench.training.landmarks:train",
    "identity": "spfem_bench.training.identity:train",
    "expression": "spfem_bench.training.expression:train",
    "perceptual": "spfem_bench.training.perceptual:train",
    "sync": "spfem_bench.training.sync:train",
    "clip": "spfem_bench.training.clip:train",
}
"""Network -> ``module:function`` that takes a `Job` and a progress and gives the network's card."""


@dataclass(frozen=True)
class Job:
    """One network of one set to be trained.

    Args:
        which: the set.
        work: folder of rendered material and logs, kept between runs.
        out: folder to write to instead of the packages; a folder of the set's name is made in it.
        device: a torch device.
        smoke: a tiny version that only shows that everything runs; its numbers mean nothing.
    """

    which: Set
    work: Path
    out: Path | None = None
    device: str = "cpu"
    smoke: bool = False

    @property
    def population(self) -> int:
        """Seed of the people it learns from."""
        return POPULATIONS[self.which]

    @property
    def seed(self) -> int:
        """Of everything drawn in training."""
        return SEEDS[self.which]

    def steps(self, full: int) -> int:
        """How many steps to train: a handful in a smoke test."""
        return 12 if self.smoke else full

    def command(self, name: str) -> str:
        """The command that makes the network again."""
        smoke = " --smoke" if self.smoke else ""
        return f"spfem-bench train metrics --set {self.which} --only {name}{smoke}"


def trainer(name: str) -> Callable[[Job, Progress], Card]:
    """The function that trains a network; its module, which needs torch, is imported now."""
    module, _, attribute = TRAINERS[name].partition(":")
    function: Callable[[Job, Progress], Card] = getattr(import_module(module), attribute)
    return function

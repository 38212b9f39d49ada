"""Who is rendered for what: populations of people that share nobody.

A person is (population, index); the population's number is the ``seed`` of `ClipSpec`. Whoever trains, tries
or proves something takes people of the population meant for it, so that no network is ever judged on a person
it has seen, and no judge has seen a person that a model learned from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from spfem_bench.config import near_miss
from spfem_bench.errors import UsageError


@dataclass(frozen=True, slots=True)
class Population:
    """People drawn from one seed.

    Args:
        name: as given on the command line.
        seed: of `ClipSpec` and of everything drawn for a person.
        purpose: who may use these people, and for what.
    """

    name: str
    seed: int
    purpose: str


_ALL = (
    Population("test", 0, "the people of rendered datasets, on which models are compared"),
    Population("train", 10, "models learn from these"),
    Population("validation", 20, "models are chosen and stopped by these"),
    Population("judges", 1000, "the networks that measure learn from these"),
    Population("supervisors", 2000, "the networks inside losses learn from these"),
    Population("held-out", 3000, "model cards are measured on these"),
    Population("certificates", 4000, "metrics are certified on these"),
    Population("fitted", 5000, "models that ship fitted, such as linear-shift, are fitted on these"),
)

POPULATIONS: Mapping[str, Population] = MappingProxyType({one.name: one for one in _ALL})
"""All populations, by name."""

SPLITS = ("test", "train", "validation")
"""The populations a model's author renders; the others belong to this project's own networks and proofs."""


def population(name: str) -> Population:
    """A population by its name.

    Raises:
        UsageError: there is none of that name; names the likeliest.
    """
    if name not in POPULATIONS:
        known = ", ".join(POPULATIONS)
        raise UsageError(f"no population '{name}'.{near_miss(name, POPULATIONS)} There are {known}")
    return POPULATIONS[name]

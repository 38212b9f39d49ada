"""Wrong inputs, each with the call that meets it: for the tests of the command line and for their table."""

from tests.support.bad_input import certificates, datasets, names, outputs, places
from tests.support.bad_input.world import CASES as _ALL
from tests.support.bad_input.world import (
    ONE,
    Case,
    Said,
    World,
    command,
    meet,
    run_args,
    score,
    surroundings,
    tree,
)

CASES = tuple(_ALL)
"""All of them, in the order of the modules."""

__all__ = [
    "CASES",
    "ONE",
    "Case",
    "Said",
    "World",
    "certificates",
    "command",
    "datasets",
    "meet",
    "names",
    "outputs",
    "places",
    "run_args",
    "score",
    "surroundings",
    "tree",
]

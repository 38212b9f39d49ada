"""Outputs several at a time, for models that cost more to start than to run.

A group of units goes through the engine as one piece of work: its outputs are stored one after another while
the batch is open, each by the same path as a single one, and only then measured. So a kill loses at most what
the batch in flight had not stored yet, and what failed is not tried again one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from spfem_baselines import BatchAdapter, Output
from spfem_bench.adapters import OutputError, System
from spfem_bench.errors import PluginError
from spfem_bench.protocols import Trial
from spfem_bench.stages.generate import (
    Asked,
    Generated,
    ask,
    generate,
    in_store,
    keep,
    pinned_threads,
    stored,
)
from spfem_bench.stages.units import Unit
from spfem_bench.stages.workbench import Workbench

Outcomes = Mapping[str, Output | Exception]


def grouped(bench: Workbench, todo: Sequence[Unit], *, again: bool = False) -> list[tuple[Unit, ...]]:
    """Units as pieces of work: those a model makes together stand where the first of them stood.

    Args:
        bench: the run's objects.
        todo: units in the order in which they are to be done.
        again: make what is stored too.

    Returns:
        Every unit once. A unit whose output is stored, or whose adapter makes one at a time, is alone.

    Raises:
        PluginError: an adapter has a batch of less than 1.
    """
    sizes = {system.name: batch_of(system) for system in bench.systems}
    groups: list[list[Unit]] = []
    filling: dict[str, list[Unit]] = {}
    for unit in todo:
        size = sizes.get(unit.system or "", 1)
        if unit.system is None or size == 1 or (not again and _is_stored(bench, unit)):
            groups.append([unit])
            continue
        if len(filling.get(unit.system, ())) in (0, size):
            filling[unit.system] = []
            groups.append(filling[unit.system])
        filling[unit.system].append(unit)
    return [tuple(group) for group in groups]


def batch_of(system: System) -> int:
    """How many trials an adapter takes at once: 1 where it makes one at a time.

    Raises:
        PluginError: it says less than 1.
    """
    if not isinstance(system.adapter, BatchAdapter):
        return 1
    if system.adapter.batch < 1:
        raise PluginError(f"{system.name} has a batch of {system.adapter.batch}: 1 is the least")
    return system.adapter.batch


def generate_all(
    bench: Workbench, system: System, trials: Sequence[Trial], *, again: bool = False
) -> dict[str, Generated]:
    """Outputs of one adapter for some trials, by trial id; from the store where they are there.

    Args:
        bench: the run's objects.
        system: the adapter; one that makes a single output at a time is asked trial by trial.
        trials: at most as many as its batch.
        again: ignore what is stored, and replace it.

    Raises:
        StorageError: an output cannot be kept; those before it are.
        MissingWeightsError: the model's network is not on this machine, so no trial could be made.
    """
    adapter = system.adapter
    if not isinstance(adapter, BatchAdapter):
        return {trial.id: generate(bench, system, trial, again=again) for trial in trials}
    made: dict[str, Generated] = {}
    todo: dict[str, Asked] = {}
    for trial in trials:
        asked = ask(bench, system, trial)
        if not isinstance(asked, Asked):
            made[trial.id] = asked
        elif not again and (known := in_store(bench, asked)):
            made[trial.id] = known
        else:
            todo[trial.id] = asked
    with _opened(adapter, list(todo.values()), bench.spec.threads) as outcomes:
        for name, asked in todo.items():
            made[name] = keep(bench, system, asked, partial(_output, outcomes, name), again=again)
    return made


@contextmanager
def _opened(adapter: BatchAdapter, asked: Sequence[Asked], threads: int) -> Iterator[Outcomes]:
    """The outcomes while they can be read; a batch that cannot be begun is every trial's exception."""
    with ExitStack() as stack:
        outcomes: Outcomes = {}
        try:
            if asked:
                with pinned_threads(threads):
                    outcomes = stack.enter_context(adapter.generate_many([one.request for one in asked]))
        except Exception as error:  # noqa: BLE001 - `keep` sorts it, as it does for a single output
            outcomes = dict.fromkeys((one.request.trial for one in asked), error)
        yield outcomes


def _output(outcomes: Outcomes, trial: str) -> Output:
    found = outcomes.get(trial)
    if found is None:
        raise OutputError("the batch held neither an output nor a reason for this trial")
    if isinstance(found, Exception):
        raise found
    return found


def _is_stored(bench: Workbench, unit: Unit) -> bool:
    system = next(system for system in bench.systems if system.name == unit.system)
    return stored(bench, system, bench.plan.trials[unit.index])

"""A whole run: units of work through an engine, then one bundle.

    RunSpec -> Workbench -> [unit of work per system and trial] -> rows -> scores -> bundle

Units leave their results in the store, so a killed run, another shard or a second run of the same thing
finds them; the bundle is assembled from rows at the end and is the same whoever made them. Units of a model
that makes several outputs at a time go through the engine together, see `spfem_bench.stages.batches`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from spfem_bench.adapters import System
from spfem_bench.engine import Engine, LocalEngine
from spfem_bench.errors import IncompleteError, OutOfMemoryError
from spfem_bench.fsio import folder_lock
from spfem_bench.progress import Progress, SilentProgress
from spfem_bench.stages.assemble import Kept, assemble, note_circumstances
from spfem_bench.stages.batches import generate_all, grouped
from spfem_bench.stages.generate import Generated, Made, generate
from spfem_bench.stages.measure import measure_real, measure_trial
from spfem_bench.stages.rows import MetricRow
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.units import Done, Unit, without_paths
from spfem_bench.stages.workbench import Workbench, open_workbench
from spfem_bench.store.bundle import claim, refuse_foreign
from spfem_metrics import Failed

Overwrite = Literal["never", "missing", "always", "unfinished"]
MAX_HALVINGS = 5
"""From a chunk of 32 down to one of 1."""


@dataclass(frozen=True)
class Options:
    """How a run is done; none of it can move a number.

    Args:
        overwrite: ``missing`` does what is missing, ``always`` all again, ``never`` refuses a whole bundle;
            ``unfinished`` is ``missing`` in an unfinished folder whose specification may be replaced.
        keep_bounds: store the bounds' outputs in the bundle too (they are copies of the dataset's clips).
        slim: leave the feature matrices of set metrics out; their scores cannot be verified then.
        outputs: place the models' outputs in the bundle; without them nobody can look at them again.
        shard: (i, n) to do every n-th unit only and write no bundle; None to do all.
        max_missing: largest share of trials that may have failed before the run counts as incomplete.
    """

    overwrite: Overwrite = "missing"
    keep_bounds: bool = False
    slim: bool = False
    outputs: bool = True
    shard: tuple[int, int] | None = None
    max_missing: float = 1.0


def run(
    spec: RunSpec,
    out: Path,
    options: Options | None = None,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Path | None:
    """Generate, measure and reduce; write the bundle.

    Args:
        spec: what to do.
        out: the bundle's folder.
        options: how to do it.
        engine: where; this process by default.
        progress: told of every unit; silent by default.

    Returns:
        The bundle's folder, None for a shard.

    Raises:
        BenchError: whatever stops the run; what was finished stays in the store.
    """
    options, progress = options or Options(), progress or SilentProgress()
    for halvings in range(_halvings_of(out, options), MAX_HALVINGS):
        try:
            return _run(replace(spec, halvings=halvings), out, options, engine or LocalEngine(), progress)
        except OutOfMemoryError as error:
            progress.note(f"{error}; starting again with chunks of half the size, which the signatures say")
            options = replace(options, overwrite=_after_restart(options.overwrite))
    return _run(replace(spec, halvings=MAX_HALVINGS), out, options, engine or LocalEngine(), progress)


def _halvings_of(out: Path, options: Options) -> int:
    """Where an earlier run into the folder ended, so that going on with it finds its own specification."""
    try:
        held = json.loads((out / "spec.json").read_text(encoding="utf8"))["asked"]["halvings"]
    except (OSError, ValueError, LookupError, TypeError):
        return 0
    return (
        held if isinstance(held, int) and 0 <= held <= MAX_HALVINGS and options.overwrite != "always" else 0
    )


def _after_restart(overwrite: Overwrite) -> Overwrite:
    """The unfinished folder is this very run's: its specification may be replaced, what is stored is kept."""
    return "always" if overwrite == "always" else "unfinished"


def _run(spec: RunSpec, out: Path, options: Options, engine: Engine, progress: Progress) -> Path | None:
    again = options.overwrite == "always"
    bench = open_workbench(spec, again)
    bench.stamp  # noqa: B018 - refuses the wrong kind of data before any work
    _check_systems(bench, progress)
    frozen = bench.frozen()
    started = time.monotonic()
    if options.shard is None:
        refuse_foreign(out)  # before even a lock is left there
    with folder_lock(out) if options.shard is None else nullcontext():
        if options.shard is None:
            claim(out, frozen, overwrite=options.overwrite)
        done = _in_plan_order(bench, _work(bench, options, engine, progress))
        if options.shard is not None:
            return None
        assemble(bench, out, done, Kept(not options.slim, options.outputs, options.keep_bounds))
        note_circumstances(out, bench.spec.device, started)
    _check_complete(bench, done, options.max_missing, out)
    return out


def _check_systems(bench: Workbench, progress: Progress) -> None:
    """Let adapters that know their trials beforehand refuse all of them at once, or say what is too many."""
    for system in bench.systems:
        check = getattr(system.adapter, "check_trials", None)
        if check is not None:
            check([trial.id for trial in bench.plan.trials])
        unused = getattr(system.adapter, "unused", None)
        if unused is not None and (sentence := unused([trial.id for trial in bench.plan.trials])):
            progress.note(sentence)


def units(bench: Workbench) -> list[Unit]:
    """All work of a run: real clips first, then trial by trial, so that a source is read once."""
    needs_reals = any(metric.info.of_sets for metric in bench.built.metrics)
    reals = [Unit(None, i) for i in range(len(bench.plan.reals) if needs_reals else 0)]
    trials = range(len(bench.plan.trials))
    return reals + [Unit(system.name, i) for i in trials for system in bench.systems]


def _in_plan_order(bench: Workbench, done: Iterable[Done]) -> list[Done]:
    """Batches come back together; nothing that is written may show it."""
    place = {unit: number for number, unit in enumerate(units(bench))}
    return sorted(done, key=lambda one: place[one.unit])


def _work(bench: Workbench, options: Options, engine: Engine, progress: Progress) -> Iterator[Done]:
    todo, again = units(bench), options.overwrite == "always"
    if options.shard is not None:
        index, count = options.shard
        todo = todo[index - 1 :: count]
    progress.start("measure", len(todo))
    for finished in engine.map(partial(do_units, bench.spec, again), grouped(bench, todo, again=again)):
        for done in finished:
            progress.advance("measure", _name(bench, done.unit))
            yield done
    progress.finish("measure")


def do_units(spec: RunSpec, again: bool, group: Sequence[Unit]) -> list[Done]:
    """Do the units of one group, all of one system; the workbench is rebuilt once per process.

    Raises:
        BenchError: whatever must stop the run (a full disk, missing weights).
    """
    bench = open_workbench(spec, again)
    name = group[0].system
    if name is None:
        return [_real(bench, unit) for unit in group]
    system = next(s for s in bench.systems if s.name == name)
    made = generate_all(bench, system, [bench.plan.trials[unit.index] for unit in group])
    return [_measured(bench, system, unit, made[bench.plan.trials[unit.index].id]) for unit in group]


def _real(bench: Workbench, unit: Unit) -> Done:
    return Done(unit, without_paths(bench, measure_real(bench, bench.plan.reals[unit.index])), None)


def _measured(bench: Workbench, system: System, unit: Unit, made: Generated) -> Done:
    trial = bench.plan.trials[unit.index]
    rows = measure_trial(bench, system.name, trial, made)
    if isinstance(made, Made) and _any_failed(rows) and not made.is_intact():
        # the stored clip was damaged since: what it held is made again, as if it had never been there
        made = generate(bench, system, trial, again=True)
        rows = measure_trial(bench, system.name, trial, made)
    return Done(unit, without_paths(bench, rows), made if isinstance(made, Made) else None)


def _any_failed(rows: Sequence[MetricRow]) -> bool:
    return any(isinstance(row.row.outcome, Failed) for row in rows)


def _name(bench: Workbench, unit: Unit) -> str:
    if unit.system is None:
        return f"real {bench.plan.reals[unit.index].id}"
    return f"{unit.system} {bench.plan.trials[unit.index].id}"


def _check_complete(bench: Workbench, done: Sequence[Done], allowed: float, out: Path) -> None:
    """Bounds may well not apply and a model may decline a trial; what counts here is what broke."""
    models = {system.name for system in bench.systems if system.role == "model"}
    outputs = [unit for unit in done if unit.unit.system in models]
    failed = sum(unit.made is None and _any_failed(unit.rows) for unit in outputs)
    if outputs and failed / len(outputs) > allowed:
        raise IncompleteError(
            f"{failed} of {len(outputs)} of the models' outputs failed, more than the allowed {allowed:.0%}; "
            f"the table of {out} says why"
        )

"""A whole run: units of work through an engine, then one bundle.

    RunSpec -> Workbench -> [unit of work per system and trial] -> rows -> scores -> bundle

Units leave their results in the store, so a killed run, another shard or a second run of the same thing
finds them; the bundle is assembled from rows at the end and is the same whoever made them.
"""

from __future__ import annotations

import json
import platform
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from spfem_bench.engine import Engine, LocalEngine
from spfem_bench.errors import IncompleteError
from spfem_bench.fsio import folder_lock, link_or_copy
from spfem_bench.progress import Progress, SilentProgress
from spfem_bench.stages.generate import Made, generate
from spfem_bench.stages.measure import measure_real, measure_trial
from spfem_bench.stages.reduce import reduce_rows
from spfem_bench.stages.render import scores_to_json
from spfem_bench.stages.rows import MetricRow, write_rows
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.workbench import Workbench, open_workbench
from spfem_bench.store.bundle import CIRCUMSTANCES, claim, prune, write_json, write_lines, write_manifest
from spfem_metrics import Unscored

Overwrite = Literal["never", "missing", "always"]


@dataclass(frozen=True)
class Unit:
    """One piece of work: an output to make and measure, or (without a system) a real clip to measure."""

    system: str | None
    index: int


@dataclass(frozen=True)
class Done:
    """What came of a unit: its rows, and where its output lies or why there is none."""

    unit: Unit
    rows: Sequence[MetricRow]
    made: Made | None
    why: str = ""


@dataclass(frozen=True)
class Options:
    """How a run is done; none of it can move a number.

    Args:
        overwrite: ``missing`` does what is missing, ``always`` all again, ``never`` refuses a whole bundle.
        keep_bounds: store the bounds' outputs in the bundle too (they are copies of the dataset's clips).
        shard: (i, n) to do every n-th unit only and write no bundle; None to do all.
        max_missing: largest share of trials that may have failed before the run counts as incomplete.
    """

    overwrite: Overwrite = "missing"
    keep_bounds: bool = False
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
    bench = open_workbench(spec)
    bench.stamp  # noqa: B018 - refuses the wrong kind of data before any work
    frozen = bench.frozen()
    started = time.monotonic()
    with folder_lock(out) if options.shard is None else nullcontext():
        if options.shard is None:
            claim(out, frozen, overwrite=options.overwrite)
        done = list(_work(bench, options, engine or LocalEngine(), progress))
        if options.shard is not None:
            return None
        _assemble(bench, out, done, options)
        _circumstances(out, bench.spec.device, started)
    _check_complete(done, options.max_missing, out)
    return out


def units(bench: Workbench) -> list[Unit]:
    """All work of a run: real clips first, then trial by trial, so that a source is read once."""
    needs_reals = any(metric.info.of_sets for metric in bench.built.metrics)
    reals = [Unit(None, i) for i in range(len(bench.plan.reals) if needs_reals else 0)]
    trials = range(len(bench.plan.trials))
    return reals + [Unit(system.name, i) for i in trials for system in bench.systems]


def _work(bench: Workbench, options: Options, engine: Engine, progress: Progress) -> Iterator[Done]:
    todo = units(bench)
    if options.shard is not None:
        index, count = options.shard
        todo = todo[index - 1 :: count]
    progress.start("measure", len(todo))
    for done in engine.map(partial(do_unit, bench.spec, options.overwrite == "always"), todo):
        progress.advance("measure", _name(bench, done.unit))
        yield done
    progress.finish("measure")


def do_unit(spec: RunSpec, again: bool, unit: Unit) -> Done:
    """Do one unit; the workbench is rebuilt once per process.

    Raises:
        BenchError: whatever must stop the run (a full disk, missing weights).
    """
    bench = open_workbench(spec)
    if unit.system is None:
        return Done(unit, measure_real(bench, bench.plan.reals[unit.index]), None)
    system = next(s for s in bench.systems if s.name == unit.system)
    trial = bench.plan.trials[unit.index]
    made = generate(bench, system, trial, again=again)
    rows = measure_trial(bench, system.name, trial, made)
    if isinstance(made, Made):
        return Done(unit, rows, made)
    return Done(unit, rows, None, made.reason if isinstance(made, Unscored) else made.error)


def _name(bench: Workbench, unit: Unit) -> str:
    if unit.system is None:
        return f"real {bench.plan.reals[unit.index].id}"
    return f"{unit.system} {bench.plan.trials[unit.index].id}"


def _assemble(bench: Workbench, out: Path, done: Sequence[Done], options: Options) -> None:
    rows = list(chain.from_iterable(unit.rows for unit in done))
    scores = reduce_rows(rows, bench.built.metrics, bench.emotions)
    write_rows(out, rows)
    write_lines(out / "trials.jsonl", _plan_lines(bench))
    write_json(out / "scores.json", scores_to_json(bench, scores, rows, _missing(bench, done)))
    write_json(out / "environment.json", _environment(bench.spec.device)["identity"])
    outputs = _place_outputs(bench, out, done, options)
    prune(out, {*outputs, *_own_files(out)})
    write_manifest(out)


def _missing(bench: Workbench, done: Sequence[Done]) -> dict[str, Counter[str]]:
    """System -> why -> how many trials have no output."""
    missing: dict[str, Counter[str]] = {system.name: Counter() for system in bench.systems}
    for unit in done:
        if unit.unit.system is not None and unit.made is None:
            missing[unit.unit.system][unit.why] += 1
    return missing


def _own_files(out: Path) -> Iterable[str]:
    names = ("spec.json", "environment.json", "trials.jsonl", "rows.parquet", "scores.json")
    features = json.loads((out / "scores.json").read_text())["matrices"]
    return [*names, *(f"features/{metric}.safetensors" for metric in features)]


def _place_outputs(bench: Workbench, out: Path, done: Sequence[Done], options: Options) -> list[str]:
    roles = {system.name: system.role for system in bench.systems}
    placed = []
    for unit in done:
        system = unit.unit.system
        if unit.made is None or system is None or (roles[system] == "bound" and not options.keep_bounds):
            continue
        trial = bench.plan.trials[unit.unit.index].id
        for file in sorted(unit.made.folder.iterdir()):
            name = f"outputs/{system}/{trial}{file.name.removeprefix('clip')}"
            link_or_copy(file, out / name)
            placed.append(name)
    return placed


def _plan_lines(bench: Workbench) -> Iterator[dict[str, Any]]:
    for trial in bench.plan.trials:
        clips = {k: getattr(trial, k) for k in ("source", "reference", "truth", "stranger")}
        yield {
            "kind": "trial",
            "id": trial.id,
            "speaker": trial.speaker,
            "emotion": trial.emotion,
            "text": trial.text,
            "clips": {key: record.id if record else None for key, record in clips.items()},
            "digests": {k: bench.library.digest_or_none(r) for k, r in clips.items()},
        }
    for entry in bench.plan.reals:
        yield {
            "kind": "real",
            "id": entry.id,
            "speaker": entry.speaker,
            "emotion": entry.emotion,
            "clips": {"real": entry.clip.id},
            "digests": {"real": bench.library.digest_or_none(entry.clip)},
        }


def _environment(device: str) -> Any:
    from spfem_bench.provenance import environment

    return environment(device)


def _circumstances(out: Path, device: str, started: float) -> None:
    facts = {
        **_environment(device)["circumstances"],
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 1),
        "machine": platform.machine(),
    }
    write_json(out / CIRCUMSTANCES, facts)


def _check_complete(done: Sequence[Done], allowed: float, out: Path) -> None:
    outputs = [unit for unit in done if unit.unit.system is not None]
    missing = sum(unit.made is None for unit in outputs)
    if outputs and missing / len(outputs) > allowed:
        raise IncompleteError(
            f"{missing} of {len(outputs)} outputs are missing, more than the allowed {allowed:.0%}; "
            f"the table of {out} says why"
        )

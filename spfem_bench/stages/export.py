"""Outputs as a plain folder: ``<trial>.mkv`` beside its record, which `score` reads back exactly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spfem_bench.adapters import System
from spfem_bench.clips import open_clip, write_preview
from spfem_bench.fsio import folder_lock, link_or_copy
from spfem_bench.progress import Progress
from spfem_bench.protocols import Trial
from spfem_bench.stages.batches import generate_all, grouped
from spfem_bench.stages.generate import Generated, Made, generate
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.units import Unit
from spfem_bench.stages.workbench import Workbench, open_workbench
from spfem_metrics import Failed


def export_outputs(
    spec: RunSpec, out: Path, *, again: bool, preview: bool, progress: Progress
) -> dict[str, Any]:
    """Generate every trial of the one adapter of ``spec`` and place the clips.

    Args:
        spec: names exactly one adapter and no bounds.
        out: the folder.
        again: generate even what is stored.
        preview: write viewing copies too.
        progress: told of every trial.

    Returns:
        ``trials``, ``made`` and ``missing`` (trial -> reason).

    Raises:
        StorageError: the folder cannot be written or is in use.
    """
    bench = open_workbench(spec)
    (system,) = bench.systems
    missing: dict[str, str] = {}
    with folder_lock(out):
        progress.start("generate", len(bench.plan.trials))
        for trial, made in _outputs(bench, system, again=again):
            if isinstance(made, Made):
                _place(made, out / trial.id, preview=preview)
            else:
                missing[trial.id] = made.error if isinstance(made, Failed) else made.reason
            progress.advance("generate", trial.id)
        progress.finish("generate")
    total = len(bench.plan.trials)
    return {"trials": total, "made": total - len(missing), "missing": missing}


def _outputs(bench: Workbench, system: System, *, again: bool) -> Iterator[tuple[Trial, Generated]]:
    """Every trial with what came of it, as soon as its batch is done."""
    todo = [Unit(system.name, index) for index in range(len(bench.plan.trials))]
    for group in grouped(bench, todo, again=again):
        trials = [bench.plan.trials[unit.index] for unit in group]
        found = generate_all(bench, system, trials, again=again)
        for trial in trials:
            made = found[trial.id]
            damaged = isinstance(made, Made) and not made.is_intact(thorough=False)
            yield trial, generate(bench, system, trial, again=True) if damaged else made


def _place(made: Made, stem: Path, *, preview: bool) -> None:
    for file in sorted(made.folder.iterdir()):
        link_or_copy(file, stem.with_name(stem.name + file.name.removeprefix("clip")))
    if preview:
        write_preview(stem.with_name(stem.name + ".mp4"), open_clip(made.clip))

"""From finished units to a bundle on disk."""

from __future__ import annotations

import json
import platform
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from spfem_bench.fsio import link_or_copy
from spfem_bench.provenance import circumstances, identity
from spfem_bench.stages.reduce import reduce_rows
from spfem_bench.stages.render import reason_of, scores_to_json
from spfem_bench.stages.rows import write_rows
from spfem_bench.stages.units import Done
from spfem_bench.stages.workbench import Workbench
from spfem_bench.store.bundle import CIRCUMSTANCES, prune, reopen, write_json, write_lines, write_manifest


def assemble(
    bench: Workbench, out: Path, done: Sequence[Done], *, keep_bounds: bool, slim: bool = False
) -> None:
    """Write a bundle, its manifest last.

    Args:
        bench: the run's objects.
        out: the claimed folder.
        done: every unit of the run.
        keep_bounds: place the bounds' outputs too.
        slim: leave out feature matrices; ``scores.json`` names those left out.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    rows = list(chain.from_iterable(unit.rows for unit in done))
    scores = reduce_rows(rows, bench.built.metrics, bench.emotions)
    measured = list(chain.from_iterable(u.rows for u in done if u.made is not None or u.unit.system is None))
    reopen(out)
    write_rows(out, rows, slim=slim)
    write_lines(out / "trials.jsonl", _plan_lines(bench))
    board = scores_to_json(bench, scores, measured, _missing(bench, done))
    write_json(out / "scores.json", _slimmed(board) if slim else board)
    write_json(out / "environment.json", identity(bench.spec.device))
    outputs = _place_outputs(bench, out, done, keep_bounds=keep_bounds)
    prune(out, {*outputs, *_own_files(out)})
    write_manifest(out)


def _missing(bench: Workbench, done: Sequence[Done]) -> dict[str, Counter[str]]:
    """System -> why -> how many trials have no output."""
    missing: dict[str, Counter[str]] = {system.name: Counter() for system in bench.systems}
    for unit in done:
        if unit.unit.system is not None and unit.made is None:
            missing[unit.unit.system][reason_of(unit.rows[0]) or ""] += 1
    return missing


def _slimmed(board: Mapping[str, Any]) -> dict[str, Any]:
    return {**board, "matrices": [], "omitted_matrices": board["matrices"]}


def _own_files(out: Path) -> Iterable[str]:
    names = ("spec.json", "environment.json", "trials.jsonl", "rows.parquet", "scores.json")
    features = json.loads((out / "scores.json").read_text())["matrices"]
    return [*names, *(f"features/{metric}.safetensors" for metric in features)]


def _place_outputs(bench: Workbench, out: Path, done: Sequence[Done], *, keep_bounds: bool) -> list[str]:
    roles = {system.name: system.role for system in bench.systems}
    placed = []
    for unit in done:
        system = unit.unit.system
        if unit.made is None or system is None or (roles[system] == "bound" and not keep_bounds):
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


def note_circumstances(out: Path, device: str, started: float) -> None:
    """Write what varies from run to run, outside what the manifest hashes."""
    facts = {
        **circumstances(device),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 1),
        "machine": platform.machine(),
    }
    write_json(out / CIRCUMSTANCES, facts)

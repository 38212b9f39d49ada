"""From finished units to a bundle on disk."""

from __future__ import annotations

import json
import platform
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from spfem_bench.fsio import link_or_copy
from spfem_bench.provenance import circumstances, identity
from spfem_bench.stages.answering import departures
from spfem_bench.stages.reduce import reduce_rows
from spfem_bench.stages.render import reason_of, scores_to_json
from spfem_bench.stages.rows import write_rows
from spfem_bench.stages.units import Done
from spfem_bench.stages.workbench import Workbench
from spfem_bench.store.bundle import CIRCUMSTANCES, prune, reopen, write_json, write_lines, write_manifest


@dataclass(frozen=True)
class Kept:
    """What of a run goes into its bundle, besides scores and rows.

    Args:
        matrices: of set metrics' features.
        models: outputs of the models.
        bounds: outputs of the bounds, copies of the dataset's clips.
    """

    matrices: bool = True
    models: bool = True
    bounds: bool = False


def assemble(bench: Workbench, out: Path, done: Sequence[Done], kept: Kept) -> None:
    """Write a bundle, its manifest last.

    Args:
        bench: the run's objects.
        out: the claimed folder.
        done: every unit of the run.
        kept: what goes in; ``scores.json`` names the matrices and the models' outputs left out.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    rows = list(chain.from_iterable(unit.rows for unit in done))
    scores = reduce_rows(rows, bench.built.metrics, bench.emotions)
    measured = list(chain.from_iterable(u.rows for u in done if u.made is not None or u.unit.system is None))
    reopen(out)
    write_rows(out, rows, slim=not kept.matrices)
    write_lines(out / "trials.jsonl", _plan_lines(bench))
    board = scores_to_json(bench, scores, measured, _missing(bench, done))
    write_json(out / "scores.json", _declared(_told(board, departures(bench, done)), kept))
    write_json(out / "environment.json", identity(bench.spec.device))
    outputs = _place_outputs(bench, out, done, kept)
    prune(out, {*outputs, *_own_files(out)})
    write_manifest(out)


def _missing(bench: Workbench, done: Sequence[Done]) -> dict[str, Counter[str]]:
    """System -> why -> how many trials have no output."""
    missing: dict[str, Counter[str]] = {system.name: Counter() for system in bench.systems}
    for unit in done:
        if unit.unit.system is not None and unit.made is None:
            missing[unit.unit.system][reason_of(unit.rows[0]) or ""] += 1
    return missing


def _told(board: Mapping[str, Any], departing: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The board, whose systems say where their outputs depart from their sources in time and picture."""
    systems = [{**system, **departing.get(system["name"], {})} for system in board["systems"]]
    return {**board, "systems": systems}


def _declared(board: Mapping[str, Any], kept: Kept) -> dict[str, Any]:
    """The board, which says what was left out."""
    said = dict(board)
    if not kept.matrices:
        said |= {"matrices": [], "omitted_matrices": board["matrices"]}
    if not kept.models:
        said["omitted_outputs"] = [s["name"] for s in board["systems"] if s["role"] == "model"]
    return said


def _own_files(out: Path) -> Iterable[str]:
    names = ("spec.json", "environment.json", "trials.jsonl", "rows.parquet", "scores.json")
    features = json.loads((out / "scores.json").read_text())["matrices"]
    return [*names, *(f"features/{metric}.safetensors" for metric in features)]


def _place_outputs(bench: Workbench, out: Path, done: Sequence[Done], kept: Kept) -> list[str]:
    wanted = {"model": kept.models, "bound": kept.bounds}
    roles = {system.name: system.role for system in bench.systems}
    placed = []
    for unit in done:
        system = unit.unit.system
        if unit.made is None or system is None or not wanted[roles[system]]:
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

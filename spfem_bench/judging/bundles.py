"""A finished bundle as plain values for judging: no torch, no networks, no clips, no feature matrices.

Everything read is first held against the bundle's manifest; outputs are left to ``verify``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from spfem_bench.digest import digest_file
from spfem_bench.errors import IncompleteError, IntegrityError, UsageError
from spfem_bench.stages.rows import COLUMNS, REAL
from spfem_bench.store.bundle import MANIFEST, is_whole, read_json

if TYPE_CHECKING:
    from spfem_bench.tables.model import Column, Leaderboard

State = Literal["scored", "unscored", "failed"]
Inputs = tuple[str | None, ...]

_FILES = ("spec.json", "trials.jsonl", "rows.parquet", "scores.json")
_INPUTS = {"trial": ("source", "reference", "truth"), REAL: (REAL,)}
STAMP = "not a result"
"""What a footer line begins with where numbers mean nothing; compared without regard to case."""


@dataclass(frozen=True)
class Planned:
    """One line of the plan.

    Args:
        id: of the trial or real clip.
        speaker: whose face it shows.
        emotion: the target.
        text: the prompt, None elsewhere.
        inputs: digests of the clips that make it (source, reference, truth; of a real clip its own).
    """

    id: str
    speaker: str
    emotion: str
    text: str | None
    inputs: Inputs


@dataclass(frozen=True)
class Cell:
    """One stored row without its matrix.

    Args:
        state: what came of the trial.
        value: of a scored trial; None for set metrics.
        matrix_rows: how many feature vectors it gave, None without a matrix.
        reason: why there is no reading.
    """

    state: State
    value: float | None
    matrix_rows: int | None
    reason: str | None


@dataclass(frozen=True)
class Bundle:
    """All that judging needs of a run.

    Args:
        path: its folder, for messages.
        board: scores, definitions, footer.
        spec: what was asked.
        trials: id -> plan of what was generated.
        reals: id -> plan of the protocol's real clips.
        cells: (system, metric) -> trial -> row; real clips under the system ``real``.
        manifest: digest of the manifest, which names the whole bundle.
        omitted: set metrics whose feature matrices were left out (``--slim``).
    """

    path: Path
    board: Leaderboard
    spec: Mapping[str, Any]
    trials: Mapping[str, Planned]
    reals: Mapping[str, Planned]
    cells: Mapping[tuple[str, str], Mapping[str, Cell]]
    manifest: str
    omitted: Sequence[str] = ()

    @property
    def columns(self) -> dict[str, Column]:
        """Metric -> what it is and how it is defined."""
        return {column.info.name: column for column in self.board.columns}

    @property
    def roles(self) -> dict[str, str]:
        """System -> ``model`` or ``bound``."""
        return {system.name: system.role for system in self.board.systems}

    @property
    def models(self) -> list[str]:
        """The systems under test."""
        return [name for name, role in self.roles.items() if role == "model"]

    @property
    def stamps(self) -> list[str]:
        """Footer lines saying that these numbers mean nothing; that there are few of them is `limited`."""
        return [line for line in self.board.footer if STAMP in line.lower() and line not in self.limited]

    @property
    def limited(self) -> list[str]:
        """Footer lines saying that only some trials of the protocol were run."""
        limited = self.spec["asked"].get("limit") is not None
        return [line for line in self.board.footer if limited and line.startswith("Limited to ")]


def read_bundle(path: Path) -> Bundle:
    """Read a finished bundle, holding what is read against its manifest.

    Raises:
        UsageError: the folder is no bundle.
        IncompleteError: its run has not finished.
        IntegrityError: a file is missing, differs from the manifest, or holds what no run writes.
    """
    from spfem_bench.stages.render import leaderboard_of

    if not (path / "spec.json").is_file():
        raise UsageError(f"{path} is no run bundle: it has no spec.json; give the folder of a finished run")
    if not is_whole(path):
        raise IncompleteError(f"{path} is unfinished (no {MANIFEST}): run its command again to finish it")
    _check_manifest(path)
    try:
        spec = read_json(path / "spec.json")
        trials, reals = _plan(path)
        cells = _cells(path)
        omitted = read_json(path / "scores.json").get("omitted_matrices", [])
        manifest = digest_file(path / MANIFEST)
        bundle = Bundle(path, leaderboard_of(path), spec, trials, reals, cells, manifest, omitted)
        _check_whole(bundle)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError(f"{path} is damaged ({error!r}): restore it or run again") from error
    return bundle


def _check_manifest(path: Path) -> None:
    """Every listed file but the outputs, which nothing here reads."""
    listed = dict(_listed(path))
    for name in (*_FILES, *_features(path)):
        if name not in listed:
            raise IntegrityError(f"{path / MANIFEST} does not list {name}: restore the bundle or run again")
    for name, digest in listed.items():
        if name.startswith("outputs/"):
            continue
        file = path / name
        if not file.resolve().is_relative_to(path.resolve()):
            raise IntegrityError(f"{path / MANIFEST} lists {name}, which lies outside the bundle")
        if not file.is_file():
            raise IntegrityError(f"{path} lacks {name}, which its manifest lists: restore it or run again")
        if digest_file(file) != digest:
            raise IntegrityError(
                f"{file} was changed since the run (its digest is not the manifest's): restore it"
            )


def _features(path: Path) -> list[str]:
    """Files of feature matrices that the bundle says it has."""
    scores = read_json(path / "scores.json")
    held = scores.get("matrices") if isinstance(scores, dict) else None
    return [f"features/{metric}.safetensors" for metric in held] if isinstance(held, list) else []


def _listed(path: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = (path / MANIFEST).read_text(encoding="utf8").splitlines()
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path / MANIFEST} cannot be read ({error}): restore it") from error
    for line in lines:
        digest, _, name = line.partition("  ")
        yield name, digest


def _plan(path: Path) -> tuple[dict[str, Planned], dict[str, Planned]]:
    lines = [json.loads(line) for line in (path / "trials.jsonl").read_text(encoding="utf8").splitlines()]
    found: dict[str, dict[str, Planned]] = {"trial": {}, REAL: {}}
    for line in lines:
        inputs = tuple(line["digests"][key] for key in _INPUTS[line["kind"]])
        planned = Planned(line["id"], line["speaker"], line["emotion"], line.get("text"), inputs)
        found[line["kind"]][planned.id] = planned
    return found["trial"], found[REAL]


def _cells(path: Path) -> dict[tuple[str, str], dict[str, Cell]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        lines = pq.read_table(path / "rows.parquet", columns=list(COLUMNS)).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise IntegrityError(
            f"{path / 'rows.parquet'} cannot be read ({error}): restore it or run again"
        ) from error
    found: dict[tuple[str, str], dict[str, Cell]] = {}
    for line in lines:
        found.setdefault((line["system"], line["metric"]), {})[line["trial"]] = _cell(path, line)
    return found


def _cell(path: Path, line: Mapping[str, Any]) -> Cell:
    value, state = line["value"], line["state"]
    where = f"{path / 'rows.parquet'}: {line['metric']} of {line['system']} on trial {line['trial']}"
    if value is not None and not math.isfinite(value):
        raise IntegrityError(f"{where} is {value}, which no run writes: restore the bundle or run again")
    if state not in ("scored", "unscored", "failed"):
        raise IntegrityError(f"{where} has the unknown state '{state}': restore the bundle or run again")
    return Cell(state, value if state == "scored" else None, line["matrix_rows"], line["reason"])


def _check_whole(bundle: Bundle) -> None:
    """A run writes one row for every system, metric and trial, whatever came of it."""
    for system in bundle.roles:
        for metric in bundle.columns:
            rows = bundle.cells.get((system, metric), {})
            odd = sorted(rows.keys() ^ bundle.trials.keys())
            if odd:
                where = "has no row" if odd[0] in bundle.trials else "has a row that the plan does not know"
                raise IntegrityError(
                    f"{bundle.path}: {metric} of {system} {where}, trial {odd[0]}: run again"
                )

"""One scene through every degradation: rows in, kept in the cache, so that a killed run goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_bench.certify.bench import Bench, open_bench
from spfem_bench.certify.catalogue import CATALOGUE, FLOORS, Setting
from spfem_bench.certify.claims import Claims
from spfem_bench.certify.real import HOW as HOW_REAL
from spfem_bench.certify.real import chosen, real_scene
from spfem_bench.certify.scenes import Scene
from spfem_bench.certify.spec import CertifySpec
from spfem_bench.datasets import ClipRecord, Dataset, dataset_digest, load_dataset
from spfem_bench.digest import digest_of
from spfem_bench.errors import ClipError
from spfem_bench.stages.rows import row_from_json, row_to_json
from spfem_bench.stages.workbench import metrics_code
from spfem_bench.store.objects import ObjectStore
from spfem_bench.versions import libraries, package_code
from spfem_metrics import Reading, Row, TrialFacts

KIND = "certify"
MATRICES = "certify-matrices"

CLEAN = "clean"
"""The scene without harm."""
REAL = "real"
"""The clip on the real side of set metrics."""


_CODE = (
    *(
        f"certify/{name}"
        for name in ("bench.py", "catalogue.py", "degrade", "real.py", "rendered.py", "work.py")
    ),
    "clips",
)
"""What can change a row, beside the renderer and the suite; `Material.digest` stands for the clips."""


@dataclass(frozen=True)
class Cell:
    """One metric's row of one scene under one harm.

    Args:
        harm: a degradation's name, one of `FLOORS`, `CLEAN` or `REAL`.
        level: of the degradation, 0 elsewhere and where it starts from a scene of its own.
        metric: by name.
        row: what came of it.
    """

    harm: str
    level: float
    metric: str
    row: Row


@dataclass(frozen=True)
class Measured:
    """What came of one scene.

    Args:
        trial: its id.
        speaker: who is seen.
        cells: of every harm that could be made of it.
        skipped: why it was left out; empty where it was not.
    """

    trial: str
    speaker: str
    cells: Sequence[Cell]
    skipped: str = ""


def measure_scene(bench: Bench, scene: Scene, claims: Claims) -> Measured:
    """Every metric's row of a scene under every degradation that the claims give levels to.

    Raises:
        BenchError: the suite's code failed.
    """
    facts = scene.facts
    eyes = bench.eyes(scene.output)
    if eyes is None:
        return Measured(facts.id, facts.speaker, (), "no face is found in the clean output")
    cells = list(_cells(bench, scene, Setting(scene, eyes), claims))
    return Measured(facts.id, facts.speaker, cells)


def _cells(bench: Bench, scene: Scene, setting: Setting, claims: Claims) -> Iterator[Cell]:
    yield from _as_cells(CLEAN, 0.0, bench.rows(scene.facts, scene.sides))
    real = TrialFacts(f"real-{scene.facts.id}", scene.facts.speaker, scene.facts.emotion, "real")
    yield from _as_cells(REAL, 0.0, bench.real_rows(real, scene.real))
    for name, floor in FLOORS.items():
        yield from _as_cells(name, 0.0, bench.rows(scene.facts, floor(setting)))
    for name, levels in claims.degradations.items():
        degradation = CATALOGUE[name]
        for level in (0.0, *levels) if degradation.own_start else levels:
            sides = degradation.stage(setting, level)
            if sides is not None:
                yield from _as_cells(name, level, bench.rows(scene.facts, sides))


def _as_cells(harm: str, level: float, rows: Mapping[str, Row]) -> Iterator[Cell]:
    return (Cell(harm, level, metric, row) for metric, row in rows.items())


@dataclass(frozen=True)
class Material:
    """Where the scenes of a certification come from.

    Args:
        count: how many there are.
        how: how a trial is built, in sentences.
        name: of the data.
        digest: of the dataset's index, or of the renderer's code.
        dataset: real clips, None for rendered ones.
        records: those certified on.
    """

    count: int
    how: str
    name: str
    digest: str
    dataset: Dataset | None = None
    records: Sequence[ClipRecord] = ()

    def scene(self, spec: CertifySpec, index: int) -> Scene:
        """The scene of a number.

        Raises:
            ClipError: its clip cannot be read or is too short.
        """
        if self.dataset is not None:
            return real_scene(spec, self.dataset, self.records[index], index)
        from spfem_bench.certify.rendered import rendered_scene

        return rendered_scene(spec, index)

    def who(self, index: int) -> tuple[str, str]:
        """Trial id and speaker of a real clip that could not be made a scene."""
        record = self.records[index]
        return record.id, record.speaker


@cache
def material_of(spec: CertifySpec) -> Material:
    """The scenes that were asked for.

    Raises:
        BenchError: the dataset cannot be read.
    """
    if not spec.dataset:
        from spfem_bench.certify.rendered import HOW

        return Material(spec.trials, HOW, "rendered people", package_code("synthetic"))
    dataset = load_dataset(spec.dataset, dict(spec.fields) if spec.fields else None)
    records = chosen(dataset, spec.trials, spec.speakers, spec.seed)
    digest = dataset_digest(dataset)
    return Material(len(records), HOW_REAL, dataset.name, digest, dataset, records)


def do_scene(spec: CertifySpec, index: int) -> Measured:
    """Measure one scene, or find it in the cache; the bench is rebuilt once per process.

    Raises:
        BenchError: whatever must stop the run (missing weights, a full disk).
    """
    bench, store = open_bench(spec.suite, spec.device, spec.threads), ObjectStore(spec.cache)
    key = scene_key(spec, bench, index)
    known = _stored(store, key)
    if known is not None:
        return known
    material = material_of(spec)
    try:
        found = measure_scene(bench, material.scene(spec, index), spec.claims)
    except ClipError as error:
        trial, speaker = material.who(index)
        found = Measured(trial, speaker, (), str(error).replace(f"{_root(material)}/", ""))
    _keep(store, key, found)
    return found


def _root(material: Material) -> str:
    return str(material.dataset.root) if material.dataset else ""


def scene_key(spec: CertifySpec, bench: Bench, index: int) -> str:
    """Digest of all that can change a scene's rows."""
    material = material_of(spec)
    lines = [bench.built.signature(metric).line for metric in bench.built.metrics]
    code = [package_code(*_CODE), metrics_code(), libraries(), bench.built.code]
    levels = {name: list(levels) for name, levels in spec.claims.degradations.items()}
    asked = [levels, spec.seed, spec.seconds, spec.size, spec.device, spec.threads]
    who = [spec.speakers, index] if not material.records else material.records[index].id
    return digest_of([KIND, lines, code, asked, material.digest, who])


def _keep(store: ObjectStore, key: str, found: Measured) -> None:
    """Matrices first, so that a row that names one always has it."""
    matrices = {
        str(i): cell.row.outcome.matrix
        for i, cell in enumerate(found.cells)
        if isinstance(cell.row.outcome, Reading) and cell.row.outcome.matrix is not None
    }
    store.put_arrays(MATRICES, key, matrices)
    cells = [[cell.harm, cell.level, cell.metric, row_to_json(cell.row)] for cell in found.cells]
    plain = {"trial": found.trial, "speaker": found.speaker, "cells": cells, "skipped": found.skipped}
    store.put_json(KIND, key, plain)


def _stored(store: ObjectStore, key: str) -> Measured | None:
    plain, matrices = store.get_json(KIND, key), store.get_arrays(MATRICES, key)
    if plain is None or matrices is None:
        return None
    cells = [_cell(line, matrices.get(str(i))) for i, line in enumerate(plain["cells"])]
    return Measured(plain["trial"], plain["speaker"], cells, plain["skipped"])


def _cell(line: Sequence[Any], matrix: NDArray[Any] | None) -> Cell:
    harm, level, metric, row = line
    found = None if matrix is None else matrix.astype(np.float32)
    return Cell(harm, float(level), metric, row_from_json(row, found))

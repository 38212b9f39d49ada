"""Stage 2b: features in, one row per metric and trial out.

A row's key is known from digests alone, so a warm re-score reads rows and touches neither frames nor
networks; only metrics whose row is missing have their features loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spfem_bench.clips import ContentDigest, open_clip
from spfem_bench.datasets import ClipRecord
from spfem_bench.digest import digest_array, digest_of
from spfem_bench.errors import ClipError
from spfem_bench.protocols import RealEntry, Trial
from spfem_bench.stages.align import output_to_truth, truth_pairs
from spfem_bench.stages.features import (
    Subject,
    ensure_content,
    feature_key,
    features,
    pair_features,
    pair_key,
)
from spfem_bench.stages.generate import Generated, Made
from spfem_bench.stages.rows import REAL, MetricRow, row_from_json, row_to_json
from spfem_bench.stages.workbench import Workbench, metrics_code
from spfem_metrics import (
    ClipFeatures,
    Failed,
    InputError,
    Metric,
    Observation,
    Reading,
    Row,
    Side,
    TrialFacts,
    Unscored,
)

KIND = "rows"
MATRIX = "row-matrices"
_NO_PAIRS = np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class Scene:
    """One trial ready to be measured: its clips, their contents and how their frames correspond."""

    facts: TrialFacts
    subjects: Mapping[Side, Subject]
    contents: Mapping[Side, ContentDigest]
    frame_map: NDArray[np.int64]
    truth_map: NDArray[np.int64]


def measure_trial(bench: Workbench, system: str, trial: Trial, made: Generated) -> list[MetricRow]:
    """Every metric's row for one output.

    Raises:
        StorageError: features or rows cannot be kept.
    """
    facts = TrialFacts(trial.id, trial.speaker, trial.emotion, "generated", trial.text)
    metrics = bench.built.metrics
    if not isinstance(made, Made):
        return [MetricRow(system, metric.info.name, Row(facts, made)) for metric in metrics]
    try:
        scene = _trial_scene(bench, facts, trial, made)
    except ClipError as error:
        return _all_failed(system, facts, metrics, str(error))
    return _rows(bench, system, scene, metrics)


def measure_real(bench: Workbench, entry: RealEntry) -> list[MetricRow]:
    """Every set metric's row for one real clip of the protocol.

    Raises:
        StorageError: features or rows cannot be kept.
    """
    facts = TrialFacts(entry.id, entry.speaker, entry.emotion, "real")
    metrics = [metric for metric in bench.built.metrics if metric.info.of_sets]
    try:
        scene = _scene(bench, facts, {"output": _shelved(bench, entry.clip)}, None, _NO_PAIRS)
    except ClipError as error:
        return _all_failed(REAL, facts, metrics, str(error))
    return _rows(bench, REAL, scene, metrics)


def _all_failed(system: str, facts: TrialFacts, metrics: Sequence[Metric], error: str) -> list[MetricRow]:
    return [MetricRow(system, metric.info.name, Row(facts, Failed(error))) for metric in metrics]


def _trial_scene(bench: Workbench, facts: TrialFacts, trial: Trial, made: Made) -> Scene:
    clip = open_clip(made.clip)
    if clip.stored is None:
        raise ClipError(f"{made.clip} has lost its record: remove its folder from the cache and run again")
    output = Subject(clip, "", clip.stored.digest)
    records: dict[Side, ClipRecord | None] = {
        "source": trial.source,
        "truth": trial.truth,
        "reference": trial.reference,
    }
    sides = {need.side for metric in bench.built.metrics for need in metric.info.needs}
    subjects: dict[Side, Subject] = {"output": output}
    subjects |= {s: _shelved(bench, r) for s, r in records.items() if r is not None and s in sides}
    pairs = truth_pairs(bench, trial) if trial.truth is not None and "truth" in sides else _NO_PAIRS
    return _scene(bench, facts, subjects, clip.stored.source_frames, pairs)


def _shelved(bench: Workbench, record: ClipRecord) -> Subject:
    shelf = bench.library.open(record)
    return Subject(shelf.clip, shelf.file_digest, bench.library.content(shelf.file_digest))


def _scene(
    bench: Workbench,
    facts: TrialFacts,
    subjects: Mapping[Side, Subject],
    frame_map: NDArray[np.int64] | None,
    pairs: NDArray[np.int64],
) -> Scene:
    contents = {side: ensure_content(bench, s, _names(bench, side)) for side, s in subjects.items()}
    given = np.arange(subjects["output"].clip.frame_count) if frame_map is None else frame_map
    return Scene(facts, subjects, contents, given, output_to_truth(given, pairs))


def _names(bench: Workbench, side: Side) -> list[str]:
    """Clip extractors that any metric wants of a side, in the suite's order."""
    wanted = {n.extractor for m in bench.built.metrics for n in m.info.needs if n.side == side}
    return [name for name in bench.built.extractors if name in wanted]


def _rows(bench: Workbench, system: str, scene: Scene, metrics: Sequence[Metric]) -> list[MetricRow]:
    """Stored rows, and for the metrics that have none one reading of every clip they need."""
    keys = {metric.info.name: _row_key(bench, scene, metric) for metric in metrics}
    rows = {name: _stored(bench, key) for name, key in keys.items()}
    todo = [metric for metric in metrics if rows[metric.info.name] is None]
    material = {side: _gather(bench, scene, side, todo) for side in scene.subjects} if todo else {}
    for metric in todo:
        row = Row(scene.facts, _observe(bench, scene, metric, material))
        rows[metric.info.name] = row
        if not isinstance(row.outcome, Failed):
            _keep(bench, keys[metric.info.name], row)
    return [MetricRow(system, name, row) for name, row in rows.items() if row is not None]


def _stored(bench: Workbench, key: str) -> Row | None:
    known = bench.store.get_json(KIND, key)
    if known is None:
        return None
    if known["matrix_rows"] is None:
        return row_from_json(known)
    matrix = bench.store.get_arrays(MATRIX, key)
    return None if matrix is None else row_from_json(known, matrix["matrix"])


def _keep(bench: Workbench, key: str, row: Row) -> None:
    """Store a row, its matrix first, so that a row that names a matrix always has it."""
    if isinstance(row.outcome, Reading) and row.outcome.matrix is not None:
        bench.store.put_arrays(MATRIX, key, {"matrix": row.outcome.matrix.astype(np.float32)})
    bench.store.put_json(KIND, key, row_to_json(row))


def _gather(
    bench: Workbench, scene: Scene, side: Side, metrics: Sequence[Metric]
) -> ClipFeatures | ClipError:
    """All features of one side that any of the metrics wants, in one pass, or why they cannot be had."""
    wanted = {need.extractor for m in metrics for need in m.info.needs if need.side == side}
    names = [name for name in bench.built.extractors if name in wanted]
    try:
        return features(bench, scene.subjects[side], scene.contents[side], names)
    except ClipError as error:
        return error


def _observe(
    bench: Workbench, scene: Scene, metric: Metric, material: Mapping[Side, ClipFeatures | ClipError]
) -> Reading | Unscored | Failed:
    try:
        return metric.observe(_observation(bench, scene, metric, material))
    except (ClipError, InputError) as error:
        return Failed(f"{metric.info.name}: {error}")


def _observation(
    bench: Workbench, scene: Scene, metric: Metric, material: Mapping[Side, ClipFeatures | ClipError]
) -> Observation:
    """What the metric declared it reads, and nothing else: its row is keyed by just that."""
    sides = {}
    for side in dict.fromkeys(need.side for need in metric.info.needs if need.side in material):
        found = material[side]
        if isinstance(found, ClipError):
            raise found
        own = [n.extractor for n in metric.info.needs if n.side == side and n.extractor in found.arrays]
        sides[side] = replace(found, arrays={name: found.arrays[name] for name in own})
    pairs = {
        (need.side, need.extractor): _pair(bench, scene, need.side, need.extractor)
        for need in metric.info.needs
        if need.extractor in bench.built.pairs and len(_frame_pairs(scene, need.side))
    }
    return Observation(scene.facts, sides, scene.frame_map, scene.truth_map, pairs)


def _frame_pairs(scene: Scene, side: Side) -> NDArray[np.int64]:
    """(P, 2) frames of the output and of another side that show the same instant."""
    if side == "truth":
        return scene.truth_map
    if side == "source" and side in scene.subjects:
        return np.stack([np.arange(len(scene.frame_map)), scene.frame_map], axis=1)
    return _NO_PAIRS


def _pair(bench: Workbench, scene: Scene, side: Side, name: str) -> Mapping[str, NDArray[np.generic]]:
    pairs = _frame_pairs(scene, side)
    contents = (scene.contents["output"], scene.contents[side])
    subjects = (scene.subjects["output"], scene.subjects[side])
    return pair_features(bench, name, subjects, pair_key(bench, name, contents, pairs), pairs)


def _row_key(bench: Workbench, scene: Scene, metric: Metric) -> str:
    """Digest of all that can change a row, from digests of the clips alone."""
    inputs = []
    for need in metric.info.needs:
        if need.side not in scene.contents:
            inputs.append([need.side, need.extractor, None])
        elif need.extractor in bench.built.pairs:
            contents = (scene.contents["output"], scene.contents[need.side])
            inputs.append(
                [need.side, pair_key(bench, need.extractor, contents, _frame_pairs(scene, need.side))]
            )
        else:
            inputs.append([need.side, feature_key(bench, need.extractor, scene.contents[need.side])])
    facts = scene.facts
    return digest_of(
        {
            "stage": "measure@1",
            "metric": bench.lines[metric.info.name],
            "code": metrics_code(),
            "inputs": inputs,
            "maps": [digest_array(scene.frame_map), digest_array(scene.truth_map)],
            "facts": [facts.id, facts.speaker, facts.emotion, facts.side, facts.text],
        }
    )

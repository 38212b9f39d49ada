"""Stage 2b: features in, one row per metric and trial out.

A row's key is known from digests alone, so a warm re-score reads rows and touches neither frames nor
networks; only metrics whose row is missing have their features loaded. Matrices stay in the store: rows say
where they lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import SPACE_WORDS
from spfem_bench.digest import digest_array, digest_of
from spfem_bench.errors import ClipError, IntegrityError, SilentClipError
from spfem_bench.protocols import RealEntry, Trial
from spfem_bench.stages.blame import blamed
from spfem_bench.stages.features import (
    feature_key,
    features,
    pair_features,
    pair_key,
)
from spfem_bench.stages.generate import Generated, Made
from spfem_bench.stages.matrices import Stored, store, stored
from spfem_bench.stages.rows import REAL, MetricRow, row_from_json, row_to_json
from spfem_bench.stages.scene import Scene, real_scene, trial_scene
from spfem_bench.stages.workbench import Workbench, metrics_code
from spfem_bench.versions import libraries
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
        scene = trial_scene(bench, facts, trial, made)
    except (ClipError, IntegrityError) as error:
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
        scene = real_scene(bench, facts, entry)
    except ClipError as error:
        return _all_failed(REAL, facts, metrics, str(error))
    return _rows(bench, REAL, scene, metrics)


def _all_failed(system: str, facts: TrialFacts, metrics: Sequence[Metric], error: str) -> list[MetricRow]:
    return [MetricRow(system, metric.info.name, Row(facts, Failed(error))) for metric in metrics]


def _rows(bench: Workbench, system: str, scene: Scene, metrics: Sequence[Metric]) -> list[MetricRow]:
    """Stored rows, and for the metrics that have none one reading of every clip they need."""
    rows = {metric.info.name: _barred(scene, metric) or _broken(scene, metric) for metric in metrics}
    keys = {m.info.name: _row_key(bench, scene, m) for m in metrics if rows[m.info.name] is None}
    rows |= {name: _stored(bench, key) for name, key in keys.items()}
    todo = [metric for metric in metrics if rows[metric.info.name] is None]
    material = {side: _gather(bench, scene, side, todo) for side in scene.subjects} if todo else {}
    for metric in todo:
        row = Row(scene.facts, _observe(bench, scene, metric, material))
        failed = isinstance(row.outcome, Failed)
        rows[metric.info.name] = _Light(row) if failed else _keep(bench, keys[metric.info.name], row)
    return [MetricRow(system, name, one.row, one.held) for name, one in rows.items() if one is not None]


@dataclass(frozen=True)
class _Light:
    """A row without its matrix, and where that lies."""

    row: Row
    held: Stored | None = None


def _barred(scene: Scene, metric: Metric) -> _Light | None:
    """The row of a metric that compares whole frames, of an output that shows a part; else None.

    It would stretch the part over the frame and tell nothing. One reason for all metrics and models, so that
    a table says it once.
    """
    if not metric.info.whole_frames or scene.space == "frame":
        return None
    what = f"the output shows {SPACE_WORDS[scene.space]} of its source's frame"
    return _Light(Row(scene.facts, Unscored(f"{what}, and this metric compares whole frames")))


def _broken(scene: Scene, metric: Metric) -> _Light | None:
    """The row of a metric that needs a clip which cannot be had; None where it has all it needs."""
    for need in metric.info.needs:
        error = scene.broken.get(need.side)
        if error is not None:
            silent = isinstance(error, SilentClipError)
            return _Light(Row(scene.facts, Unscored(str(error)) if silent else Failed(str(error))))
    return None


def _stored(bench: Workbench, key: str) -> _Light | None:
    known = bench.store.get_json(KIND, key)
    if known is None:
        return None
    if known["matrix_rows"] is None:
        return _Light(row_from_json(known))
    # read, and let go of again, to see that it is whole: a damaged one is made anew
    matrix = stored(bench.store, key)
    if matrix is None:
        return None
    return _Light(row_from_json(known), Stored(bench.store.root, key, matrix.shape))


def _keep(bench: Workbench, key: str, row: Row) -> _Light:
    """Store a row, its matrix first, so that a row that names a matrix always has it."""
    light = _Light(row)
    if isinstance(row.outcome, Reading) and row.outcome.matrix is not None:
        held = store(bench.store, key, row.outcome.matrix)
        light = _Light(replace(row, outcome=replace(row.outcome, matrix=None)), held)
    bench.store.put_json(KIND, key, row_to_json(row))
    return light


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
        observation = _observation(bench, scene, metric, material)
        with blamed(f"metric {metric.info.name} on trial {scene.facts.id}", known=InputError):
            return metric.observe(observation)
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
        if need.extractor in bench.built.pairs and len(scene.frame_pairs(need.side))
    }
    return Observation(scene.facts, sides, scene.frame_map, scene.truth_map, pairs)


def _pair(bench: Workbench, scene: Scene, side: Side, name: str) -> Mapping[str, NDArray[np.generic]]:
    pairs = scene.frame_pairs(side)
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
                [need.side, pair_key(bench, need.extractor, contents, scene.frame_pairs(need.side))]
            )
        else:
            inputs.append([need.side, feature_key(bench, need.extractor, scene.contents[need.side])])
    facts = scene.facts
    return digest_of(
        {
            "stage": "measure@1",
            "metric": bench.lines[metric.info.name],
            "code": [metrics_code(), bench.built.code.get(metric.info.name, ""), libraries()],
            "inputs": inputs,
            "maps": [digest_array(scene.frame_map), digest_array(scene.truth_map)],
            "facts": [facts.id, facts.speaker, facts.emotion, facts.side, facts.text],
        }
    )

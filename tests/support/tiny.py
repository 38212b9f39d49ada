"""A suite small enough to run in milliseconds: mean luma per frame, its drift, and a set metric on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spfem_metrics import (
    Arrays,
    FrameBatch,
    Media,
    MetricInfo,
    Need,
    Observation,
    Reading,
    Row,
    Score,
    Scored,
    Signature,
    Unscored,
)


class _LumaPass:
    def __init__(self) -> None:
        self._values: list[np.ndarray] = []

    def push(self, batch: FrameBatch, upstream: Mapping[str, Arrays]) -> Arrays | None:
        values = batch.images.mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32)
        self._values.append(values)
        return None

    def finish(self) -> Arrays:
        return {"luma": np.concatenate([np.zeros(0, np.float32), *self._values])}


@dataclass(frozen=True)
class Luma:
    name: str = "luma"
    definition: str = "mean-rgb-v1"
    requires: Sequence[str] = ()

    def start(self, media: Media) -> _LumaPass:
        return _LumaPass()


def luma(*, weights: Mapping[str, Path], device: str = "cpu") -> Luma:
    return Luma()


def _reduce(rows: Sequence[Row]) -> Score:
    values = [r.outcome.value for r in rows if isinstance(r.outcome, Reading)]
    total = len(rows)
    if not values:
        return Score(Unscored("nothing scored"), 0, total)
    return Score(Scored(float(np.mean(values))), len(values), total)


@dataclass(frozen=True)
class LumaDrift:
    """Mean absolute difference of mean luma between output and source."""

    info: MetricInfo = field(
        default=MetricInfo(
            name="luma-drift",
            label="luma drift",
            version=1,
            direction="lower",
            unit="levels",
            bounds=(0.0, 255.0),
            needs=(Need("output", "luma"), Need("source", "luma")),
            about="For tests.",
            order=("copy-source", "noise"),
        )
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        return Signature("luma-drift", 1, {"luma": definitions["luma"], "miss": "exclude"})

    def observe(self, observation: Observation) -> Reading | Unscored:
        output = observation.sides["output"]["luma"]["luma"]
        source = observation.sides["source"]["luma"]["luma"][observation.frame_map]
        return Reading(float(np.abs(output.astype(np.float64) - source).mean()))

    def reduce(self, rows: Sequence[Row]) -> Score:
        return _reduce(rows)


@dataclass(frozen=True)
class LumaSet:
    """Distance of the mean luma of generated and real clips: a set metric."""

    info: MetricInfo = field(
        default=MetricInfo(
            name="luma-set",
            label="luma set",
            version=1,
            direction="lower",
            unit="levels",
            bounds=(0.0, 255.0),
            needs=(Need("output", "luma"),),
            about="For tests.",
            of_sets=True,
            whole_frames=True,
        )
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        return Signature("luma-set", 1, {"luma": definitions["luma"], "miss": "exclude"})

    def observe(self, observation: Observation) -> Reading | Unscored:
        luma = observation.sides["output"]["luma"]["luma"]
        return Reading(None, {}, luma[:8, None].astype(np.float32))

    def reduce(self, rows: Sequence[Row]) -> Score:
        sides: dict[str, list[np.ndarray]] = {"generated": [], "real": []}
        for row in rows:
            if isinstance(row.outcome, Reading) and row.outcome.matrix is not None:
                sides[row.trial.side].append(row.outcome.matrix)
        total = sum(row.trial.side == "generated" for row in rows)
        if not sides["generated"] or not sides["real"]:
            return Score(Unscored("one side is empty"), 0, total)
        means = [float(np.concatenate(side).astype(np.float64).mean()) for side in sides.values()]
        return Score(Scored(abs(means[0] - means[1])), len(sides["generated"]), total)


def luma_drift() -> LumaDrift:
    return LumaDrift()


def luma_set() -> LumaSet:
    return LumaSet()

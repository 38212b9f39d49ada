"""Bundles to judge without a run: values in, the plain data that judging reads out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spfem_bench.judging.bundles import Bundle, Cell, Planned
from spfem_bench.judging.scores import emotion_mean
from spfem_bench.tables.model import Column, Leaderboard, SystemRow
from spfem_metrics import Direction, MetricInfo, Score, Scored, Signature, Unscored

Values = Mapping[str, float | None]
"""Trial -> value; None where it is unscored. A trial is named ``SPEAKER-EMOTION-NUMBER``."""


def planned(trial: str, clip: str = "") -> Planned:
    """A trial as its name says; ``clip`` stands for other bytes of its source."""
    speaker, emotion, _ = trial.split("-")
    return Planned(trial, speaker, emotion, None, (f"source of {trial}{clip}", None, None))


def column(name: str, direction: Direction = "higher", version: int = 1, of_sets: bool = False) -> Column:
    """A metric without needs."""
    bounds = (float("-inf"), float("inf"))
    info = MetricInfo(name, name, version, direction, "points", bounds, (), "For tests.", of_sets=of_sets)
    return Column(info, Signature(name, version, {"miss": "exclude"}))


def bundle(
    values: Mapping[str, Mapping[str, Values]],
    *,
    columns: tuple[Column, ...] | None = None,
    bounds: tuple[str, ...] = (),
    name: str = "bundle",
    trials: Mapping[str, Planned] | None = None,
    **asked: Any,
) -> Bundle:
    """A bundle of these values: system -> metric -> trial -> value."""
    metrics = dict.fromkeys(metric for by_metric in values.values() for metric in by_metric)
    made = columns or tuple(column(metric) for metric in metrics)
    ids = {trial for by in values.values() for own in by.values() for trial in own}
    cells = {
        (s, m): {t: _cell(v) for t, v in own.items()} for s, by in values.items() for m, own in by.items()
    }
    systems = [
        SystemRow(s, "bound" if s in bounds else "model", _scores(by), 0, 0) for s, by in values.items()
    ]
    board = Leaderboard("tests", (), made, systems)
    spec = {
        "dataset": {"name": "tests", "digest": "d" * 64, "kind": "rendered"},
        "protocol": {"name": "tests@1", "digest": "p" * 64},
        "asked": {"seed": 0, "threads": 1, "device": "cpu"} | asked,
    }
    plan = trials or {trial: planned(trial) for trial in sorted(ids)}
    return Bundle(Path(name), board, spec, plan, {}, cells, name)


def _cell(value: float | None) -> Cell:
    if value is None:
        return Cell("unscored", None, None, "no face")
    return Cell("scored", value, None, None)


def _scores(by_metric: Mapping[str, Values]) -> dict[str, dict[str, Score]]:
    """The average that a table would have; of set metrics it is all that judging reads."""
    found = {}
    for metric, own in by_metric.items():
        known = {trial: value for trial, value in own.items() if value is not None}
        lines = [planned(trial) for trial in known]
        outcome = Scored(emotion_mean(lines, list(known.values()))) if known else Unscored("no face")
        found[metric] = {"average": Score(outcome, len(known), len(own))}
    return found

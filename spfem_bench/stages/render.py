"""Stage 4: a bundle's scores as a `Leaderboard`; needs neither the suite's code nor its networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spfem_baselines import as_space
from spfem_bench.digest import digest_of
from spfem_bench.errors import IntegrityError
from spfem_bench.stages.rows import REAL, MetricRow
from spfem_bench.store.bundle import read_json
from spfem_bench.tables.model import Column, Leaderboard, PictureNote, SystemRow, TimeNote
from spfem_metrics import (
    Failed,
    MetricError,
    MetricInfo,
    Need,
    Score,
    Scored,
    Signature,
    Unscored,
)

if TYPE_CHECKING:
    from spfem_bench.adapters import System
    from spfem_bench.stages.reduce import Scores
    from spfem_bench.stages.workbench import Workbench

SCHEMA = "spfem-bench/scores@1"


def scores_to_json(
    bench: Workbench, scores: Scores, rows: Sequence[MetricRow], missing: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    """Everything a table needs, as plain values: numbers, definitions, coverage, reasons, footer.

    Args:
        bench: the run's objects.
        scores: from `reduce_rows`.
        rows: those of trials that have an output, and of real clips.
        missing: system -> reason -> number of trials without an output.
    """
    metrics = bench.built.metrics
    return {
        "schema": SCHEMA,
        "title": f"{bench.suite.name} on {bench.dataset.name}, {bench.plan.protocol}",
        "emotions": bench.emotions,
        "columns": [_column(metric.info, bench.built.signature(metric)) for metric in metrics],
        "systems": [_system(bench, s, scores.get(s.name, {}), missing[s.name]) for s in bench.systems],
        "footer": _footer(bench),
        "reasons": _reasons(rows),
        "trials_digest": trials_digest(bench),
        "matrices": sorted({row.metric for row in rows if row.shape is not None}),
    }


def trials_digest(bench: Workbench) -> str:
    """Digest of what was asked of every system: trials with their clips' bytes, real clips, protocol."""
    clips = ("source", "reference", "truth")
    trials = [
        [t.id, t.speaker, t.emotion, t.text, *(bench.library.digest_or_none(getattr(t, c)) for c in clips)]
        for t in bench.plan.trials
    ]
    reals = [[e.id, e.speaker, e.emotion, bench.library.digest_or_none(e.clip)] for e in bench.plan.reals]
    return digest_of([bench.plan.protocol, bench.plan.align, trials, reals])


def _column(info: MetricInfo, signature: Signature) -> dict[str, Any]:
    low, high = (None if abs(bound) == float("inf") else bound for bound in info.bounds)
    return {
        "name": info.name,
        "label": info.label,
        "version": info.version,
        "direction": info.direction,
        "unit": info.unit,
        "bounds": [low, high],
        "needs": [[need.side, need.extractor] for need in info.needs],
        "about": info.about,
        "order": list(info.order),
        "of_sets": info.of_sets,
        "weak": info.weak,
        "whole_frames": info.whole_frames,
        "signature": {
            "name": signature.name,
            "version": signature.version,
            "choices": list(signature.choices.items()),
        },
        "line": signature.line,
    }


def _system(
    bench: Workbench, system: System, scores: Mapping[str, Any], missing: Mapping[str, int]
) -> dict[str, Any]:
    trials, notes = len(bench.plan.trials), list(getattr(system.adapter, "notes", ()))
    return {
        "name": system.name,
        "role": system.role,
        **({"notes": notes} if notes else {}),
        "trials": trials,
        "generated": trials - sum(missing.values()),
        "failures": dict(sorted(missing.items())),
        "scores": {m: {e: score_to_json(s) for e, s in by.items()} for m, by in scores.items()},
    }


def reason_of(row: MetricRow) -> str | None:
    """Why a row has no reading, None where it has one."""
    outcome = row.row.outcome
    if isinstance(outcome, Unscored):
        return outcome.reason
    return outcome.error if isinstance(outcome, Failed) else None


def _reasons(rows: Sequence[MetricRow]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for row in rows:
        reason = reason_of(row)
        if reason is not None and row.system != REAL:
            found.setdefault(row.metric, Counter())[reason] += 1
    return {metric: dict(sorted(counts.items())) for metric, counts in sorted(found.items())}


def _footer(bench: Workbench) -> list[str]:
    from spfem_bench.datasets import dataset_digest

    stamp = [bench.stamp] if bench.stamp else []
    left_out = [f"left out of {bench.suite.name}: {name} ({why})" for name, why in bench.suite.left_out]
    dataset = (
        f"dataset {bench.dataset.name} ({bench.dataset.kind}), index {dataset_digest(bench.dataset)[:12]}"
    )
    return [*stamp, dataset, *bench.plan.footer, *left_out]


def score_to_json(score: Score) -> dict[str, Any]:
    """A score as plain values; a missing number is null beside its reason."""
    outcome = score.outcome
    state = {Scored: "scored", Unscored: "unscored", Failed: "failed"}[type(outcome)]
    reason = {"unscored": getattr(outcome, "reason", None), "failed": getattr(outcome, "error", None)}
    return {
        "state": state,
        "value": outcome.value if isinstance(outcome, Scored) else None,
        "reason": reason.get(state),
        "scored": score.scored,
        "total": score.total,
        "half_width": score.half_width,
        "interval": score.interval,
        "notes": list(score.notes),
    }


def score_from_json(plain: Mapping[str, Any]) -> Score:
    """The inverse of `score_to_json`."""
    outcome: Scored | Unscored | Failed
    if plain["state"] == "scored":
        outcome = Scored(plain["value"])
    elif plain["state"] == "unscored":
        outcome = Unscored(plain["reason"])
    else:
        outcome = Failed(plain["reason"])
    rest = (plain["scored"], plain["total"], plain["half_width"], plain["interval"], tuple(plain["notes"]))
    return Score(outcome, *rest)


def leaderboard_of(bundle: Path) -> Leaderboard:
    """The table of a finished bundle.

    Raises:
        UsageError: the folder is no finished bundle.
        IntegrityError: its scores are damaged.
    """
    plain = read_json(bundle / "scores.json")
    try:
        return _leaderboard(plain)
    except (LookupError, TypeError, ValueError, AttributeError, MetricError) as error:
        raise IntegrityError(
            f"{bundle / 'scores.json'} is damaged ({error!r}): restore it or run again"
        ) from error


def _leaderboard(plain: Mapping[str, Any]) -> Leaderboard:
    return Leaderboard(
        title=plain["title"],
        emotions=tuple(plain["emotions"]),
        columns=tuple(_column_from(column) for column in plain["columns"]),
        systems=tuple(_system_from(system) for system in plain["systems"]),
        footer=tuple(plain["footer"]),
        reasons=plain["reasons"],
        trials_digest=plain["trials_digest"],
    )


def _column_from(plain: Mapping[str, Any]) -> Column:
    low, high = plain["bounds"]
    info = MetricInfo(
        name=plain["name"],
        label=plain["label"],
        version=plain["version"],
        direction=plain["direction"],
        unit=plain["unit"],
        bounds=(float("-inf") if low is None else low, float("inf") if high is None else high),
        needs=tuple(Need(side, extractor) for side, extractor in plain["needs"]),
        about=plain["about"],
        order=tuple(plain["order"]),
        of_sets=plain["of_sets"],
        weak=plain["weak"],
        whole_frames=plain.get("whole_frames", False),  # bundles from before it was told
    )
    signature = plain["signature"]
    # pairs, not an object: the order of the choices is part of the line, and JSON objects are sorted
    return Column(info, Signature(signature["name"], signature["version"], dict(signature["choices"])))


def _system_from(plain: Mapping[str, Any]) -> SystemRow:
    scores = {m: {e: score_from_json(s) for e, s in by.items()} for m, by in plain["scores"].items()}
    counts = plain["generated"], plain["trials"], plain["failures"]
    time, picture = _time_from(plain.get("time")), _picture_from(plain.get("picture"))
    said = tuple(plain.get("notes", ()))
    return SystemRow(plain["name"], plain["role"], scores, *counts, time=time, picture=picture, notes=said)


def _picture_from(plain: Mapping[str, Any] | None) -> PictureNote | None:
    if plain is None:
        return None
    return PictureNote(
        {as_space(space): outputs for space, outputs in plain["spaces"].items()}, plain["aspects"]
    )


def _time_from(plain: Mapping[str, Any] | None) -> TimeNote | None:
    if plain is None:
        return None
    stood_for, due = plain["frames"]
    return TimeNote(stood_for, due, plain["rates"])

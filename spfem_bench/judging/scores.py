"""Scores over joined trials: mean over emotions of the mean over trials, as the field prints it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from spfem_bench.judging.bundles import Planned
from spfem_bench.judging.join import Paired


def emotion_mean(trials: Sequence[Planned], values: Sequence[float]) -> float:
    """The plain mean over emotions of the plain mean over an emotion's trials.

    Args:
        trials: at least one.
        values: aligned with them.
    """
    groups: dict[str, list[float]] = {}
    for trial, value in zip(trials, values, strict=True):
        groups.setdefault(trial.emotion, []).append(value)
    means = [math.fsum(group) / len(group) for group in groups.values()]
    return math.fsum(means) / len(means)


def changes(paired: Paired) -> list[float]:
    """Candidate less baseline, trial by trial, in the metric's unit."""
    return [two - one for one, two in zip(paired.a, paired.b, strict=True)]


def score_change(paired: Paired) -> float:
    """The score's change over the joined trials; exactly 0 where no trial moved."""
    return emotion_mean(paired.trials, changes(paired))

"""Mode ``regression``: did these very trials move further than they may? No population is inferred.

The verdict is on the score over the joined trials. Single trials that moved further than a single trial may
do not make a regression by themselves, but they keep an unmoved mean from being called equivalent where any
of them got worse: a few ruined clips can hide in a mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spfem_bench.judging.join import Paired
from spfem_bench.judging.model import Finding, Moved
from spfem_bench.judging.scores import changes


def judge_regression(found: Finding, paired: Paired | None) -> Finding:
    """The finding with its verdict.

    Args:
        found: with scores, change and allowance.
        paired: the joined trials, None for a set metric, which has no value per trial.
    """
    change = found.change or 0.0
    gain = change if found.direction == "higher" else -change
    moved = _moved(found, paired, changes(paired)) if paired else Moved()
    size, source = found.allowance.size, found.allowance.source
    allowed = f"{size:.4g} ({source})"
    beyond = f"moved further than the allowed {allowed}" if size else "no tolerance is stated"
    if gain < -size:
        return replace(found, moved=moved, verdict="worse", why=beyond)
    if gain > size:
        return replace(found, moved=moved, verdict="better", why=beyond)
    if moved.worse:
        return replace(found, moved=moved, verdict="inconclusive", why=_hidden(found, moved))
    why = "unmoved" if not change and not moved.better else f"within the allowed {allowed}"
    return replace(found, moved=moved, verdict="equivalent", why=why)


def _moved(found: Finding, paired: Paired, differences: Sequence[float]) -> Moved:
    sign = 1.0 if found.direction == "higher" else -1.0
    gains = [sign * difference for difference in differences]
    worst = min(range(len(gains)), key=lambda index: (gains[index], paired.trials[index].id))
    worse = sum(gain < -found.allowance.trial for gain in gains)
    better = sum(gain > found.allowance.trial for gain in gains)
    if not worse:
        return Moved(0, better)
    return Moved(worse, better, paired.trials[worst].id, differences[worst])


def _hidden(found: Finding, moved: Moved) -> str:
    return (
        f"the mean stays within the allowed {found.allowance.size:.4g}, but {moved.worse} of "
        f"{found.counts.both} trials got worse by more than {found.allowance.trial:.4g}, most of all "
        f"{moved.worst} ({moved.worst_change:+.4g})"
    )

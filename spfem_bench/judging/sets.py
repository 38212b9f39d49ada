"""Set metrics: a distance belongs to its whole set, so only equal sets of equal size are compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spfem_bench.judging.join import set_sizes
from spfem_bench.judging.model import Finding, Overlap
from spfem_bench.judging.regression import judge_regression
from spfem_bench.stages.reduce import AVERAGE
from spfem_metrics import Scored

if TYPE_CHECKING:
    from spfem_bench.judging.bundles import Bundle
    from spfem_bench.judging.tolerances import Tolerances

IDLE = "the baseline has no score"
"""Said where a metric does not apply (no true pair, ...): nothing is lost, and nothing is compared."""


def judge_sets(a: Bundle, b: Bundle, blank: Finding, overlap: Overlap, tolerances: Tolerances) -> Finding:
    """The finding on a set metric, from the stored scores, with n of both sides.

    Args:
        a: the baseline.
        b: the candidate.
        blank: the finding so far.
        overlap: of the plans.
        tolerances: how far the score may move.
    """
    one, two = (set_sizes(x, name, blank.metric) for x, name in ((a, blank.pair.a), (b, blank.pair.b)))
    sizes = {emotion: (one.get(emotion, 0), two.get(emotion, 0)) for emotion in sorted({*one, *two})}
    found = replace(blank, sets=sizes, notes=_slim(a, b, blank.metric))
    before = stored_score(a, found.pair.a, found.metric)
    after = stored_score(b, found.pair.b, found.metric)
    if before is None:
        return replace(found, why=IDLE, idle=True)
    if why := _unequal(found, overlap):
        return replace(found, why=why)
    if after is None:
        return replace(found, why="the candidate has no score")
    digest = a.columns[found.metric].signature.digest
    allowance = tolerances.allowance(found.metric, digest, before)
    return judge_regression(
        replace(found, a=before, b=after, change=after - before, allowance=allowance), None
    )


def stored_score(bundle: Bundle, system: str, metric: str) -> float | None:
    """The mean over emotions as the bundle's table has it, None without one."""
    row = next(row for row in bundle.board.systems if row.name == system)
    score = row.scores.get(metric, {}).get(AVERAGE)
    return score.outcome.value if score and isinstance(score.outcome, Scored) else None


def _unequal(found: Finding, overlap: Overlap) -> str:
    """Why two sets must not be compared, or an empty text."""
    if not overlap.reals:
        return "the real clips of the two runs differ"
    counts = found.counts
    if counts.lost or counts.gained or overlap.changed:
        return (
            "a distance of sets belongs to its clips, and they differ: "
            f"{counts.lost} lost, {counts.gained} gained, {len(overlap.changed)} changed"
        )
    unequal = [(emotion, n) for emotion, n in found.sets.items() if n[0] != n[1]]
    if not unequal:
        return ""
    emotion, (one, two) = unequal[0]
    return f"a distance of sets moves with n, and n differs ({emotion}: {one} against {two} vectors a side)"


def _slim(a: Bundle, b: Bundle, metric: str) -> tuple[str, ...]:
    slim = [side for side, bundle in (("baseline", a), ("candidate", b)) if metric in bundle.omitted]
    if not slim:
        return ()
    verb = "was" if len(slim) == 1 else "were"
    return (f"score as stored: the {' and the '.join(slim)} {verb} written without feature matrices",)

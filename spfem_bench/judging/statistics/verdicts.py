"""What may be said of one paired comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from numpy.typing import ArrayLike

from spfem_bench.judging.statistics.intervals import Estimate
from spfem_bench.judging.statistics.multiple import holm
from spfem_bench.judging.statistics.permutations import permutation
from spfem_bench.judging.statistics.samples import Sample
from spfem_bench.judging.statistics.types import Interval, Question, Verdict, VerdictName
from spfem_metrics import Direction
from spfem_metrics.errors import InputError


def equivalence_level(alpha: float) -> float:
    """The level of the interval on which a verdict of equivalence stands: ``1 - alpha / 5``, .99 for .05.

    Two tests at alpha would do with ``1 - 2 alpha``, were differences symmetric. But few speakers hide a long
    tail: with lognormal differences of 6 to 24 speakers the .90 interval lies within the margin for .09 to
    .14 of true differences as large as it, the .98 interval for up to .06, the .99 interval for up to .04.

    Args:
        alpha: chance of calling two systems equivalent that differ by the margin.
    """
    return 1 - alpha / 5


def equivalence(interval_at_90: Interval, margin: float) -> bool:
    """Whether two one-sided tests at 5% both find the difference within the margin (Schuirmann 1987).

    That is so where the 90% interval lies strictly between -margin and margin.

    Args:
        interval_at_90: of the difference, at a level of .9 (1 - 2 alpha for another alpha).
        margin: positive, in the values' unit.

    Returns:
        False where the interval is not reliable.

    Raises:
        InputError: the margin is not positive.
    """
    if not margin > 0:
        raise InputError(f"a margin must be positive, not {margin}")
    return interval_at_90.reliable and interval_at_90.within(margin)


def verdict(
    differences: ArrayLike,
    speakers: Sequence[str],
    *,
    direction: Direction,
    margin: float | None,
    question: Question,
    alpha: float = 0.05,
    seed: int = 0,
) -> Verdict:
    """The verdict on one hypothesis: how the candidate stands to the baseline.

    ``equivalent`` where `equivalence` holds at `equivalence_level`, also for a difference that is certain but
    smaller than the margin. ``better`` or ``worse`` where p <= alpha and the reliable interval at 1 - alpha
    leaves out 0: the two rest on other assumptions (symmetry of differences; a mean of many), and a finding
    stands on both. Else ``inconclusive``, with the reason.

    p is of the permutation over speakers for ``any-actors``, of the resampled clips for ``these-actors``.

    Args:
        differences: (N,) finite, candidate minus baseline on the same trials.
        speakers: (N,) the speaker of each.
        direction: whether higher or lower values are better.
        margin: difference up to which the two count as the same, in the values' unit; None or 0 for none.
        question: whether speakers are given or drawn.
        alpha: chance of a false finding.
        seed: of the draws.

    Raises:
        InputError: as `interval`; the margin is negative.
    """
    estimate = Estimate(Sample.of(differences, speakers), question, seed=seed)
    if margin is not None and margin < 0:
        raise InputError(f"a margin must not be negative, as {margin} is")
    found = estimate.interval(1 - alpha)
    p, floor = _p(differences, speakers, estimate, seed)
    if margin and equivalence(estimate.interval(equivalence_level(alpha)), margin):
        return Verdict("equivalent", found, p, margin, "")
    name, note = _decide(found, p, alpha, direction, floor)
    return Verdict(name, found, p, margin, note)


def corrected(verdicts: Mapping[str, Verdict], alpha: float = 0.05) -> dict[str, Verdict]:
    """The verdicts of one table after Holm's correction over all of them.

    A finding whose adjusted p exceeds alpha becomes ``inconclusive``. ``equivalent`` stays: it is a claim of
    its own, each at its own alpha.

    Args:
        verdicts: by hypothesis, each alone.
        alpha: chance of any false finding.
    """
    adjusted = holm({name: found.p for name, found in verdicts.items()})
    return {name: _lowered(found, adjusted[name], alpha, len(verdicts)) for name, found in verdicts.items()}


def _lowered(found: Verdict, p: float, alpha: float, count: int) -> Verdict:
    if found.name in ("better", "worse") and p > alpha:
        note = f"p = {p:.3g} after Holm's correction over {count} hypotheses (alone {found.p:.3g})"
        return replace(found, name="inconclusive", p=p, note=note)
    return replace(found, p=p)


def _p(differences: ArrayLike, speakers: Sequence[str], estimate: Estimate, seed: int) -> tuple[float, str]:
    """The p-value, and what it cannot say."""
    if estimate.question == "these-actors":
        return estimate.p(), ""
    found = permutation(differences, speakers, seed=seed)
    return found.p, f"{len(estimate.sample.groups)} speakers allow no p under {found.smallest_p:.3g}"


def _decide(
    found: Interval, p: float, alpha: float, direction: Direction, floor: str
) -> tuple[VerdictName, str]:
    if not found.reliable:
        return "inconclusive", found.note
    up, down = found.above(0.0), found.below(0.0)
    if p <= alpha and (up or down):
        return ("better" if up == (direction == "higher") else "worse"), ""
    if p > alpha and (up or down):
        return "inconclusive", f"the interval leaves out 0, but p = {p:.3g}" + (floor and f": {floor}")
    return "inconclusive", "the interval holds 0"

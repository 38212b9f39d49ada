"""Mode ``superiority``: would the difference hold for other clips of these speakers, or for others?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from spfem_bench.judging.join import pair_rows
from spfem_bench.judging.model import Finding, Inference, Overlap
from spfem_bench.judging.scores import changes
from spfem_bench.judging.statistics import Verdict, corrected, verdict

if TYPE_CHECKING:
    from spfem_bench.judging.bundles import Bundle
    from spfem_bench.judging.compare import Options
    from spfem_metrics import Direction

_SETS = "the mean over emotions of a distance of sets has no interval here: use mode regression"


def judge_superiority(
    a: Bundle, b: Bundle, findings: Sequence[Finding], overlap: Overlap, asked: Options
) -> list[Finding]:
    """The findings with verdicts on a population instead of these very trials.

    Holm's correction runs over every tested model and metric of the table. What is not comparable stays so;
    bounds keep their verdict, as they are controls and no hypotheses.

    Args:
        a: the baseline.
        b: the candidate.
        findings: in mode ``regression``.
        overlap: of the plans.
        asked: question, error rate and seed; tolerances are the margins of equivalence.
    """
    tested = {
        index: _verdict(a, b, found, overlap, asked)
        for index, found in enumerate(findings)
        if found.pair.role == "model" and found.verdict != "not comparable" and not found.sets
    }
    final = corrected({str(index): alone for index, alone in tested.items()}, asked.alpha)
    return [_judged(found, tested.get(i), final.get(str(i))) for i, found in enumerate(findings)]


def _verdict(a: Bundle, b: Bundle, found: Finding, overlap: Overlap, asked: Options) -> Verdict:
    paired = pair_rows(a, b, found.pair, found.metric, overlap)
    return verdict(
        changes(paired),
        [trial.speaker for trial in paired.trials],
        direction=cast("Direction", found.direction),
        margin=found.allowance.size or None,
        question=asked.question,
        alpha=asked.alpha,
        seed=asked.seed,
    )


def _judged(found: Finding, alone: Verdict | None, final: Verdict | None) -> Finding:
    if alone is None or final is None:
        of_sets = found.pair.role == "model" and found.verdict != "not comparable"
        return replace(found, verdict="inconclusive", why=_SETS) if of_sets else found
    seen = alone.interval
    inference = Inference(seen.low, seen.high, seen.level, seen.method, seen.clusters, alone.p, final.p)
    return replace(found, verdict=final.name, why=final.note or _clause(inference), inference=inference)


def _clause(inference: Inference) -> str:
    return f"p = {inference.adjusted:.3g} after Holm's correction, over {inference.speakers} speakers"

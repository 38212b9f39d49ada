"""Two bundles in, one comparison out: the function that table, PR comment and exit code all call."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from spfem_bench.errors import UsageError
from spfem_bench.judging.controls import controlled
from spfem_bench.judging.join import Paired, join_trials, pair_rows, pair_systems, refuse_foreign
from spfem_bench.judging.model import Comparison, Finding, Inputs, Mode, Overlap, Pair, Question
from spfem_bench.judging.regression import judge_regression
from spfem_bench.judging.scores import emotion_mean, score_change
from spfem_bench.judging.sets import IDLE, judge_sets, stored_score
from spfem_bench.judging.tolerances import Tolerances
from spfem_bench.tables.merge import difference

if TYPE_CHECKING:
    from spfem_bench.judging.bundles import Bundle
    from spfem_bench.tables.model import Column


_JOINED = (
    "trials were joined by id and labels: the clips are rendered from one recipe, but maybe on two machines",
)


@dataclass(frozen=True)
class Options:
    """What is asked of a comparison.

    Args:
        mode: ``regression``: did these very numbers move further than they may; ``superiority``: would the
            difference hold for other clips of these speakers, or for other speakers.
        pairs: system of the baseline -> system of the candidate; by name when empty.
        metrics: to compare, all when empty.
        tolerances: how far numbers may move; in mode ``superiority`` the margin of equivalence.
        question: of mode ``superiority``.
        alpha: error rate of mode ``superiority``, held over the whole table by Holm's correction.
        seed: of what the statistics draw.
        inputs: how trials are joined, see `join_trials`.
    """

    mode: Mode = "regression"
    pairs: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[str] = ()
    tolerances: Tolerances = field(default_factory=Tolerances)
    question: Question = "any-actors"
    alpha: float = 0.05
    seed: int = 0
    inputs: Inputs = "identical"


def compare(a: Bundle, b: Bundle, options: Options | None = None) -> Comparison:
    """Compare a candidate with a baseline, on the trials that both have.

    Pure: nothing is read or written, and the order of rows, the folders' names and further systems move no
    number. Swapping the bundles mirrors every verdict where tolerances are no shares of the baseline.

    Args:
        a: the baseline.
        b: the candidate.
        options: what is asked.

    Raises:
        NotComparableError: no common ground: a stamped bundle, another dataset or protocol, no trial or model
            in common.
        UsageError: an option names what is not there.
    """
    asked = options or Options()
    refuse_foreign(a, b, claim=asked.mode == "superiority")
    overlap = join_trials(a, b, asked.inputs)
    pairs = pair_systems(a, b, asked.pairs)
    names = _metrics(a, asked.metrics)
    findings = [_finding(a, b, pair, name, overlap, asked) for pair in pairs for name in names]
    if asked.mode == "superiority":
        from spfem_bench.judging.superiority import judge_superiority

        findings = judge_superiority(a, b, findings, overlap, asked)
    taken_a, taken_b = {pair.a for pair in pairs}, {pair.b for pair in pairs}
    return Comparison(
        a=f"{a.path.name} ({a.board.title})",
        b=f"{b.path.name} ({b.board.title})",
        mode=asked.mode,
        question=asked.question,
        alpha=asked.alpha,
        overlap=overlap,
        findings=controlled(findings, same_seed=_asked(a, "seed") == _asked(b, "seed")),
        missing=[] if asked.pairs else [name for name in a.models if name not in taken_a],
        new=[] if asked.pairs else [name for name in b.models if name not in taken_b],
        new_metrics=[name for name in b.columns if name not in a.columns],
        notes=[*_notes(a, b), *(_JOINED if asked.inputs == "rendered" else ())],
    )


def _metrics(a: Bundle, asked: Sequence[str]) -> list[str]:
    """In the baseline's order; what only the candidate measures has nothing to be compared with."""
    unknown = [name for name in asked if name not in a.columns]
    if unknown:
        known = ", ".join(a.columns)
        raise UsageError(f"{a.path} does not measure '{unknown[0]}': there are {known}")
    return [name for name in a.columns if not asked or name in asked]


def _finding(a: Bundle, b: Bundle, pair: Pair, metric: str, overlap: Overlap, asked: Options) -> Finding:
    column, other = a.columns[metric], b.columns.get(metric)
    if other is None:
        alone = pair_rows(a, a, Pair(pair.a, pair.a, pair.role), metric, overlap)
        return replace(_blank(pair, column, alone), why="the candidate does not measure it")
    paired = pair_rows(a, b, pair, metric, overlap)
    blank = _blank(pair, column, paired)
    one, two = column.signature.line, other.signature.line
    if one != two:
        return replace(blank, why=f"defined differently: {difference(one, two)}")
    if column.info.of_sets or not paired.valued:
        return judge_sets(a, b, blank, overlap, asked.tolerances)
    if not paired.trials and not paired.counts.lost:
        return replace(blank, why=IDLE, idle=True)
    if not paired.trials:
        return replace(blank, why="no trial has a score on both sides")
    before, after = emotion_mean(paired.trials, paired.a), emotion_mean(paired.trials, paired.b)
    scored = replace(blank, a=before, b=after, change=score_change(paired))
    scored = _as_reduced(a, b, scored, overlap)
    allowance = asked.tolerances.allowance(metric, column.signature.digest, scored.a)
    return judge_regression(replace(scored, allowance=allowance), paired)


def _as_reduced(a: Bundle, b: Bundle, scored: Finding, overlap: Overlap) -> Finding:
    """The finding on the stored scores, where the metric makes another number of its trials than their mean.

    Without the metric's code they cannot be had for some of the trials; then the mean stands.
    """
    one, two = stored_score(a, scored.pair.a, scored.metric), stored_score(b, scored.pair.b, scored.metric)
    partial = scored.counts.lost or scored.counts.gained or overlap.changed
    if partial or one is None or two is None or (_close(one, scored.a) and _close(two, scored.b)):
        return scored
    note = "the score as stored, which is not the mean over emotions of the mean over trials"
    return replace(scored, a=one, b=two, change=two - one, notes=(*scored.notes, note))


def _close(one: float, two: float | None) -> bool:
    return two is not None and math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-12)


def _blank(pair: Pair, column: Column, paired: Paired) -> Finding:
    info = column.info
    return Finding(
        pair=pair,
        metric=info.name,
        label=info.label,
        unit=info.unit,
        direction=info.direction,
        signature=column.signature.line,
        verdict="not comparable",
        why="",
        counts=paired.counts,
    )


def _asked(bundle: Bundle, key: str) -> object:
    return bundle.spec["asked"].get(key)


def _notes(a: Bundle, b: Bundle) -> Iterator[str]:
    """Circumstances that may explain a difference; none of them is a definition."""
    pairs = {key: (_asked(a, key), _asked(b, key)) for key in ("seed", "device", "threads")}
    said = [f"{key} {one} against {two}" for key, (one, two) in pairs.items() if one != two]
    if said:
        yield f"the runs were asked for differently: {', '.join(said)}"
    code = [part for part in ("generating", "extraction", "metrics") if _differ(a, b, part)]
    if code:
        yield f"the code of {' and '.join(code)} differs"


def _differ(a: Bundle, b: Bundle, part: str) -> bool:
    one, two = a.spec.get("code", {}), b.spec.get("code", {})
    return bool(one.get(part) != two.get(part))

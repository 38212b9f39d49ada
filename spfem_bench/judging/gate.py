"""From a comparison to pass or fail, with the documented exit code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from spfem_bench.errors import ExitCode, UsageError
from spfem_bench.judging.model import Comparison, Finding

FailOn = Literal["worse", "inconclusive"]


@dataclass(frozen=True)
class Policy:
    """What a gate asks for.

    Args:
        fail_on: ``inconclusive`` fails for those too.
        max_lost: largest share of the trials scored in the baseline that may have no score in the candidate.
        require: metrics that must be better (of every model); for claims.
    """

    fail_on: FailOn = "worse"
    max_lost: float = 0.0
    require: Sequence[str] = ()


@dataclass(frozen=True)
class Fault:
    """One reason not to pass.

    Args:
        code: the exit code of this reason.
        text: what and where, in a sentence.
    """

    code: ExitCode
    text: str


@dataclass(frozen=True)
class Decision:
    """What a gate decided.

    Args:
        faults: every reason not to pass; the gate passes where there is none.
        compared: how many findings had a verdict.
        comparison: it was decided on.
    """

    faults: Sequence[Fault]
    compared: int
    comparison: Comparison

    @property
    def passed(self) -> bool:
        """Whether there is no reason not to."""
        return not self.faults

    @property
    def code(self) -> ExitCode:
        """Of the weightiest reason: a regression is a finding, what is missing only leaves one open."""
        order = (ExitCode.REGRESSION, ExitCode.INCOMPLETE, ExitCode.NOT_COMPARABLE)
        codes = {fault.code for fault in self.faults}
        return next((code for code in order if code in codes), ExitCode.OK)

    @property
    def headline(self) -> str:
        """Pass or fail in a sentence."""
        if self.passed:
            worded = "metric" if self.compared == 1 else "metrics"
            return f"gate passed: {self.compared} {worded} compared"
        first = next(fault for fault in self.faults if fault.code == self.code)
        more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
        return f"gate failed, exit code {int(self.code)}: {first.text}{more}"


def decide(comparison: Comparison, policy: Policy | None = None) -> Decision:
    """Pass or fail.

    Passing needs at least one verdict on a model, and none of: worse, a model or metric of the baseline that
    is not there or not comparable, more lost trials than allowed.

    Args:
        comparison: from `spfem_bench.judging.compare.compare`.
        policy: what is asked for.

    Raises:
        UsageError: a required metric is not in the comparison.
    """
    asked = policy or Policy()
    compared = [f for f in comparison.models if f.verdict != "not comparable"]
    faults = [*_faults(comparison, asked)]
    if not compared and not faults:
        faults.append(Fault(ExitCode.NOT_COMPARABLE, f"nothing was compared: {_why_nothing(comparison)}"))
    return Decision(faults, len(compared), comparison)


def _why_nothing(comparison: Comparison) -> str:
    reasons = dict.fromkeys(finding.why for finding in comparison.models)
    return "; ".join(reasons) or "the baseline has no metric"


def _faults(comparison: Comparison, asked: Policy) -> Iterator[Fault]:
    known = {finding.metric for finding in comparison.models}
    for name in asked.require:
        if name not in known:
            raise UsageError(
                f"--require {name}: there is no such metric; there are {', '.join(sorted(known))}"
            )
    for name in comparison.missing:
        text = f"the candidate has no model {name}; name its counterpart, --pair {name}=CANDIDATE"
        yield Fault(ExitCode.NOT_COMPARABLE, text)
    for finding in comparison.models:
        yield from _of(finding, asked, comparison)


def _of(found: Finding, asked: Policy, comparison: Comparison) -> Iterator[Fault]:
    where = f"{found.metric} of {found.pair.name}"
    if found.counts.lost_share > asked.max_lost:
        yield Fault(ExitCode.INCOMPLETE, f"{where}: {lost_words(found, comparison)}")
    if found.verdict == "not comparable" and not found.idle:
        yield Fault(ExitCode.NOT_COMPARABLE, f"{where} is not comparable: {found.why}")
    if found.verdict == "worse":
        yield Fault(ExitCode.REGRESSION, f"{where} is worse: {change_words(found)}; {found.why}")
    elif found.verdict == "inconclusive" and asked.fail_on == "inconclusive":
        yield Fault(ExitCode.REGRESSION, f"{where} is inconclusive: {found.why}")
    elif found.metric in asked.require and found.verdict not in ("better", "not comparable"):
        yield Fault(
            ExitCode.REGRESSION, f"{where} is required to be better and is {found.verdict}: {found.why}"
        )


def change_words(found: Finding) -> str:
    """``0.81 -> 0.62 (-0.19 cosine)``."""
    if found.a is None or found.b is None or found.change is None:
        return "no numbers"
    return f"{found.a:.4g} -> {found.b:.4g} ({found.change:+.4g} {found.unit})"


def lost_words(found: Finding, comparison: Comparison) -> str:
    """How many trials lost their score, and where they went."""
    counts, overlap = found.counts, comparison.overlap
    causes = {
        "not in the candidate": len(overlap.only_a),
        "of other clips": len(overlap.changed),
        "failed": counts.failed_b,
        "unscored": counts.unscored_b,
    }
    said = ", ".join(f"{count} {cause}" for cause, count in causes.items() if count)
    before = counts.both + counts.lost
    return f"{counts.lost} of {before} trials that the baseline scored have no score now ({said})"

"""What a comparison of two bundles found, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

VerdictName = Literal["better", "worse", "equivalent", "inconclusive", "not comparable"]
Mode = Literal["regression", "superiority"]
Question = Literal["these-actors", "any-actors"]
Inputs = Literal["identical", "rendered"]


@dataclass(frozen=True)
class Pair:
    """A system of the baseline with the one of the candidate it is compared with.

    Args:
        a: name in the baseline.
        b: name in the candidate.
        role: ``model``, or ``bound``: the harness's own output, which tells whether the measurement moved.
    """

    a: str
    b: str
    role: str

    @property
    def name(self) -> str:
        """One name where both are the same, else ``a -> b``."""
        return self.a if self.a == self.b else f"{self.a} -> {self.b}"


@dataclass(frozen=True)
class Overlap:
    """How the two plans join.

    Args:
        matched: trials with the same id, labels and, unless clips were rendered anew, digests of their clips.
        only_a: in the baseline only.
        only_b: in the candidate only.
        changed: of the same id, but of other clips or labels; never compared.
        reals: whether both have the same real clips.
    """

    matched: Sequence[str]
    only_a: Sequence[str]
    only_b: Sequence[str]
    changed: Sequence[str]
    reals: bool


@dataclass(frozen=True)
class Counts:
    """What came of one metric's trials on both sides.

    Args:
        both: scored on both: what is compared.
        lost: scored in the baseline only, including its trials that the candidate does not have.
        gained: scored in the candidate only, likewise.
        neither: matched, scored on neither side.
        unscored_a: matched trials that the baseline could not score.
        failed_a: matched trials that broke in the baseline.
        unscored_b: the same of the candidate.
        failed_b: the same of the candidate.
    """

    both: int
    lost: int
    gained: int
    neither: int
    unscored_a: int = 0
    failed_a: int = 0
    unscored_b: int = 0
    failed_b: int = 0

    @property
    def lost_share(self) -> float:
        """Lost trials as a share of those that the baseline scored; 0 where it scored none."""
        before = self.both + self.lost
        return self.lost / before if before else 0.0


@dataclass(frozen=True)
class Allowance:
    """How far a number may move before it counts, in the metric's unit.

    Args:
        size: of the score.
        source: what asked for it; the largest of all sources counts.
        trial: of a single trial.
    """

    size: float = 0.0
    source: str = "none stated"
    trial: float = 0.0


@dataclass(frozen=True)
class Moved:
    """Single trials that moved further than a single trial may.

    Args:
        worse: how many got worse.
        better: how many got better.
        worst: id of the trial that lost most, empty where none got worse.
        worst_change: its change, candidate less baseline, in the metric's unit.
    """

    worse: int = 0
    better: int = 0
    worst: str = ""
    worst_change: float = 0.0


@dataclass(frozen=True)
class Inference:
    """What the population statistics say of one difference, candidate less baseline.

    Args:
        low: lower end of the interval, None where none can be given.
        high: upper end.
        level: of the interval.
        method: how it was made.
        speakers: clusters.
        p: of no difference, two-sided; None where no test can be made.
        adjusted: the same after Holm's correction over the table.
    """

    low: float | None
    high: float | None
    level: float
    method: str
    speakers: int
    p: float | None
    adjusted: float | None = None


@dataclass(frozen=True)
class Finding:
    """One metric of one pair of systems.

    Args:
        pair: of systems.
        metric: its name.
        label: column head.
        unit: of its values.
        direction: which way is better.
        signature: the definition in the baseline, as one line.
        verdict: on the candidate.
        why: the clause that decided.
        counts: of trials.
        a: the baseline's score over the compared trials (mean over emotions), None without any.
        b: the candidate's.
        change: b - a.
        allowance: how far it may move.
        moved: single trials.
        sets: for a set metric, emotion -> (n of the baseline, n of the candidate), vectors a side.
        inference: in mode ``superiority``.
        notes: what a reader must know beside it.
        idle: whether the baseline has no score, so that there is nothing to hold the candidate against.
    """

    pair: Pair
    metric: str
    label: str
    unit: str
    direction: str
    signature: str
    verdict: VerdictName
    why: str
    counts: Counts
    a: float | None = None
    b: float | None = None
    change: float | None = None
    allowance: Allowance = field(default_factory=Allowance)
    moved: Moved = field(default_factory=Moved)
    sets: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    inference: Inference | None = None
    notes: Sequence[str] = ()
    idle: bool = False


@dataclass(frozen=True)
class Comparison:
    """Two bundles, compared.

    Args:
        a: the baseline, in words.
        b: the candidate, in words.
        mode: which question was asked.
        question: of mode ``superiority``: these actors or any actors.
        alpha: error rate of mode ``superiority``, over the whole table.
        overlap: of the plans.
        findings: by pair, then in the baseline's order of metrics.
        missing: models of the baseline that the candidate does not have.
        new: models of the candidate that the baseline does not have.
        new_metrics: measured by the candidate only.
        notes: on the comparison as a whole.
    """

    a: str
    b: str
    mode: Mode
    question: Question
    alpha: float
    overlap: Overlap
    findings: Sequence[Finding]
    missing: Sequence[str] = ()
    new: Sequence[str] = ()
    new_metrics: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def models(self) -> list[Finding]:
        """Findings on the systems under test."""
        return [finding for finding in self.findings if finding.pair.role == "model"]

    @property
    def bounds(self) -> list[Finding]:
        """Findings on the harness's own outputs."""
        return [finding for finding in self.findings if finding.pair.role == "bound"]

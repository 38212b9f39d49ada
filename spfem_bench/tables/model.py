"""A leaderboard as plain data, made by the reduce stage and drawn by the renderers beside this file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spfem_metrics import MetricInfo, Score, Signature


@dataclass(frozen=True)
class Column:
    """One metric of a table: what it is and the definition its numbers travel with."""

    info: MetricInfo
    signature: Signature


@dataclass(frozen=True)
class SystemRow:
    """One model's or bound's scores.

    Args:
        name: as shown.
        role: ``model`` or ``bound``; bounds are drawn apart as floor and ceiling.
        scores: metric name -> emotion -> score; the emotion ``average`` is the plain mean over emotions.
        generated: trials with an output.
        trials: trials planned.
        failures: reason -> count, for trials without an output.
    """

    name: str
    role: str
    scores: Mapping[str, Mapping[str, Score]]
    generated: int
    trials: int
    failures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Leaderboard:
    """A table with everything that must be printed beside its numbers.

    Args:
        title: e.g. ``portable-v1 on folder, spfem/cross-id@1``.
        emotions: in order, without ``average``.
        columns: in order.
        systems: in order of appearance.
        footer: sentences: protocol rules, dataset digest, stamps such as ``not a result``.
        reasons: metric name -> reason -> count over all systems, of rows without a reading.
        trials_digest: of the trials and their inputs; leaderboards with different digests are never merged.
            Empty where unknown.
        certificates: metric name -> what its certificate on this kind of data says; empty where none is of
            any of these definitions.
    """

    title: str
    emotions: Sequence[str]
    columns: Sequence[Column]
    systems: Sequence[SystemRow]
    footer: Sequence[str] = ()
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    trials_digest: str = ""
    certificates: Mapping[str, str] = field(default_factory=dict)

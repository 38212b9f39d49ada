"""A leaderboard as plain data, made by the reduce stage and drawn by the renderers beside this file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spfem_baselines import Space
from spfem_metrics import Direction, MetricInfo, Score, Signature


@dataclass(frozen=True)
class Column:
    """One metric of a table: what it is and the definition its numbers travel with."""

    info: MetricInfo
    signature: Signature


@dataclass(frozen=True)
class TrialValue:
    """One trial's value of one metric, in the metric's unit."""

    trial: str
    speaker: str
    value: float


@dataclass(frozen=True)
class TimeNote:
    """Where a system's outputs depart from their sources in time.

    Args:
        frames: source frames that the outputs stand for.
        due: frames of the sources.
        rates: frames per second, as a number in words -> outputs of that rate.
    """

    frames: int
    due: int
    rates: Mapping[str, int]


@dataclass(frozen=True)
class PictureNote:
    """Where a system's outputs show other pictures than their sources' whole frames.

    Args:
        spaces: ``crop`` or ``aligned-crop`` -> outputs that are one.
        aspects: sizes of another aspect ratio, as ``256x256 for 640x480`` -> outputs that are said to show
            the whole frame in it.
    """

    spaces: Mapping[Space, int]
    aspects: Mapping[str, int]


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
        values: metric name -> values of its scored trials, where the rows were read; none of set metrics.
        time: where its outputs leave source frames out or have another rate; None where they do neither.
        picture: where its outputs are crops or have another aspect ratio; None where they are neither.
        notes: what its adapter says beside its numbers.
    """

    name: str
    role: str
    scores: Mapping[str, Mapping[str, Score]]
    generated: int
    trials: int
    failures: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, Sequence[TrialValue]] = field(default_factory=dict)
    time: TimeNote | None = None
    picture: PictureNote | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Place:
    """Where one model stands in a column.

    Args:
        low: best rank it may have, from 1.
        high: worst rank it may have.
        ties: numbers of the groups it belongs to; models of one group are not told apart.
    """

    low: int
    high: int
    ties: tuple[int, ...]


@dataclass(frozen=True)
class Standing:
    """Which models of a column can be told apart.

    Args:
        places: by model.
        basis: how pairs were compared, for the note below the table.
        note: what limits it, else empty.
    """

    places: Mapping[str, Place]
    basis: str
    note: str = ""


@dataclass(frozen=True)
class PublishedColumn:
    """A metric of a published table: its printed name, which way is better, and the id of its definition."""

    label: str
    direction: Direction
    definition: str


@dataclass(frozen=True)
class PublishedRow:
    """One method's printed numbers: metric label -> emotion, or ``average`` -> number."""

    model: str
    cells: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Published:
    """A published table, drawn apart: its numbers are of other definitions and were not measured here.

    Args:
        name: ``work/table``.
        source: where it was printed, in a sentence.
        decimals: of the printed numbers.
        emotions: in order, without ``average``.
        columns: in order.
        rows: in order.
        notes: what contradicts itself, and what else must be said.
    """

    name: str
    source: str
    decimals: int
    emotions: Sequence[str]
    columns: Sequence[PublishedColumn]
    rows: Sequence[PublishedRow]
    notes: Sequence[str] = ()


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
    standings: Mapping[str, Standing] = field(default_factory=dict)
    published: Sequence[Published] = ()

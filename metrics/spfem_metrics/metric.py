"""The metric contract: features of a trial -> row; rows -> score.

A metric is a small frozen object. ``observe`` sees one trial and knows nothing of the others; ``reduce``
sees rows only, sorted by id, and works in float64, so that workers, shards and resumes cannot move a digit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import InputError
from spfem_metrics.extractor import Arrays, ClipFeatures
from spfem_metrics.outcome import Failed, Outcome, Unscored
from spfem_metrics.signature import Signature

Direction = Literal["higher", "lower"]
Side = Literal["output", "source", "truth", "reference"]
"""Which clip of a trial: the one under test, the one it was made from, its true pair, the emotion's giver."""


@dataclass(frozen=True, slots=True)
class Need:
    """An extractor's arrays of one side of a trial. A pair extractor compares the output with ``side``."""

    side: Side
    extractor: str


@dataclass(frozen=True)
class MetricInfo:
    """What a metric is, apart from its arithmetic.

    Args:
        name: kebab-case, unique in a suite.
        label: a short column header.
        version: raised whenever the same inputs would give another number.
        direction: which way is better.
        unit: of the value, e.g. ``cosine``, ``dB``, ``share``, ``inter-ocular``.
        bounds: lowest and highest possible value (may be infinite).
        needs: what `Metric.observe` reads.
        about: one paragraph: what it tells, what it cannot, its source.
        order: the order expected among bounds, best first, e.g. ``("copy-source", "noise")``.
        of_sets: True where the score belongs to a set of clips (Fréchet, KID), not to a trial; such metrics
            also observe the protocol's real clips (``trial.side == "real"``).
        weak: why the number is weak evidence, printed with every table; empty where it is not.
        whole_frames: whether it compares whole pictures with those of another clip, place by place or as a
            set. An output that shows a crop of its source's frame then has no value: the harness gives none,
            and the metric is not asked.
    """

    name: str
    label: str
    version: int
    direction: Direction
    unit: str
    bounds: tuple[float, float]
    needs: tuple[Need, ...]
    about: str
    order: tuple[str, ...] = ()
    of_sets: bool = False
    weak: str = ""
    whole_frames: bool = False


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """What a metric may know of a trial: no file names, no model names.

    Args:
        id: the trial's or real clip's stable id.
        speaker: the person whose face is in the output.
        emotion: the target emotion, one of the dataset's labels.
        side: ``generated`` for a trial's output, ``real`` for a reference entry of the protocol.
        text: the prompt of a text-conditioned trial.
    """

    id: str
    speaker: str
    emotion: str
    side: Literal["generated", "real"] = "generated"
    text: str | None = None


@dataclass(frozen=True)
class Observation:
    """Everything a metric may read of one trial.

    Args:
        trial: its facts.
        sides: features of the trial's clips; a missing side has no such clip (a trial without a true pair).
        frame_map: (T,) int64, for each output frame the source frame it stands for.
        truth_map: (P, 2) int64 pairs (output frame, truth frame), empty without a true pair.
        pairs: arrays of pair extractors by (side, extractor).
    """

    trial: TrialFacts
    sides: Mapping[Side, ClipFeatures]
    frame_map: NDArray[np.int64]
    truth_map: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    pairs: Mapping[tuple[Side, str], Arrays] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """What a metric read of one trial.

    Args:
        value: the trial's own value, None for set metrics that have none.
        parts: further named scalars (sums, counts, sub-scores), all finite.
        matrix: (n, D) float32 features for set metrics, all finite.

    Raises:
        InputError: a number is NaN or infinite.
    """

    value: float | None
    parts: Mapping[str, float] = field(default_factory=dict)
    matrix: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise InputError(f"a reading's value is not finite ({self.value}); say Unscored(reason) instead")
        wrong = [name for name, part in self.parts.items() if not math.isfinite(part)]
        if wrong:
            raise InputError(f"a reading has parts that are not finite: {', '.join(wrong)}")
        if self.matrix is not None and not np.isfinite(self.matrix).all():
            raise InputError("a reading's matrix is not finite")


@dataclass(frozen=True)
class Row:
    """One trial's outcome for one metric: the unit that is stored, joined and reduced."""

    trial: TrialFacts
    outcome: Reading | Unscored | Failed


@dataclass(frozen=True)
class Score:
    """A number over many rows, with its coverage.

    Args:
        outcome: the number, or why there is none.
        scored: rows that gave a reading.
        total: rows that should have.
        half_width: half of the 95% interval, None where none can be given.
        interval: what the interval is, in words, e.g. ``t over 6 speakers, cluster-linearised``.
        notes: what a reader must know beside the number (n of a Fréchet distance, ...).
    """

    outcome: Outcome
    scored: int
    total: int
    half_width: float | None = None
    interval: str = ""
    notes: tuple[str, ...] = ()


@runtime_checkable
class Metric(Protocol):
    """A definition that can be observed per trial and reduced over rows."""

    @property
    def info(self) -> MetricInfo:
        """Name, direction, needs and the rest."""
        ...

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The line that names every choice.

        Args:
            definitions: extractor name -> its definition, for every extractor in `info`.needs.
        """
        ...

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's reading, or why there is none. Deterministic, without side effects."""
        ...

    def reduce(self, rows: Sequence[Row]) -> Score:
        """One score over rows of one group (one emotion), sorted by trial id; real rows included."""
        ...

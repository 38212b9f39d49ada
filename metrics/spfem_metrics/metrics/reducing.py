"""From rows to a score: the mean over trials, its coverage and its interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from spfem_metrics.functional.intervals import ClusterInterval, cluster_interval
from spfem_metrics.metric import Reading, Row, Score
from spfem_metrics.outcome import Failed, Scored, Unscored

_SHOWN = 3

NO_INTERVAL = "no interval:"
"""How a note begins that says why an interval was withheld."""


def mean_score(rows: Sequence[Row], notes: tuple[str, ...] = ()) -> Score:
    """The plain mean of the trials' values.

    The interval belongs to that mean and takes the speakers as the units in which people are drawn
    (`spfem_metrics.functional.cluster_interval`). Frames in which only the source showed a face (the parts
    ``frames`` and ``frames_missed`` of the readings) are counted in the notes. Real rows are left aside. The
    order of rows moves no digit.

    Args:
        rows: of one group.
        notes: handed on to the score.
    """
    generated = sorted((row for row in rows if row.trial.side == "generated"), key=lambda row: row.trial.id)
    values = speaker_values(generated)
    if not values:
        return Score(Unscored(common_reasons(generated)), 0, len(generated), notes=notes)
    found = cluster_interval([values])
    noted = (*notes, *missed_frames(generated), *interval_notes(found))
    mean, words = Scored(found.estimate), interval_words(found)
    return Score(mean, len(values), len(generated), found.half_width, words, noted)


def speaker_values(rows: Sequence[Row]) -> list[tuple[str, float]]:
    """(speaker, value) of every generated row that has a value of its own."""
    return [
        (row.trial.speaker, row.outcome.value)
        for row in rows
        if row.trial.side == "generated"
        and isinstance(row.outcome, Reading)
        and row.outcome.value is not None
    ]


def interval_words(found: ClusterInterval) -> str:
    """What an interval is; empty where there is none."""
    return "" if found.half_width is None else f"t over {found.clusters} speakers, cluster-linearised"


def interval_notes(found: ClusterInterval) -> tuple[str, ...]:
    """Why an interval was withheld, where a reader would expect one."""
    if not found.uneven:
        return ()
    return (
        f"{NO_INTERVAL} few of the {found.clusters} speakers hold most trials "
        f"(as if {found.effective:.1f} of equal weight)",
    )


def missed_frames(rows: Sequence[Row]) -> tuple[str, ...]:
    """A note on the frames that scored trials lost, where they lost any."""
    parts = [row.outcome.parts for row in rows if isinstance(row.outcome, Reading)]
    missed = round(math.fsum(part.get("frames_missed", 0.0) for part in parts))
    if not missed:
        return ()
    whole = missed + round(math.fsum(part.get("frames", 0.0) for part in parts))
    return (f"no face found in {missed} of {whole} frames whose source shows one; they are left out",)


def common_reasons(rows: Sequence[Row]) -> str:
    """Why rows gave no reading, the commonest reasons first with their counts."""
    counts = Counter(_reason(row) for row in rows if not isinstance(row.outcome, Reading))
    if not counts:
        return "no trials"
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{reason} ({count}x)" if count > 1 else reason for reason, count in ranked[:_SHOWN]]
    more = sum(count for _, count in ranked[_SHOWN:])
    return "; ".join([*shown, *([f"{more} more for other reasons"] if more else [])])


def _reason(row: Row) -> str:
    if isinstance(row.outcome, Unscored):
        return row.outcome.reason
    return row.outcome.error if isinstance(row.outcome, Failed) else ""

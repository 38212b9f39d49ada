"""Trials: what a protocol makes of a dataset. Plain data, sorted, with stable ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spfem_bench.datasets.records import ClipRecord


@dataclass(frozen=True)
class Trial:
    """One thing to generate and judge.

    Args:
        id: stable across runs and machines, safe as a file name part; results are joined by it.
        speaker: whose face the output shows.
        emotion: the target emotion.
        source: the clip whose words stay on the lips.
        reference: the clip that shows the target emotion, None in label-only protocols.
        text: a prompt, None elsewhere.
        truth: the true pair (same person, same words, target emotion), None where there is none.
        stranger: a real clip of another speaker for the random-speaker bound, None where there is none.
    """

    id: str
    speaker: str
    emotion: str
    source: ClipRecord
    reference: ClipRecord | None = None
    text: str | None = None
    truth: ClipRecord | None = None
    stranger: ClipRecord | None = None


@dataclass(frozen=True)
class RealEntry:
    """A real clip that set metrics compare outputs with, observed like a trial with ``side=real``."""

    id: str
    speaker: str
    emotion: str
    clip: ClipRecord


@dataclass(frozen=True)
class Plan:
    """All trials of one protocol on one dataset.

    Args:
        protocol: name and version, e.g. ``spfem/cross-id@1``.
        trials: sorted by id, ids unique.
        reals: sorted by id, ids unique.
        footer: the rules a table must print (which clips stand in for the unpublished list, ...).
        align: ``identity`` where source and truth are frame-aligned, ``dtw`` where audio decides.
        spec: the protocol file's content, frozen into the bundle.
    """

    protocol: str
    trials: Sequence[Trial]
    reals: Sequence[RealEntry]
    footer: Sequence[str] = ()
    align: str = "identity"
    spec: Mapping[str, object] = field(default_factory=dict)

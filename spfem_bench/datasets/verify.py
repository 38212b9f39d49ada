"""Check that a dataset's files are there, and on request that every one of them decodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from spfem_bench.datasets.digest import dataset_digest
from spfem_bench.datasets.gaps import expected_gaps
from spfem_bench.datasets.records import ClipRecord, Dataset
from spfem_bench.errors import ClipError


@dataclass(frozen=True)
class Problem:
    """A clip that cannot be used.

    Args:
        clip: its id.
        kind: ``missing``, ``empty`` or ``undecodable``.
        reason: one sentence.
    """

    clip: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What was found.

    Args:
        clips: number indexed.
        digest: of the records (`dataset_digest`).
        deep: whether clips were decoded; without, the fields from ``frames`` on are empty.
        problems: in the order of the clips.
        gaps: sentences on what a complete release has and this tree has not; no fault of a clip.
        frames: decoded frames in all.
        seconds: duration in all.
        rates: frames per second, written as a fraction -> clips.
        variable: clips whose frame times vary.
        silent: ids of clips without sound.
    """

    clips: int
    digest: str
    deep: bool
    problems: Sequence[Problem]
    gaps: Sequence[str]
    frames: int = 0
    seconds: Fraction = Fraction(0)
    rates: Mapping[str, int] = field(default_factory=dict)
    variable: Sequence[str] = ()
    silent: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        """Whether every indexed clip can be used, as far as was looked."""
        return not self.problems


@dataclass(frozen=True)
class _Seen:
    """One decoded clip."""

    id: str
    frames: int
    info: Any


def verify(
    dataset: Dataset,
    deep: bool = False,
    *,
    open_clip: Callable[..., Any] | None = None,
    on_clip: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check every clip of a dataset.

    Args:
        dataset: as indexed.
        deep: also decode every frame (streamed) and read the sound's header.
        open_clip: opens a clip for ``deep``; `spfem_bench.clips.open_clip` by default.
        on_clip: called with each clip's id after it was checked, for progress.
    """
    opener = (open_clip or _default_opener()) if deep else None
    problems: list[Problem] = []
    seen: list[_Seen] = []
    for record in dataset.records:
        found = _file_problem(dataset, record) or (_decode(dataset, record, opener) if opener else None)
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None:
            seen.append(found)
        on_clip(record.id)
    return Report(
        clips=len(dataset.records),
        digest=dataset_digest(dataset),
        deep=deep,
        problems=tuple(problems),
        gaps=tuple(expected_gaps(dataset)),
        frames=sum(clip.frames for clip in seen),
        seconds=sum((clip.info.duration for clip in seen), Fraction(0)),
        rates=dict(sorted(Counter(str(clip.info.fps) for clip in seen).items())),
        variable=tuple(clip.id for clip in seen if clip.info.variable),
        silent=tuple(clip.id for clip in seen if clip.info.audio is None),
    )


def _default_opener() -> Callable[..., Any]:
    from spfem_bench import clips

    opener: Callable[..., Any] = clips.open_clip
    return opener


def _file_problem(dataset: Dataset, record: ClipRecord) -> Problem | None:
    for path in filter(None, (dataset.file(record), dataset.audio_file(record))):
        kind = _kind_of_fault(path)
        if kind:
            return Problem(record.id, kind, f"{path} is {kind}")
    return None


def _kind_of_fault(path: Path) -> str | None:
    if not path.is_file():
        return "missing"
    return None if path.stat().st_size else "empty"


def _decode(dataset: Dataset, record: ClipRecord, opener: Callable[..., Any]) -> _Seen | Problem:
    try:
        clip = opener(dataset.file(record), audio_path=dataset.audio_file(record))
        frames = sum(len(batch.images) for batch in clip.batches())
    except ClipError as error:
        return Problem(record.id, "undecodable", str(error))
    if frames != clip.info.frame_count:
        said = f"{clip.path} says {clip.info.frame_count} frames and decodes to {frames}"
        return Problem(record.id, "undecodable", said)
    return _Seen(record.id, frames, clip.info)

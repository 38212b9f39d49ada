"""One trial made ready to be measured: its clips opened, their contents known, their frames matched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spfem_baselines import Space
from spfem_bench.clips import ContentDigest, open_clip
from spfem_bench.datasets import ClipRecord
from spfem_bench.errors import ClipError
from spfem_bench.protocols import RealEntry, Trial
from spfem_bench.stages.align import output_to_truth, truth_pairs
from spfem_bench.stages.features import Subject, ensure_content
from spfem_bench.stages.generate import Made
from spfem_bench.stages.workbench import Workbench
from spfem_metrics import Side, TrialFacts

NO_PAIRS: NDArray[np.int64] = np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class Scene:
    """A trial's clips and how their frames correspond.

    Args:
        facts: what metrics may know of the trial.
        subjects: the clips that could be opened, by side.
        contents: their digests.
        frame_map: (T,) source frame of each output frame.
        truth_map: (P, 2) pairs (output frame, truth frame).
        broken: sides that could not be opened or matched; only metrics that need them suffer.
        space: what of the source's frame the output shows.
    """

    facts: TrialFacts
    subjects: Mapping[Side, Subject]
    contents: Mapping[Side, ContentDigest]
    frame_map: NDArray[np.int64]
    truth_map: NDArray[np.int64]
    broken: Mapping[Side, ClipError] = field(default_factory=dict)
    space: Space = "frame"

    def frame_pairs(self, side: Side) -> NDArray[np.int64]:
        """(P, 2) frames of the output and of another side that show the same instant."""
        if side == "truth":
            return self.truth_map
        if side == "source" and side in self.subjects:
            return np.stack([np.arange(len(self.frame_map)), self.frame_map], axis=1)
        return NO_PAIRS


def trial_scene(bench: Workbench, facts: TrialFacts, trial: Trial, made: Made) -> Scene:
    """The scene of an output.

    Raises:
        ClipError: the output itself cannot be read.
        IntegrityError: its record is damaged.
    """
    clip = open_clip(made.clip)
    if clip.stored is None:
        raise ClipError(f"{made.clip} has lost its record: remove its folder from the cache and run again")
    output = Subject(clip, "", clip.stored.digest)
    given: dict[Side, ClipRecord | None] = {
        "source": trial.source,
        "truth": trial.truth,
        "reference": trial.reference,
    }
    sides = {need.side for metric in bench.built.metrics for need in metric.info.needs}
    records = {side: record for side, record in given.items() if record is not None and side in sides}
    found, broken = _open_all(bench, records)
    pairs = NO_PAIRS
    if "truth" in found:
        try:
            pairs = truth_pairs(bench, trial)
        except ClipError as error:
            broken["truth"] = error
    frame_map = clip.stored.source_frames
    subjects: dict[Side, Subject] = {"output": output, **{s: subject for s, (subject, _) in found.items()}}
    contents: dict[Side, ContentDigest] = {
        "output": clip.stored.digest,
        **{s: c for s, (_, c) in found.items()},
    }
    truth_map = output_to_truth(frame_map, pairs)
    return Scene(facts, subjects, contents, frame_map, truth_map, broken, clip.stored.space)


def real_scene(bench: Workbench, facts: TrialFacts, entry: RealEntry) -> Scene:
    """The scene of a real clip: it stands where an output would.

    Raises:
        ClipError: it cannot be read.
    """
    subject, content = _opened(bench, entry.clip)
    frames = np.arange(subject.clip.frame_count)
    return Scene(facts, {"output": subject}, {"output": content}, frames, NO_PAIRS)


def _open_all(
    bench: Workbench, records: Mapping[Side, ClipRecord]
) -> tuple[dict[Side, tuple[Subject, ContentDigest]], dict[Side, ClipError]]:
    found: dict[Side, tuple[Subject, ContentDigest]] = {}
    broken: dict[Side, ClipError] = {}
    for side, record in records.items():
        try:
            found[side] = _opened(bench, record)
        except ClipError as error:
            broken[side] = error
    return found, broken


def _opened(bench: Workbench, record: ClipRecord) -> tuple[Subject, ContentDigest]:
    """A dataset clip with its content, which is taken while its features are, where it was never read."""
    shelf = bench.library.open(record)
    subject = Subject(shelf.clip, shelf.file_digest, bench.library.content(shelf.file_digest))
    return subject, ensure_content(bench, subject, bench.extractors_of.get(record.id, ()))

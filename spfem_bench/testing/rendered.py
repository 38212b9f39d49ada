"""An adapter taken through the harness itself, on rendered people: stored, muxed and measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_baselines import Adapter
from spfem_baselines.bounds import copy_source
from spfem_bench.adapters import System
from spfem_bench.clips import Clip, open_clip
from spfem_bench.protocols import Trial
from spfem_bench.stages.batches import generate_all
from spfem_bench.stages.features import features
from spfem_bench.stages.generate import Generated, Made, generate
from spfem_bench.stages.measure import measure_trial
from spfem_bench.stages.scene import trial_scene
from spfem_bench.stages.spec import RunSpec
from spfem_bench.stages.workbench import Workbench, open_workbench
from spfem_bench.versions import code_of
from spfem_metrics import Reading, TrialFacts
from spfem_metrics.functional.images import ssim

TRIALS = 2
OFFSET = "sync-offset"
FACES = "faces"
"""What sync is measured on, so that it is there already."""
FARTHEST = 6
"""Frames by which a frame map is suspected to be off at most."""
CLEARLY = 0.5
"""A shift is believed where it leaves less than this share of the difference that the frame map leaves."""
_THUMB = 24


@dataclass(frozen=True)
class Shown:
    """One output beside its source.

    Args:
        trial: its id.
        similarity: mean SSIM to the source's frames by the frame map, None where sizes differ.
        shift: by how many frames the map is off, 0 where no shift explains the output clearly better.
        offset: of lips and sound, in frames at 25 per second; None where it could not be measured.
        offset_of_source: the source's own.
        faces: pictures whose source frame shows a face.
        faceless: those of them that show none.
    """

    trial: str
    similarity: float | None
    shift: int
    offset: float | None
    offset_of_source: float | None
    faces: int
    faceless: int


def rendered_run(adapter: Adapter, clips: Path, cache: Path) -> dict[str, Shown | str]:
    """Generate and measure two trials.

    Args:
        adapter: what is tried.
        clips: a rendered dataset.
        cache: of this run alone.

    Returns:
        Trial id -> what is seen, or why there is no output.
    """
    spec = RunSpec(
        dataset=f"synthetic:{clips}",
        protocol="open/cross-id@1",
        suite="synthetic-v1",
        adapters=(),
        cache=cache,
        metrics=(OFFSET,),
        limit=TRIALS,
        threads=1,
        bounds=False,
    )
    own = System(adapter.name, "model", adapter, code_of(type(adapter)))
    copy = System("source itself", "bound", copy_source())
    bench = replace(open_workbench(spec), systems=[own, copy])
    return {trial.id: _shown(bench, trial) for trial in bench.plan.trials}


def _shown(bench: Workbench, trial: Trial) -> Shown | str:
    own, copy = bench.systems
    made = generate_all(bench, own, [trial])[trial.id]
    if not isinstance(made, Made):
        return str(getattr(made, "error", None) or getattr(made, "reason", ""))
    source = bench.library.open(trial.source).clip
    output = open_clip(made.clip)
    stored = output.stored
    given = np.arange(output.frame_count) if stored is None else stored.source_frames
    offsets: Mapping[str, float | None] = {
        system.name: _offset(bench, system, trial) for system in (own, copy)
    }
    due = _found(bench, trial, generate(bench, copy, trial))[given]
    return Shown(
        trial.id,
        _similarity(output, source, given),
        shift_of(_thumbs(output), _thumbs(source), given),
        offsets[own.name],
        offsets[copy.name],
        faces=int(due.sum()),
        faceless=int((due & ~_found(bench, trial, made)).sum()),
    )


def _offset(bench: Workbench, system: System, trial: Trial) -> float | None:
    (row,) = measure_trial(bench, system.name, trial, generate(bench, system, trial))
    return row.row.outcome.value if isinstance(row.row.outcome, Reading) else None


def _similarity(output: Clip, source: Clip, given: NDArray[np.int64]) -> float | None:
    if output.size != source.size:
        return None
    pictures = np.concatenate(list(source.frames()))
    shown = (frame for chunk in output.frames() for frame in chunk)
    return float(np.mean([ssim(frame, pictures[at]) for frame, at in zip(shown, given, strict=True)]))


def _found(bench: Workbench, trial: Trial, made: Generated) -> NDArray[np.bool_]:
    """(T,) the frames of an output with a face, as the landmark network of the rendered judges sees it."""
    if not isinstance(made, Made):
        return np.zeros(0, np.bool_)
    facts = TrialFacts(trial.id, trial.speaker, trial.emotion, "generated", trial.text)
    scene = trial_scene(bench, facts, trial, made)
    read = features(bench, scene.subjects["output"], scene.contents["output"], [FACES])
    return np.asarray(read.arrays[FACES]["found"], np.bool_)


def _thumbs(clip: Clip) -> NDArray[np.float64]:
    """(T, P) gray miniatures, each frame less the clip's mean picture: what moves."""
    small = [
        cv2.resize(frame.mean(axis=2), (_THUMB, _THUMB), interpolation=cv2.INTER_AREA)
        for chunk in clip.frames()
        for frame in chunk
    ]
    flat = np.asarray(small, np.float64).reshape(len(small), -1)
    return np.asarray(flat - flat.mean(axis=0))


def shift_of(output: NDArray[np.float64], source: NDArray[np.float64], given: NDArray[np.int64]) -> int:
    """How many frames later than the map says an output shows its source; 0 without clear evidence.

    Args:
        output: (T, P) float64, what moves in the output.
        source: (S, P) float64, what moves in the source.
        given: (T,) the source frame of each output frame.

    Returns:
        The shift within `FARTHEST` frames that leaves the least mean absolute difference, where that is below
        `CLEARLY` times what no shift leaves: an edit of the face changes all of these alike.
    """
    left = {}
    for shift in range(-FARTHEST, FARTHEST + 1):
        at = given + shift
        inside = (at >= 0) & (at < len(source))
        if inside.sum() * 2 >= len(given):
            left[shift] = float(np.abs(output[inside] - source[at[inside]]).mean())
    best = min(left, key=lambda shift: (left[shift], abs(shift)))
    return best if left[best] < CLEARLY * left[0] else 0

"""Features of real clips and of their harmed copies, and trials made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from spfem_metrics.admission.pictures import Harm, Shot, blur, brightness, harmed, jpeg, read_shot
from spfem_metrics.errors import InputError
from spfem_metrics.extraction import extract, features
from spfem_metrics.extractor import ClipFeatures, Extractor
from spfem_metrics.metric import Metric, Observation, Reading, Row, Side, TrialFacts
from spfem_metrics.outcome import Scored, Unscored

LIMIT = 75
"""Frames read of each clip: three seconds at 25 fps."""

HARMS: Mapping[str, tuple[Harm, tuple[str, ...]]] = {
    "jpeg": (jpeg(40), ("faces",)),
    "jpeg-identity": (jpeg(40), ("faces", "identity")),
    "blur": (blur(2.0), ("faces",)),
    "flicker-1": (brightness(1.0), ("faces", "stability")),
    "flicker-4": (brightness(4.0), ("faces", "stability")),
}
"""Harm -> how it is done, and the extractors its tests need."""


@dataclass(frozen=True)
class Clip:
    """One real clip.

    Args:
        id: in the manifest.
        speaker: who is seen.
        expression: what a person sees, None where that is mild or mixed.
        talks: has audio.
        shot: its first frames.
    """

    id: str
    speaker: str
    expression: str | None
    talks: bool
    shot: Shot = field(repr=False)


@dataclass(frozen=True)
class Material:
    """Clips and the extractors of ``portable-v1``; features are computed on first use and kept.

    Args:
        clips: in the manifest's order.
        extractors: faces, identity, emotion, stability.
    """

    clips: Sequence[Clip]
    extractors: Mapping[str, Extractor]

    @cached_property
    def _kept(self) -> dict[tuple[str, str], ClipFeatures]:
        return {}

    def features(self, clip: Clip, harm: str = "") -> ClipFeatures:
        """Of the clip itself (all extractors) or of a harmed copy (those its tests need)."""
        key = (clip.id, harm)
        if key not in self._kept:
            shot = harmed(clip.shot, HARMS[harm][0]) if harm else clip.shot
            names = HARMS[harm][1] if harm else tuple(self.extractors)
            chosen = [self.extractors[name] for name in names]
            self._kept[key] = features(shot, extract(shot, chosen))
        return self._kept[key]

    def seen(self, clips: Sequence[Clip]) -> list[Clip]:
        """Those in which the face is found in at least half of the frames."""
        return [clip for clip in clips if self.features(clip)["faces"]["found"].mean() >= 0.5]

    @property
    def talking(self) -> list[Clip]:
        """Clips with audio and a face."""
        return self.seen([clip for clip in self.clips if clip.talks])

    @property
    def labelled(self) -> list[Clip]:
        """Clips whose expression a person could name."""
        return self.seen([clip for clip in self.clips if clip.expression])


def read_material(
    folder: Path,
    weights: Path,
    ids: Sequence[str] = (),
    *,
    without: Sequence[str] = (),
    device: str = "cpu",
    limit: int = LIMIT,
) -> Material:
    """Read a folder of real clips.

    Args:
        folder: holds ``clips.jsonl`` and the files it names.
        weights: holds the networks' files.
        ids: clips to read, all when empty.
        without: clips to leave out.
        device: a torch device.
        limit: frames read of each clip.

    Raises:
        InputError: an id is not in the manifest, or a clip cannot be decoded.
        WeightsError: a network's file is missing.
    """
    lines = (folder / "clips.jsonl").read_text("utf8").splitlines()
    entries = {entry["id"]: entry for entry in map(json.loads, lines)}
    unknown = sorted({*ids, *without} - entries.keys())
    if unknown:
        raise InputError(f"{folder / 'clips.jsonl'} has no clip {', '.join(unknown)}")
    chosen = [entry for name, entry in entries.items() if (not ids or name in ids) and name not in without]
    clips = [
        Clip(e["id"], e["speaker"], e["expression_seen"], e["audio"], read_shot(folder / e["file"], limit))
        for e in chosen
    ]
    return Material(clips, portable_extractors(weights, device))


def portable_extractors(weights: Path, device: str = "cpu") -> Mapping[str, Extractor]:
    """The extractors of the suite ``portable-v1``.

    Raises:
        WeightsError: a network's file is missing.
    """
    from spfem_metrics.faces.mediapipe import faces
    from spfem_metrics.faces.stability import stability
    from spfem_metrics.networks.mini_xception import emotion
    from spfem_metrics.networks.mobilefacenet import identity

    return {
        "faces": faces(weights={"model": weights / "face_landmarker.task"}, device=device),
        "identity": identity(weights={"model": weights / "mobilefacenet.pt"}, device=device),
        "emotion": emotion(weights={"model": weights / "fer2013_mini_xception_102.hdf5"}, device=device),
        "stability": stability(),
    }


def cut(clip: ClipFeatures, start: int, stop: int) -> ClipFeatures:
    """Frames ``start`` to ``stop`` as a clip of their own, its time starting at 0."""
    arrays = {name: {k: v[start:stop] for k, v in own.items()} for name, own in clip.arrays.items()}
    return replace(clip, times=clip.times[start:stop] - clip.times[start], arrays=arrays)


def trial(output: ClipFeatures, source: ClipFeatures, emotion: str = "happy") -> Observation:
    """A trial whose output claims to stand for the source frame by frame, cut to the shorter of the two."""
    count = min(len(output.times), len(source.times))
    sides: dict[Side, ClipFeatures] = {"output": cut(output, 0, count), "source": source}
    return Observation(TrialFacts("t", "s", emotion), sides, np.arange(count))


def shifted(clip: ClipFeatures, seconds: float) -> Observation:
    """A trial whose output runs ahead of its source by this time."""
    frames = round(seconds * clip.fps)
    return trial(cut(clip, frames, len(clip.times)), clip)


def value(metric: Metric, observation: Observation) -> float | None:
    """The metric's value of one trial, None where it has none."""
    reading = metric.observe(observation)
    return None if isinstance(reading, Unscored) else reading.value


def set_distance(metric: Metric, generated: ClipFeatures, real: ClipFeatures) -> float | None:
    """A set metric's score between two clips."""
    made = Row(TrialFacts("made", "a", "happy", "generated"), _observed(metric, generated))
    true = Row(TrialFacts("true", "b", "happy", "real"), _observed(metric, real))
    outcome = metric.reduce([made, true]).outcome
    return outcome.value if isinstance(outcome, Scored) else None


def _observed(metric: Metric, clip: ClipFeatures) -> Reading | Unscored:
    return metric.observe(trial(clip, clip))

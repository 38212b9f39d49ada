"""Material from a dataset of recorded clips: no true pairs, no known points.

Faces are found as the adapter finds them, so that training and use see the same crops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from spfem_baselines.backbone.crops import crop_place, cut
from spfem_baselines.linear import linear_shift
from spfem_baselines.placing import Follower
from spfem_bench.clips import Clip, open_clip
from spfem_bench.datasets.records import SPFEM_EMOTIONS, ClipRecord, Dataset
from spfem_bench.digest import digest_of
from spfem_bench.errors import DatasetError
from spfem_bench.progress import Progress
from spfem_bench.synthetic.draws import generator
from spfem_bench.training.backbone.material import RATE, SOUND, Material, Take, kept
from spfem_bench.training.backbone.recipe import Source

_VERSION = 1
"""Raised whenever the same clips would be cut otherwise."""


def recorded(dataset: Dataset, source: Source, side: int, work: Path, progress: Progress) -> Material:
    """The clips of a dataset that a recipe learns from, cut where they are not cut yet.

    Args:
        dataset: indexed.
        source: of the recipe: which clips, and how much of each.
        side: S of the crops.
        work: folder in which a folder for them is made.
        progress: told each clip.

    Raises:
        DatasetError: no clip fits, or an emotion is missing.
        StorageError: the folder cannot be written, or another process writes into it.
    """
    records = chosen(dataset, source)
    files = [(record.id, dataset.file(record).stat().st_size) for record in records]
    key = digest_of([_VERSION, dataset.name, files, asdict(source), side])[:12]
    place = work / f"backbone-{dataset.name}-{key}"
    return kept(place, partial(_takes, dataset, records, source, side), len(records), progress)


def chosen(dataset: Dataset, source: Source) -> list[ClipRecord]:
    """The clips of the seven emotions at the recipe's level, from the front, of all but those left out.

    Raises:
        DatasetError: there are none, or they show fewer than two emotions.
    """
    records = [record for record in dataset.records if _fits(record, source)]
    if len({record.emotion for record in records}) < 2:
        raise DatasetError(
            f"{dataset.root} has {len(records)} clips to learn from, and they do not show two emotions: "
            f"level {source.level}, leaving out {', '.join(source.leave_out) or 'nobody'}"
        )
    return records


def _fits(record: ClipRecord, source: Source) -> bool:
    seen = record.emotion in SPFEM_EMOTIONS and record.extra.get("view", "front") == "front"
    strong = record.emotion == "neutral" or record.intensity in (None, source.level)
    return seen and strong and record.speaker not in source.leave_out


def _takes(
    dataset: Dataset, records: Sequence[ClipRecord], source: Source, side: int
) -> Iterator[list[Take]]:
    speakers = sorted({record.speaker for record in records})
    for group, record in enumerate(records):
        clip = open_clip(dataset.file(record), audio_path=dataset.audio_file(record))
        yield [_take(clip, record, (speakers.index(record.speaker), group), source.frames, side)]


def _take(clip: Clip, record: ClipRecord, who: tuple[int, int], frames: int, side: int) -> Take:
    """A stretch of a clip from a drawn place, at 25 frames a second whatever its own rate."""
    instants = np.arange(int(clip.times[-1] * RATE) + 1) / RATE
    first = int(generator(who[1], 79).integers(max(0, len(instants) - frames) + 1))
    instants = instants[first : first + frames]
    wanted = np.searchsorted((clip.times[1:] + clip.times[:-1]) / 2, instants)
    follower, pictures = Follower(linear_shift().template), {}
    at, needed = int(wanted[0]), set(wanted.tolist())
    for chunk in clip.frames(at, int(wanted[-1]) + 1):
        for frame, found in zip(chunk, follower.follow(chunk), strict=True):
            if at in needed:
                pictures[at] = cut(frame, crop_place(found, side), side)
            at += 1
    samples, begin = clip.audio(SOUND), round(float(instants[0]) * SOUND)
    heard = np.zeros(0, np.float32) if samples is None else np.asarray(samples, np.float32)[begin:]
    length = len(instants) * SOUND // RATE
    sound = np.pad(heard[:length], (0, max(0, length - len(heard))))
    points = np.full((len(wanted), 68, 2), np.nan, np.float32)
    emotion = SPFEM_EMOTIONS.index(str(record.emotion))
    return Take(np.stack([pictures[int(i)] for i in wanted]), points, sound, *who, emotion)

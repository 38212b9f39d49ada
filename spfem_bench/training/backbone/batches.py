"""Batches for the backbone: whose clip, in which emotion, turned into which, told how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spfem_baselines.backbone.adapter import embedded
from spfem_baselines.backbone.hearing import around
from spfem_baselines.supervisors.speech import log_mel
from spfem_baselines.supervisors.sync import FRAMES
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.synthetic.captions import captions, person_words
from spfem_bench.synthetic.face.expressions import pattern
from spfem_bench.synthetic.people.identity import identity_of
from spfem_bench.training.backbone.material import RATE, Material
from spfem_bench.training.backbone.recipe import Kind, Schedule

Look = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""(R, S, S, 3) frames of a reference, and their (R, 68, 2) points."""

NEUTRAL = 0
_MOSTLY = 0.5
"""Share of sources that are neutral, as the sources of the field's protocols are."""
_WORDINGS = 40
"""Captions of each emotion that are drawn from."""
_PEOPLELESS = 4
"""The first captions of `captions` say nothing of the person."""


@dataclass(frozen=True)
class Batch:
    """One batch; clips (B, T, 3, S, S) in -1..1.

    Attributes:
        kind: where this step's styles come from.
        source: frames to be edited.
        emotion: (B,) int64 target.
        was: (B,) int64 emotion of the source.
        reference: (B, R, 3, S, S) frames of somebody else in the target emotion.
        sound: (B, T, 40, 16) log-mel energies around each frame.
        speech: (B, T - 4, 40, 16) those that begin with each five frames, as ``sync`` reads them; or (B, 0).
        points: (B, T, 68, 2) px of the source, NaN where unknown.
        reference_points: (B, R, 68, 2) px of the reference, NaN where unknown.
        truth: the true pair, where there is one.
        truth_points: (B, T, 68, 2) px of the true pair, where there is one.
        captions: B texts of the target emotion.
        told: (B, 96) their embeddings, where this step's styles come from texts.
    """

    kind: Kind
    source: torch.Tensor
    emotion: torch.Tensor
    was: torch.Tensor
    reference: torch.Tensor
    sound: torch.Tensor
    speech: torch.Tensor
    points: torch.Tensor
    reference_points: torch.Tensor
    truth: torch.Tensor | None
    truth_points: torch.Tensor | None
    captions: Sequence[str]
    told: torch.Tensor | None

    def to(self, device: str) -> Batch:
        """The same batch on a device."""
        if device == "cpu":
            return self
        moved: dict[str, Any] = {
            name: value.to(device) for name, value in vars(self).items() if isinstance(value, torch.Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class Sampler:
    """Makes batches.

    Args:
        material: clips.
        schedule: how much of them at a time.
        conditions: shares of the kinds of style.
        people: whom to draw from.
    """

    material: Material
    schedule: Schedule
    conditions: Mapping[Kind, float]
    people: NDArray[np.int64]

    def __call__(self, draw: np.random.Generator) -> Batch:
        """One batch from a stream of random numbers."""
        shares = np.array(list(self.conditions.values()))
        kind: Kind = list(self.conditions)[int(draw.choice(len(shares), p=shares / shares.sum()))]
        rows = [self._row(draw) for _ in range(self.schedule.batch)]
        texts = [str(draw.choice(self._captions[int(row["emotion"])])) for row in rows]
        told = torch.stack([self._embeddings[text] for text in texts]) if kind == "text" else None
        return batch_of(rows, kind, texts, told)

    def forever(self, seed: int, first: int = 0) -> Iterator[Batch]:
        """Endless batches; batch i is the same wherever one begins."""
        step = first
        while True:
            yield self(np.random.default_rng((seed, step)))
            step += 1

    def _row(self, draw: np.random.Generator) -> dict[str, Any]:
        """One clip of a batch."""
        clip = self._source(draw)
        emotion = int(draw.choice(list(self._here)))
        length = self.schedule.frames
        start = int(draw.integers(self.material.length(clip) - length + 1))
        return row_of(self.material, clip, emotion, (start, start + length), self._look(emotion, draw))

    def _source(self, draw: np.random.Generator) -> int:
        wanted = self._here.get(NEUTRAL)
        if wanted is None or draw.random() >= _MOSTLY:
            wanted = self._here[int(draw.choice(list(self._here)))]
        return int(draw.choice(wanted))

    def _look(self, emotion: int, draw: np.random.Generator) -> Look:
        """Drawn frames of a drawn clip in an emotion."""
        clip = int(draw.choice(self._here[emotion]))
        places = draw.integers(self.material.length(clip), size=self.schedule.looks).tolist()
        frames = [self.material.cut(clip, at, at + 1) for at in places]
        points = [self.material.marks(clip, at, at + 1) for at in places]
        return np.concatenate(frames), np.concatenate(points)

    @cached_property
    def _here(self) -> dict[int, NDArray[np.int64]]:
        """Emotion -> clips of these people that are long enough."""
        lengths = np.diff(self.material.frames)
        usable = np.isin(self.material.people, self.people) & (lengths >= self.schedule.frames)
        found = {emotion: clips[usable[clips]] for emotion, clips in self.material.shown.items()}
        return {emotion: clips for emotion, clips in found.items() if len(clips)}

    @cached_property
    def _captions(self) -> dict[int, list[str]]:
        return {emotion: wordings(emotion) for emotion in self._here}

    @cached_property
    def _embeddings(self) -> dict[str, torch.Tensor]:
        texts = sorted({text for rows in self._captions.values() for text in rows})
        return dict(zip(texts, embedded(texts), strict=True))


def wordings(emotion: int) -> list[str]:
    """Captions of an emotion at level 3 that say nothing of the person, sorted."""
    name, person = SPFEM_EMOTIONS[emotion], person_words(identity_of(0, 0))
    level = 1 if name == "neutral" else 3
    found = {
        text
        for key in range(_WORDINGS // _PEOPLELESS)
        for text in captions(name, level, pattern(name, level), person, (emotion, key))[:_PEOPLELESS]
    }
    return sorted(found)


def row_of(material: Material, clip: int, emotion: int, span: tuple[int, int], look: Look) -> dict[str, Any]:
    """A stretch of a clip with all that a batch says of it."""
    start, stop = span
    heard = torch.from_numpy(material.heard(clip))
    times = torch.arange(start, stop, dtype=torch.float64) / RATE
    fellows = material.fellows[int(material.groups[clip])]
    twins = [int(other) for other in fellows if material.emotions[other] == emotion and len(fellows) > 1]
    return {
        "source": material.cut(clip, start, stop),
        "truth": material.cut(twins[0], start, stop) if twins else None,
        "truth_points": torch.from_numpy(material.marks(twins[0], start, stop)) if twins else None,
        "reference": look[0],
        "reference_points": torch.from_numpy(look[1]),
        "sound": around(heard, times),
        "speech": log_mel(heard, times[: 1 - FRAMES]) if len(times) >= FRAMES else torch.zeros(0),
        "points": torch.from_numpy(material.marks(clip, start, stop)),
        "emotion": emotion,
        "was": int(material.emotions[clip]),
    }


def batch_of(
    rows: Sequence[Mapping[str, Any]], kind: Kind, texts: Sequence[str], told: torch.Tensor | None
) -> Batch:
    """Rows of `row_of` side by side."""
    has_truth = all(row["truth"] is not None for row in rows)
    return Batch(
        kind=kind,
        source=_pictures([row["source"] for row in rows]),
        emotion=torch.tensor([row["emotion"] for row in rows]),
        was=torch.tensor([row["was"] for row in rows]),
        reference=_pictures([row["reference"] for row in rows]),
        sound=torch.stack([row["sound"] for row in rows]),
        speech=torch.stack([row["speech"] for row in rows]),
        points=torch.stack([row["points"] for row in rows]),
        reference_points=torch.stack([row["reference_points"] for row in rows]),
        truth=_pictures([row["truth"] for row in rows]) if has_truth else None,
        truth_points=torch.stack([row["truth_points"] for row in rows]) if has_truth else None,
        captions=tuple(texts),
        told=told,
    )


def split_people(material: Material, seed: int, held: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """People to learn from, and ``held`` others (at most a quarter) for the sheets of samples."""
    people = np.random.default_rng((seed, 977)).permutation(np.unique(material.people))
    count = min(held, len(people) // 4)
    return np.sort(people[count:]), np.sort(people[:count])


def _pictures(clips: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    """(B, T, S, S, 3) uint8 -> (B, T, 3, S, S) float32 in -1..1."""
    return torch.from_numpy(np.stack(clips)).permute(0, 1, 4, 2, 3).float() / 127.5 - 1

"""One group of a plan: which clips, which of their frames, and what they look and sound like."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from spfem_baselines.backbone.hearing import around
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.protocols.dtw import align_audio
from spfem_bench.synthetic.alignment import Spoken
from spfem_bench.synthetic.clip import ClipSpec, Scene, Take, true_pair, truth, voice
from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.face.states import Articulation
from spfem_bench.synthetic.speech.sentences import SENTENCES
from spfem_bench.training.mouths import shaken
from spfem_metrics.synthetic.nets.crops import cut, matrix_of

if TYPE_CHECKING:
    from spfem_bench.training.supervision.pairs import Plan

Frames = NDArray[np.int64]
_TAKES = 4
_FELT = SPFEM_EMOTIONS[1:]


@dataclass(frozen=True)
class Group:
    """What is rendered of one group; shapes as in `spfem_bench.training.supervision.pairs.Pairs`."""

    pictures: NDArray[np.uint8]
    sound: NDArray[np.float32]
    person: int
    emotion: str
    wrong: str
    sentence: int


@dataclass(frozen=True)
class Layout:
    """The clips of one group and the frames of each; (L,) indices, non-decreasing.

    Args:
        plan: of all groups.
        index: of this one.
    """

    plan: Plan
    index: int

    @cached_property
    def emotion(self) -> str:
        """What the emotional clip shows: in turn, so that every person shows all."""
        return _FELT[(self.index % self.plan.people + self.index // self.plan.people) % len(_FELT)]

    @cached_property
    def wrong(self) -> str:
        """One of the other five, in turn."""
        others = [name for name in _FELT if name != self.emotion]
        return others[self.index // len(_FELT) % len(others)]

    @cached_property
    def neutral(self) -> ClipSpec:
        """The neutral take of a drawn sentence."""
        draw = self._stream(0)
        words, take = int(draw.integers(SENTENCES)), Take(number=int(draw.integers(_TAKES)))
        person, seed = self.index % self.plan.people, self.plan.population
        return ClipSpec(person, words, "neutral", 1, seed=seed, take=take)

    @cached_property
    def emotional(self) -> ClipSpec:
        """The same words in the emotion: in step with the neutral ones, or a take at its own pace."""
        felt = true_pair(self.neutral, self.emotion, self.plan.level)
        if self.plan.how == "true":
            return felt
        return replace(felt, take=Take(self.emotion, self.plan.level, self.neutral.take.number))

    @cached_property
    def said(self) -> Frames:
        """Frames of the neutral clip, one after another, within the sentence where it is long enough.

        Raises:
            UsageError: the plan asks for more frames than the clip has.
        """
        words = Scene(self.neutral).timeline.words()
        rate, count = float(self.neutral.fps), self.plan.frames
        if count > self.neutral.frame_count:
            raise UsageError(
                f"pairs of {count} frames from a clip of {self.neutral.frame_count}: ask for fewer"
            )
        first, last = int(words[0][0] * rate), int(words[-1][1] * rate) - count
        last = min(max(first, last), self.neutral.frame_count - count)
        return int(self._stream(1).integers(min(first, last), last + 1)) + np.arange(count)

    @cached_property
    def felt(self) -> Frames:
        """The emotional clip's frame for each of the neutral ones."""
        if self.plan.how == "true":
            return self.said
        path = align_audio(Spoken(self.neutral), Spoken(self.emotional))
        return np.asarray(path[self.said, 1])

    @cached_property
    def elsewhere(self) -> Frames:
        """Frames of the emotional clip in which other words are said."""
        return apart(self.felt, self.emotional.frame_count, self._stream(2))

    @cached_property
    def mouths(self) -> Frames:
        """Frames of the neutral clip in which other words are said."""
        return apart(self.said, self.neutral.frame_count, self._stream(2))

    def _stream(self, purpose: int) -> np.random.Generator:
        return generator(self.plan.population, 79, self.index, purpose)


def apart(taken: Frames, count: int, draw: np.random.Generator) -> Frames:
    """As many frames one after another as were taken, none of them among these where the clip has room.

    Args:
        taken: (L,) non-decreasing.
        count: frames of the clip.
        draw: chooses where.
    """
    starts = np.arange(max(1, count - len(taken) + 1))
    over = np.minimum(starts + len(taken), taken[-1] + 1) - np.maximum(starts, taken[0])
    least = np.flatnonzero(np.maximum(over, 0) == max(0, over.min()))
    return np.asarray(np.minimum(starts[draw.choice(least)] + np.arange(len(taken)), count - 1))


def group(plan: Plan, index: int) -> Group:
    """Render one group."""
    own = Layout(plan, index)
    neutral, felt = (own.neutral, own.said), (own.emotional, own.felt)
    shows: list[tuple[ClipSpec, Frames, Frames | None]] = [
        (*neutral, None),
        (*felt, None),
        (own.emotional, own.elsewhere, None),
    ]
    if plan.proof:
        wrong = replace(own.emotional, emotion=own.wrong)
        shows += [(wrong, own.felt, None), (*neutral, own.mouths), (*felt, own.elsewhere)]
    pictures = [_crops(own, spec, frames, mouths) for spec, frames, mouths in shows]
    sound = [_heard(spec, frames) for spec, frames, _ in shows[:3]]
    who = own.neutral
    return Group(np.stack(pictures), np.stack(sound), who.speaker, own.emotion, own.wrong, who.sentence)


def _shake(own: Layout, spec: ClipSpec) -> np.random.Generator:
    """How the crops of a clip are off: clips in step alike, takes each in its own way."""
    alone = own.plan.how == "dtw" and spec.take != own.neutral.take
    return generator(own.plan.population, 83, own.index, int(alone))


def _crops(own: Layout, spec: ClipSpec, frames: Frames, mouths: Frames | None) -> NDArray[np.uint8]:
    """(L, 64, 64, 3) faces by their rigid points; with the mouths of other frames where these are given."""
    scene = Scene(spec)
    painter, track = scene.painter(), scene.track
    states = [track.at(int(i)) for i in frames]
    if mouths is not None:
        names = [item.name for item in fields(Articulation)]
        lips = [track.at(int(i)) for i in mouths]
        pairs = zip(states, lips, strict=True)
        states = [replace(face, **{name: getattr(lip, name) for name in names}) for face, lip in pairs]
    points = shaken(truth(spec, frames.tolist()).landmarks, own.plan.noise, _shake(own, spec))
    images = (painter.paint(state, int(i)) for state, i in zip(states, frames, strict=True))
    return np.stack([cut(image, matrix_of(at)) for image, at in zip(images, points, strict=True)])


def _heard(spec: ClipSpec, frames: Frames) -> NDArray[np.float32]:
    """(L, 40, 16) around each frame."""
    return np.asarray(around(torch.from_numpy(voice(spec)), torch.from_numpy(spec.times[frames])).numpy())

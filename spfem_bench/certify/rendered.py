"""Scenes of rendered people, of whom everything can be made: true pairs, blends of faces, words and moods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spfem_bench.certify.scenes import Scene, Sides
from spfem_bench.certify.spec import POPULATION, CertifySpec
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.synthetic.clip import ClipSpec, Take, render_clip, true_pair, voice
from spfem_bench.synthetic.clip import Scene as Stage
from spfem_bench.synthetic.face.states import Articulation, FaceTrack
from spfem_bench.synthetic.people.identity import blend, identity_of
from spfem_bench.synthetic.speech.sentences import SENTENCES
from spfem_bench.synthetic.speech.voice import RATE
from spfem_metrics import Side, TrialFacts
from spfem_metrics.media import ArrayMedia

HOW = (
    "Source: a rendered person who is in no training set says a sentence neutrally. Output and truth: the "
    "same person, words and instants in the target emotion at full intensity (the true pair), the output "
    "under other camera noise; it is what is degraded. Reference: another person in the target emotion, "
    "another sentence. Real side of set metrics: the truth."
)

EXPRESSED = tuple(emotion for emotion in SPFEM_EMOTIONS if emotion != "neutral")
_RESEED = 1 << 20
"""Added to the frame numbers that seed the camera's noise."""
_OTHERS = 500
"""Index of the first stranger: strangers certify nothing else."""


def rendered_scene(spec: CertifySpec, index: int) -> Scene:
    """The scene of a number.

    Args:
        spec: what was asked.
        index: of the trial, 0 or more.
    """
    target = target_of(spec, index)
    made = Rendered(target)
    facts = TrialFacts(f"rendered-{index:03}", f"P{target.speaker:03}", target.emotion)
    return Scene(facts, made.sides, made.sides["truth"], made, seed=spec.seed * 100_003 + index)


def target_of(spec: CertifySpec, index: int) -> ClipSpec:
    """What a trial's output shows: speakers take turns, and with every round the emotions shift.

    Args:
        spec: what was asked.
        index: of the trial, 0 or more.
    """
    person, turn = index % spec.speakers, index // spec.speakers
    return ClipSpec(
        speaker=person,
        sentence=(7 * index) % SENTENCES,
        emotion=EXPRESSED[(person + turn) % len(EXPRESSED)],
        size=spec.size,
        seed=POPULATION,
        take=Take(number=turn),
        seconds=spec.seconds,
    )


@dataclass(frozen=True)
class Rendered:
    """What can be made of one rendered trial; all outputs have camera noise of their own, and one sound.

    Args:
        target: its output; the source is its true pair in neutral.
    """

    target: ClipSpec

    @cached_property
    def sides(self) -> Mapping[Side, ArrayMedia]:
        """The trial's clips; the output is the truth under other camera noise."""
        giver = replace(self.target, speaker=_OTHERS + self.target.speaker, sentence=self._other_sentence)
        return {
            "output": self._output(Stage(self.target)),
            "source": self._meeting,
            "truth": rendered(self.target),
            "reference": rendered(giver),
        }

    @cached_property
    def reseeded(self) -> ArrayMedia:
        """The output with other camera noise."""
        return self._output(Stage(self.target), 2 * _RESEED)

    def identity_blend(self, share: float) -> ArrayMedia:
        """The output with a face between the person's and a stranger's; hair and the like change at half."""
        target = self.target
        own, other = (identity_of(i, target.seed) for i in (target.speaker, self._stranger.speaker))
        return self._output(Stage(replace(target, looks=blend(own, other, share))))

    def words_blend(self, share: float) -> ArrayMedia:
        """The output with part of another sentence's articulation; head, expression and sound stay."""
        stage = Stage(self.target)
        own, other = stage.track.mouth, Stage(replace(self.target, sentence=self._other_sentence)).track.mouth
        names = [item.name for item in fields(Articulation)]
        mixed = {name: (1 - share) * getattr(own, name) + share * getattr(other, name) for name in names}
        return self._output(stage, track=replace(stage.track, mouth=Articulation(**mixed)))

    def emotion_blend(self, share: float) -> ArrayMedia:
        """The output with its expression weakened towards neutral."""
        return self._output(Stage(replace(self.target, strength=1.0 - share)))

    def added_emotion(self, share: float, *, interaction: bool) -> Sides:
        """The neutral source with the target put on it; it has no truth, since it is one."""
        shown = replace(self.target, interaction=interaction, strength=share)
        source = self._meeting if interaction else self._apart
        stage = Stage(shown if share else true_pair(shown, "neutral", 1))
        sides: dict[Side, ArrayMedia] = {"source": source, "output": self._output(stage)}
        return {**sides, "reference": self.sides["reference"]}

    @cached_property
    def stranger(self) -> ArrayMedia:
        """Another person in the same emotion, saying the same at their own pace."""
        return rendered(self._stranger)

    @cached_property
    def other_emotion(self) -> ArrayMedia:
        """The person in the emotion half the list further on, the same instants."""
        at = EXPRESSED.index(self.target.emotion) + len(EXPRESSED) // 2
        return rendered(true_pair(self.target, EXPRESSED[at % len(EXPRESSED)]))

    @cached_property
    def other_words(self) -> ArrayMedia:
        """The person in the same emotion, another sentence."""
        return rendered(replace(self.target, sentence=self._other_sentence))

    @cached_property
    def _meeting(self) -> ArrayMedia:
        """The neutral source."""
        return rendered(true_pair(self.target, "neutral", 1))

    @cached_property
    def _apart(self) -> ArrayMedia:
        """The neutral source of a world in which emotion and speech leave each other alone."""
        return rendered(true_pair(replace(self.target, interaction=False), "neutral", 1))

    @property
    def _stranger(self) -> ClipSpec:
        return replace(self.target, speaker=2 * _OTHERS + self.target.speaker)

    @property
    def _other_sentence(self) -> int:
        return (self.target.sentence + SENTENCES // 2) % SENTENCES

    @cached_property
    def _sound(self) -> NDArray[np.float32]:
        return voice(self.target)

    def _output(self, stage: Stage, reseed: int = _RESEED, track: FaceTrack | None = None) -> ArrayMedia:
        """A picture with the target's sound."""
        painter, played = stage.painter(), track or stage.track
        frames = np.stack([painter.paint(played.at(i), i + reseed) for i in range(len(played))])
        return ArrayMedia(frames, self.target.fps, self._sound, RATE)


def rendered(spec: ClipSpec) -> ArrayMedia:
    """A rendered clip in memory."""
    clip = render_clip(spec)
    return ArrayMedia(clip.frames, spec.fps, clip.audio, RATE)

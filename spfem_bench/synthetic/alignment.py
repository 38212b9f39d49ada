"""Dynamic time warping of sound, scored against the truth that only rendered takes have.

``python -m spfem_bench.synthetic.alignment`` prints the errors of `spfem_bench.protocols.dtw.align_audio` on
takes of one person and sentence in two emotions, beside those of pairing by frame number and of stretching
one take evenly to the other's length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.protocols.dtw import align_audio
from spfem_bench.synthetic.clip import ClipSpec, Scene, Take, voice
from spfem_bench.synthetic.speech.timeline import Timeline, timing_map
from spfem_bench.synthetic.speech.voice import RATE

Floats = NDArray[np.float64]

FPS = Fraction(25)


@dataclass(frozen=True)
class Spoken:
    """The sound of a clip that is not painted, as `align_audio` reads it."""

    spec: ClipSpec

    @property
    def times(self) -> Floats:
        """(T,) seconds of the frames."""
        return self.spec.times

    @cached_property
    def timeline(self) -> Timeline:
        """When each sound is said."""
        return Scene(self.spec).timeline

    @cached_property
    def voice(self) -> NDArray[np.float32]:
        """(N,) at 16 kHz."""
        return voice(self.spec)

    def audio(self, rate: int) -> NDArray[np.float32]:
        """(N,) mono samples.

        Raises:
            UsageError: another rate than 16 kHz is asked for.
        """
        if rate != RATE:
            raise UsageError(f"a rendered voice has {RATE} samples a second, not {rate}")
        return self.voice


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of one rule, in frames.

    Args:
        rule: its name.
        mean: of |error|.
        p95: 95th percentile of |error|.
        worst: largest |error|.
        frames: n.
    """

    rule: str
    mean: float
    p95: float
    worst: float
    frames: int


def by_sound(source: Spoken, truth: Spoken) -> Floats:
    """The frames that dynamic time warping pairs with the source's, see `align_audio`."""
    return align_audio(source, truth)[:, 1].astype(np.float64)


def by_number(source: Spoken, truth: Spoken) -> Floats:
    """Frame i with frame i, the last one where the truth is shorter."""
    return np.minimum(np.arange(len(source.times)), len(truth.times) - 1).astype(np.float64)


def by_length(source: Spoken, truth: Spoken) -> Floats:
    """As if one take were the other played evenly faster or slower."""
    return np.rint(np.linspace(0, len(truth.times) - 1, len(source.times)))


RULES: Mapping[str, Callable[[Spoken, Spoken], Floats]] = {
    "dynamic time warping": by_sound,
    "linear stretch": by_length,
    "frame number": by_number,
}


def takes(
    speakers: int, sentences: Sequence[int], intensity: int = 3, seed: int = 0
) -> list[tuple[Spoken, Spoken]]:
    """Neutral takes with the same person's takes of the same words in each emotion, timed independently."""
    pairs = []
    for speaker in range(speakers):
        for sentence in sentences:
            neutral = ClipSpec(speaker, sentence, fps=FPS, seed=seed, take=Take(number=1))
            for emotion in SPFEM_EMOTIONS[1:]:
                take = Take(emotion, intensity, 1)
                felt = ClipSpec(speaker, sentence, emotion, intensity, fps=FPS, seed=seed, take=take)
                pairs.append((Spoken(neutral), Spoken(felt)))
    return pairs


def errors(rule: Callable[[Spoken, Spoken], Floats], source: Spoken, truth: Spoken) -> Floats:
    """(S,) signed errors of a rule in frames of the truth, of the source's frames in which somebody speaks.

    Silence at both ends says nothing of time and is left out; pauses within the sentence count.
    """
    times = source.times
    true = timing_map(source.timeline, truth.timeline, times) * float(truth.spec.fps)
    words = source.timeline.words()
    spoken = (times >= words[0][0]) & (times < words[-1][1])
    return (rule(source, truth) - true)[spoken]


def scores(pairs: Sequence[tuple[Spoken, Spoken]]) -> list[Score]:
    """Every rule over the same pairs of takes."""
    found = []
    for name, rule in RULES.items():
        away = np.abs(np.concatenate([errors(rule, source, truth) for source, truth in pairs]))
        found.append(
            Score(name, float(away.mean()), float(np.percentile(away, 95)), float(away.max()), len(away))
        )
    return found


def table(found: Sequence[Score]) -> str:
    """The scores as a table in Markdown."""
    rows = [
        f"| {one.rule} | {one.mean:.2f} | {one.p95:.2f} | {one.worst:.1f} | {one.frames} |" for one in found
    ]
    head = ["| frames paired by | mean error | 95th percentile | largest | frames |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def main() -> None:
    """Print the table over twelve people and the three common sentences."""
    from spfem_bench.synthetic.speech.sentences import COMMON

    pairs = takes(12, COMMON)
    print(f"{len(pairs)} pairs of takes at {FPS} frames/s: 12 people, 3 sentences, neutral to each emotion")
    print(table(scores(pairs)))


if __name__ == "__main__":
    main()

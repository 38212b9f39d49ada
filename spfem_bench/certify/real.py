"""Scenes of real clips: the output is the source itself, so that every change is the degradation's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.certify.degrade import noise
from spfem_bench.certify.scenes import Scene, Sides
from spfem_bench.certify.spec import CertifySpec
from spfem_bench.clips import Clip, open_clip
from spfem_bench.datasets import ClipRecord, Dataset
from spfem_bench.errors import ClipError
from spfem_metrics import Side, TrialFacts
from spfem_metrics.media import ArrayMedia

GRAIN = 1.0
"""Grey levels of noise by which a clean output differs from its truth."""
HOW = (
    "Source and truth: a real clip, the middle of it. Output: the same with noise of 1 grey level; it is "
    "what is degraded. Target emotion: the source's own label, where it has one. Reference: another "
    "speaker's clip of that label. Real side of set metrics: the source."
)
RATE = 16_000
SHORTEST = 1.2
"""Seconds that a clip must have."""

Frames = NDArray[np.uint8]
Fits = Callable[[ClipRecord], bool]


def chosen(dataset: Dataset, trials: int, speakers: int, seed: int) -> list[ClipRecord]:
    """The clips that are certified on: speakers in the order of a hash, who then take turns.

    Args:
        dataset: indexed.
        trials: at most so many clips.
        speakers: at most so many speakers.
        seed: of the hash.
    """
    own: dict[str, list[ClipRecord]] = {}
    for record in sorted(dataset.records, key=lambda record: _hash(seed, record.id)):
        own.setdefault(record.speaker, []).append(record)
    people = sorted(own, key=lambda name: _hash(seed, name))[:speakers]
    rounds = max((len(own[name]) for name in people), default=0)
    turns = (own[name][turn] for turn in range(rounds) for name in people if turn < len(own[name]))
    return [record for record, _ in zip(turns, range(trials), strict=False)]


def _hash(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def real_scene(spec: CertifySpec, dataset: Dataset, record: ClipRecord, index: int) -> Scene:
    """The scene of a clip.

    Args:
        spec: what was asked.
        dataset: the clip's.
        record: the clip.
        index: of the trial.

    Raises:
        ClipError: the clip cannot be read or is too short.
    """
    made = Real(spec, dataset, record)
    facts = TrialFacts(record.id, record.speaker, record.emotion or "")
    return Scene(facts, made.sides, made.source, made, seed=spec.seed * 100_003 + index)


@dataclass(frozen=True)
class Real:
    """What can be made of one real clip.

    Args:
        spec: what was asked.
        dataset: where other clips are looked for.
        record: the clip.
    """

    spec: CertifySpec
    dataset: Dataset
    record: ClipRecord

    @cached_property
    def source(self) -> ArrayMedia:
        """The clip's middle.

        Raises:
            ClipError: it cannot be read or is too short.
        """
        return middle(self._open(self.record), self.spec.seconds, self.spec.size)

    @cached_property
    def sides(self) -> Sides:
        """The trial's clips; the output is the source with grain, the truth is the source."""
        own: dict[Side, ArrayMedia] = {
            "output": self._grained(0),
            "source": self.source,
            "truth": self.source,
        }
        emotion = self.record.emotion
        giver = (
            self._find(lambda other: other.emotion == emotion and not self._same(other)) if emotion else None
        )
        return own if giver is None else {**own, "reference": giver}

    @cached_property
    def reseeded(self) -> ArrayMedia:
        """The output with other grain."""
        return self._grained(1)

    def identity_blend(self, share: float) -> None:
        """Real faces are not blended: what a cross-fade shows is no face."""
        del share

    def words_blend(self, share: float) -> None:
        """Real mouths are not blended."""
        del share

    def emotion_blend(self, share: float) -> None:
        """Real expressions are not blended."""
        del share

    def added_emotion(self, share: float, *, interaction: bool) -> None:
        """Real clips have no true pairs."""
        del share, interaction

    @cached_property
    def stranger(self) -> ArrayMedia | None:
        """Another speaker's clip."""
        return self._find(lambda other: not self._same(other))

    @cached_property
    def other_emotion(self) -> ArrayMedia | None:
        """A clip of the same speaker with another label, where both have one."""
        own = self.record.emotion
        if own is None:
            return None
        return self._find(lambda other: self._same(other) and other.emotion not in (own, None))

    @cached_property
    def other_words(self) -> ArrayMedia | None:
        """Another clip of the same speaker with the same label that is not known to say the same."""
        own = self.record

        def fits(other: ClipRecord) -> bool:
            """Whether it may stand for other words."""
            new = other.sentence is None or other.sentence != own.sentence
            return self._same(other) and other.emotion == own.emotion and new

        return self._find(fits)

    def _grained(self, seed: int) -> ArrayMedia:
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((self.spec.seed, seed))))
        return replace(self.source, frames=noise(self.source.frames, GRAIN, rng))

    def _same(self, other: ClipRecord) -> bool:
        return other.speaker == self.record.speaker

    def _find(self, fits: Fits) -> ArrayMedia | None:
        """The first readable clip in the order of a hash, made to stand in this one's place."""
        order = [item for item in self.dataset.records if item.id != self.record.id and fits(item)]
        for record in sorted(order, key=lambda item: _hash(self.spec.seed, f"{self.record.id} {item.id}")):
            try:
                found = middle(self._open(record), self.spec.seconds, self.spec.size)
            except ClipError:
                continue
            return fitted(found, self.source)
        return None

    def _open(self, record: ClipRecord) -> Clip:
        return open_clip(self.dataset.file(record), audio_path=self.dataset.audio_file(record))


def middle(clip: Clip, seconds: float, longest: int) -> ArrayMedia:
    """The middle of a clip in memory, its frames taken as evenly spaced.

    Args:
        clip: opened.
        seconds: at most so much of it.
        longest: side in pixels over which frames are scaled down.

    Raises:
        ClipError: it cannot be read, or has less than `SHORTEST` seconds.
    """
    count = min(clip.frame_count, round(seconds * clip.fps))
    if count < SHORTEST * clip.fps:
        raise ClipError(f"{clip.path} has less than {SHORTEST} s: leave it out of the dataset")
    start = (clip.frame_count - count) // 2
    chunks = [_scaled(chunk, longest) for chunk in clip.frames(start, start + count)]
    return ArrayMedia(np.concatenate(chunks), clip.fps, _sound(clip, start, count), RATE)


def _sound(clip: Clip, start: int, count: int) -> NDArray[np.float32] | None:
    samples = clip.audio(RATE)
    if samples is None:
        return None
    first, length = round(Fraction(start) / clip.fps * RATE), round(Fraction(count) / clip.fps * RATE)
    own = samples[first : first + length]
    return np.pad(own, (0, length - len(own)))


def _scaled(frames: Frames, longest: int) -> Frames:
    height, width = frames.shape[1:3]
    factor = longest / max(height, width)
    if factor >= 1:
        return frames
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return _resized(frames, size)


def _resized(frames: Frames, size: tuple[int, int]) -> Frames:
    smaller = size[0] < frames.shape[2]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.stack([np.asarray(cv2.resize(frame, size, interpolation=how), np.uint8) for frame in frames])


def fitted(clip: ArrayMedia, model: ArrayMedia) -> ArrayMedia:
    """A clip cut to another one's shape: its instants, then played back, and the middle of its picture.

    Args:
        clip: any.
        model: whose frame count, rate and size it gets.
    """
    rate = float(clip.fps / model.fps)
    wanted = np.rint(np.arange(model.frame_count) * rate).astype(np.int64)
    period = max(1, 2 * (clip.frame_count - 1))
    folded = wanted % period
    frames = clip.frames[np.minimum(folded, period - folded)]
    width, height = model.size
    return ArrayMedia(_resized(_cut(frames, width / height), (width, height)), model.fps)


def _cut(frames: Frames, aspect: float) -> Frames:
    """The largest part around the middle with this ratio of width to height."""
    height, width = frames.shape[1:3]
    wide, high = min(width, round(height * aspect)), min(height, round(width / aspect))
    left, top = (width - wide) // 2, (height - high) // 2
    return frames[:, top : top + high, left : left + wide]

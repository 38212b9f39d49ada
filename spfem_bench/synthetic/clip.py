"""One rendered clip: frames, voice and the truth behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.synthetic.face.expressions import INTENSITIES, pattern, personal
from spfem_bench.synthetic.face.perform import amplitude_of, expression_over_time, head_motion, perform
from spfem_bench.synthetic.face.states import FaceTrack, rows_of
from spfem_bench.synthetic.people.identity import Identity, identity_of
from spfem_bench.synthetic.people.style import Style, style_of
from spfem_bench.synthetic.picture.face import landmarks, mouth
from spfem_bench.synthetic.picture.painter import Painter
from spfem_bench.synthetic.picture.stage import Stage, stage_of
from spfem_bench.synthetic.speech.phonemes import SYMBOLS
from spfem_bench.synthetic.speech.sentences import sentence_of
from spfem_bench.synthetic.speech.timeline import Timeline, timeline
from spfem_bench.synthetic.speech.visemes import articulate, phoneme_at
from spfem_bench.synthetic.speech.voice import RATE, prosody_of, speak, voice_of

Frames = NDArray[np.uint8]
Samples = NDArray[np.float32]
Floats = NDArray[np.float64]
_CHUNK = 32


@dataclass(frozen=True, slots=True)
class Take:
    """How a sentence is timed: feelings change the tempo, and no two takes are alike.

    Args:
        emotion: whose tempo it has.
        intensity: 1 to 3, of that emotion.
        number: which of the speaker's takes.
    """

    emotion: str = "neutral"
    intensity: int = 1
    number: int = 0


@dataclass(frozen=True)
class ClipSpec:
    """What decides a rendered clip.

    Clips that differ in emotion, intensity or ``blend`` alone are true pairs: the same person says the same
    words at the same instants. Clips of different takes say them at their own pace.

    Args:
        speaker: index of the person.
        sentence: index of the words, see `spfem_bench.synthetic.speech.sentences`.
        emotion: one of the seven of `spfem_bench.datasets.records.SPFEM_EMOTIONS`.
        intensity: 1 to 3.
        size: height and width in pixels, 32 to 1024.
        fps: frames per second.
        seed: of the whole population of people.
        take: the timing.
        seconds: length, 0.2 to 600; the sentence is cut, or silence follows. None: as long as it takes.
        interaction: whether emotion and speech change one another.
        strength: factor on the expression, for grades between neutral (0) and the whole emotion (1).
        looks: the person who is seen, where it is not the speaker (the certificate's blends of two people).

    Raises:
        UsageError: a length, size or label out of range.
    """

    speaker: int
    sentence: int
    emotion: str = "neutral"
    intensity: int = 3
    size: int = 128
    fps: Fraction = Fraction(25)
    seed: int = 0
    take: Take = Take()
    seconds: float | None = None
    interaction: bool = True
    strength: float = 1.0
    looks: Identity | None = None

    def __post_init__(self) -> None:
        pattern(self.emotion, self.intensity)
        pattern(self.take.emotion, self.take.intensity)
        length = 1.0 if self.seconds is None else self.seconds
        if not (0.2 <= length <= 600 and 32 <= self.size <= 1024 and self.fps > 0):
            raise UsageError(
                f"cannot render {length} s at {self.size} px and {self.fps} frames/s: "
                "give 0.2 to 600 s, 32 to 1024 px and a positive rate"
            )

    @property
    def length(self) -> Fraction:
        """Seconds of the clip."""
        seconds = _timeline(self).seconds if self.seconds is None else self.seconds
        return Fraction(seconds).limit_denominator(10**6)

    @property
    def frame_count(self) -> int:
        """T, the number of frames."""
        return max(1, round(self.length * self.fps))

    @property
    def times(self) -> Floats:
        """(T,) seconds of each frame."""
        return np.arange(self.frame_count) / float(self.fps)


@dataclass(frozen=True)
class Truth:
    """What is exactly known of every frame.

    Args:
        landmarks: (T, 68, 2) float32 px in the order of iBUG 300-W, pixel centres at whole numbers.
        units: (T, 16) float32 activations as shown, the mean of both halves of the face.
        phonemes: (T,) ARPAbet symbol being said, ``SIL`` in silence.
        mouth_opening: (T,) float32 gap between the inner lips over the distance between the eyes.
        mouth_width: (T,) float32 distance between the mouth's corners over the distance between the eyes.
        track: the curves behind the frames.
        timeline: phonemes in time.
    """

    landmarks: NDArray[np.float32]
    units: NDArray[np.float32]
    phonemes: NDArray[np.str_]
    mouth_opening: NDArray[np.float32]
    mouth_width: NDArray[np.float32]
    track: FaceTrack
    timeline: Timeline

    @property
    def blink(self) -> Floats:
        """(T,) 0 open to 1 closed."""
        return self.track.head.blink

    @property
    def gaze(self) -> Floats:
        """(T, 2) to the image's right and down."""
        return self.track.head.gaze

    @property
    def angles(self) -> Floats:
        """(T, 3) yaw, pitch, roll in degrees."""
        return self.track.head.angles


@dataclass(frozen=True)
class RenderedClip:
    """A clip in memory: frames (T, H, W, 3) uint8 RGB, audio (N,) float32 at 16 kHz, and the truth."""

    frames: Frames
    audio: Samples
    truth: Truth


@dataclass(frozen=True)
class Scene:
    """A clip before it is painted."""

    spec: ClipSpec

    @cached_property
    def who(self) -> Identity:
        """The person as seen."""
        return self.spec.looks or identity_of(self.spec.speaker, self.spec.seed)

    @cached_property
    def style(self) -> Style:
        """The person's habits."""
        return style_of(self.spec.speaker, self.spec.seed)

    @cached_property
    def stage(self) -> Stage:
        """Light, backdrop and camera: of the speaker and the sentence, whatever the emotion."""
        return stage_of(self.spec.seed, 17, self.spec.speaker, self.spec.sentence)

    @cached_property
    def timeline(self) -> Timeline:
        """Phonemes in time."""
        return _timeline(self.spec)

    @cached_property
    def track(self) -> FaceTrack:
        """The face over the clip's frames."""
        spec, times = self.spec, self.spec.times
        key = _key(spec)
        expressed = expression_over_time(self._units(), times, (*key, 23))
        speech = articulate(self.timeline, times)
        head = head_motion(times, _stress(self.timeline, times), self.style, (*key, 29))
        share = INTENSITIES[spec.intensity] * spec.strength
        amplitude = amplitude_of(spec.emotion, share)
        return perform(expressed, amplitude, speech, head, self.style, interaction=spec.interaction)

    def painter(self) -> Painter:
        """What paints the frames."""
        return Painter(self.who, self.stage, self.spec.size)

    def _units(self) -> Floats:
        spec = self.spec
        return personal(pattern(spec.emotion, spec.intensity) * spec.strength, self.style)


def voice(spec: ClipSpec) -> Samples:
    """The clip's voice, (N,) float32 in [-1, 1] at 16 kHz, with the emotion's prosody."""
    prosody = prosody_of(spec.emotion, spec.intensity)
    samples = speak(_timeline(spec), voice_of(spec.speaker, spec.seed), prosody, (*_key(spec), 31))
    count = round(Fraction(spec.frame_count) / spec.fps * RATE)
    return np.pad(samples[:count], (0, max(0, count - len(samples))))


def render_chunks(spec: ClipSpec, chunk: int = _CHUNK) -> Iterator[Frames]:
    """The clip's frames in order, (n, size, size, 3) uint8 RGB with n at most ``chunk``."""
    yield from render_frames(spec, range(spec.frame_count), chunk)


def render_frames(spec: ClipSpec, indices: Sequence[int], chunk: int = _CHUNK) -> Iterator[Frames]:
    """Only these frames of a clip, in the order given, in chunks."""
    scene = Scene(spec)
    painter, track = scene.painter(), scene.track
    for start in range(0, len(indices), chunk):
        yield np.stack([painter.paint(track.at(i), i) for i in indices[start : start + chunk]])


def render_clip(spec: ClipSpec) -> RenderedClip:
    """The whole clip in memory, with its truth.

    The same spec gives the same frames on every machine to within one grey level: all randomness comes from
    PCG64 streams keyed by index, and shapes are filled on a fixed-point grid.
    """
    return RenderedClip(np.concatenate(list(render_chunks(spec))), voice(spec), truth(spec))


def truth(spec: ClipSpec, indices: Sequence[int] | None = None) -> Truth:
    """Landmarks and curves of a clip, without painting it.

    Args:
        spec: the clip.
        indices: of the frames wanted, None for all.
    """
    scene = Scene(spec)
    chosen = np.arange(spec.frame_count) if indices is None else np.asarray(indices, np.int64)
    whole = scene.track
    track = FaceTrack(whole.units[chosen], rows_of(whole.mouth, chosen), rows_of(whole.head, chosen))
    states = [track.at(i) for i in range(len(track))]
    mouths = np.array([mouth(scene.who, state) for state in states], np.float32).reshape(-1, 2)
    marks = [landmarks(scene.who, state, spec.size) for state in states]
    return Truth(
        landmarks=np.stack(marks).astype(np.float32),
        units=track.units.mean(axis=-1).astype(np.float32),
        phonemes=np.array(SYMBOLS)[phoneme_at(scene.timeline, spec.times[chosen])],
        mouth_opening=mouths[:, 0],
        mouth_width=mouths[:, 1],
        track=track,
        timeline=scene.timeline,
    )


def true_pair(spec: ClipSpec, emotion: str, intensity: int = 3) -> ClipSpec:
    """The same person saying the same words in another emotion, frame by frame in step."""
    return replace(spec, emotion=emotion, intensity=intensity)


def _key(spec: ClipSpec) -> tuple[int, ...]:
    take = spec.take
    mood = SPFEM_EMOTIONS.index(take.emotion)
    return (spec.seed, spec.speaker, spec.sentence, mood, take.intensity, take.number)


@lru_cache(maxsize=64)
def _timed(seed: int, speaker: int, sentence: int, mood: int, intensity: int, number: int) -> Timeline:
    tempo = prosody_of(SPFEM_EMOTIONS[mood], intensity).tempo
    rate = voice_of(speaker, seed).rate
    return timeline(
        sentence_of(sentence), rate, tempo, (seed, 19, speaker, sentence, mood, intensity, number)
    )


def _timeline(spec: ClipSpec) -> Timeline:
    return _timed(*_key(spec))


def _stress(line: Timeline, times: Floats) -> Floats:
    """(T,) 1 in the middle of each syllable under primary stress, falling off within 0.15 s."""
    peaks = [(item.start + item.end) / 2 for item in line.segments if item.stress == 1]
    if not peaks:
        return np.zeros_like(times)
    away = np.abs(times[:, None] - np.array(peaks)).min(axis=1)
    return np.asarray(np.exp(-0.5 * (away / 0.09) ** 2))

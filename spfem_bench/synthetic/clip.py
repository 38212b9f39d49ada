"""One rendered clip: frames, voice and the truth behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from spfem_bench.errors import UsageError
from spfem_bench.synthetic.drive import Motion, motion
from spfem_bench.synthetic.identity import Identity, identity_of
from spfem_bench.synthetic.muscles import Muscles, expression
from spfem_bench.synthetic.paint import Painter, Placement, placement
from spfem_bench.synthetic.shape import Pose, Shape, shape
from spfem_bench.synthetic.voice import RATE, sentence, speak

Frames = NDArray[np.uint8]
Samples = NDArray[np.float32]
_CHUNK = 32


@dataclass(frozen=True)
class ClipSpec:
    """What decides a rendered clip; clips that differ in emotion or intensity alone are true pairs.

    Args:
        speaker: index of the person.
        sentence: index of the words.
        emotion: one of the seven of `spfem_bench.datasets.records.SPFEM_EMOTIONS`.
        intensity: 1 to 3.
        seconds: length, 0.2 to 600.
        size: height and width in pixels, 32 to 1024.
        fps: frames per second.
        seed: of the whole population of people and sentences.
        audio: (N,) float32 at 16 kHz that drives the mouth instead of the sentence's voice.

    Raises:
        UsageError: a length, size or label out of range.
    """

    speaker: int
    sentence: int
    emotion: str = "neutral"
    intensity: int = 3
    seconds: float = 2.0
    size: int = 128
    fps: Fraction = Fraction(25)
    seed: int = 0
    audio: Samples | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        expression(self.emotion, self.intensity)
        if not (0.2 <= self.seconds <= 600 and 32 <= self.size <= 1024 and self.fps > 0):
            raise UsageError(
                f"cannot render {self.seconds} s at {self.size} px and {self.fps} frames/s: "
                "give 0.2 to 600 s, 32 to 1024 px and a positive rate"
            )

    @property
    def frame_count(self) -> int:
        """T, the number of frames."""
        return round(Fraction(self.seconds).limit_denominator(10**6) * self.fps)


@dataclass(frozen=True)
class Truth:
    """What is exactly known of every frame.

    Args:
        landmarks: (T, 18, 2) float32 pixels, names in `spfem_bench.synthetic.shape.LANDMARKS`.
        mouth_opening: (T,) float32 gap between the lips over the distance between the eyes.
        mouth_width: (T,) float32 distance between the mouth's corners over the distance between the eyes.
        blink: (T,) float32 0 open to 1 closed.
        roll: (T,) float32 degrees, clockwise in the image.
        muscles: activations, the same in every frame up to a slow swell.
        motion: the curves behind the frames.
    """

    landmarks: NDArray[np.float32]
    mouth_opening: NDArray[np.float32]
    mouth_width: NDArray[np.float32]
    blink: NDArray[np.float32]
    roll: NDArray[np.float32]
    muscles: Muscles
    motion: Motion


@dataclass(frozen=True)
class RenderedClip:
    """A clip in memory: frames (T, H, W, 3) uint8 RGB, audio (N,) float32 at 16 kHz, and the truth."""

    frames: Frames
    audio: Samples
    truth: Truth


@dataclass(frozen=True)
class Scene:
    """A clip before it is painted: shapes are made frame by frame on request."""

    spec: ClipSpec
    who: Identity
    audio: Samples
    motion: Motion
    muscles: Muscles

    def muscles_at(self, index: int) -> Muscles:
        """The expression at a frame: it swells slowly by a few percent, as nobody holds still."""
        time = index / float(self.spec.fps)
        return self.muscles.scaled(1.0 + 0.05 * float(np.sin(2 * np.pi * 0.35 * time)))

    def shape_at(self, index: int) -> Shape:
        """The face's curves at a frame, in face units."""
        curve = self.motion
        gaze = (float(curve.gaze[index, 0]), float(curve.gaze[index, 1]))
        pose = Pose(float(curve.opening[index]), float(curve.spread[index]), float(curve.blink[index]), gaze)
        return shape(self.who, self.muscles_at(index), pose)


def stage(spec: ClipSpec) -> Scene:
    """Voice, motion and muscles of a clip, without painting a frame."""
    who = identity_of(spec.speaker, spec.seed)
    audio = spec.audio if spec.audio is not None else voice(spec)
    curves = motion(audio, RATE, spec.fps, spec.frame_count, (spec.seed, 5, spec.speaker, spec.sentence))
    muscles = expression(spec.emotion, spec.intensity).scaled(who.expressivity)
    return Scene(spec, who, audio, curves, muscles)


def voice(spec: ClipSpec) -> Samples:
    """The clip's voice, (N,) float32 at 16 kHz: it depends on speaker and sentence, not on the emotion."""
    who = identity_of(spec.speaker, spec.seed)
    words = sentence(spec.sentence, spec.seconds, who.rate, spec.seed)
    return speak(who, words, spec.seconds, spec.seed)


def render_chunks(spec: ClipSpec, chunk: int = _CHUNK) -> Iterator[Frames]:
    """The clip's frames in order, (n, size, size, 3) uint8 RGB with n at most ``chunk``."""
    yield from render_frames(spec, range(spec.frame_count), chunk)


def render_frames(spec: ClipSpec, indices: Sequence[int], chunk: int = _CHUNK) -> Iterator[Frames]:
    """Only these frames of a clip, in the order given, in chunks."""
    scene = stage(spec)
    painter = Painter(scene.who, spec.size)
    for start in range(0, len(indices), chunk):
        yield np.stack([_frame(scene, painter, index) for index in indices[start : start + chunk]])


def render_clip(spec: ClipSpec) -> RenderedClip:
    """The whole clip in memory, with its truth.

    The same spec gives the same frames on every machine to within one grey level: all randomness comes from
    PCG64 streams keyed by index, and polygons are filled on a fixed-point grid.
    """
    return RenderedClip(np.concatenate(list(render_chunks(spec))), stage(spec).audio, truth(spec))


def truth(spec: ClipSpec) -> Truth:
    """Landmarks and curves of a clip, without painting it."""
    scene = stage(spec)
    shapes = [scene.shape_at(index) for index in range(spec.frame_count)]
    places = [_place(scene, index) for index in range(spec.frame_count)]
    marks = np.stack([place.apply(item.landmarks) for place, item in zip(places, shapes, strict=True)])
    distance = scene.who.eye_distance
    inner = [item.landmarks[11, 1] - item.landmarks[10, 1] for item in shapes]
    return Truth(
        landmarks=marks.astype(np.float32),
        mouth_opening=np.array(inner, np.float32) / np.float32(distance),
        mouth_width=np.array([2 * item.mouth.half_width / distance for item in shapes], np.float32),
        blink=scene.motion.blink.astype(np.float32),
        roll=scene.motion.roll.astype(np.float32),
        muscles=scene.muscles,
        motion=scene.motion,
    )


def true_pair(spec: ClipSpec, emotion: str, intensity: int = 3) -> ClipSpec:
    """The same person saying the same words in another emotion, frame by frame in step."""
    return replace(spec, emotion=emotion, intensity=intensity)


def _place(scene: Scene, index: int) -> Placement:
    curve = scene.motion
    return placement(scene.spec.size, curve.shift[index], float(curve.roll[index]), float(curve.scale[index]))


def _frame(scene: Scene, painter: Painter, index: int) -> Frames:
    return painter.paint(scene.shape_at(index), scene.muscles_at(index), _place(scene, index))

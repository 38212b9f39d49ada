"""Every degradation by name: its unit, its family, and how a scene is brought to a level of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from spfem_bench.certify.degrade import blur, colour, drop, freeze, jpeg, late, late_sound, noise, splice
from spfem_bench.certify.degrade.picture import Frames, fine_jpeg
from spfem_bench.certify.scenes import Scene, Sides
from spfem_metrics.media import ArrayMedia


@dataclass(frozen=True)
class Setting:
    """A scene about to be degraded.

    Args:
        scene: the scene.
        eyes: distance between the eyes in the clean output, in pixels.
    """

    scene: Scene
    eyes: float

    def stream(self, key: int) -> np.random.Generator:
        """Random numbers of this scene and ``key``."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence((self.scene.seed, key))))

    def with_frames(self, frames: Frames) -> Sides:
        """The scene with another picture in its output."""
        return self.with_output(replace(self.scene.output, frames=np.ascontiguousarray(frames)))

    def with_output(self, output: ArrayMedia) -> Sides:
        """The scene with another output."""
        return {**self.scene.sides, "output": output}


Stage = Callable[[Setting, float], Sides | None]
"""The scene's sides at a level, None where that cannot be made of this scene."""


@dataclass(frozen=True)
class Degradation:
    """One way to harm a clip.

    Args:
        name: kebab-case.
        family: degradations drawn on one sheet: ``picture``, ``time``, ``speech``, ``identity``, ``emotion``.
        unit: of its levels; level 0 is no harm, and harm grows with the level.
        about: what is done, in a sentence.
        stage: does it.
        own_start: whether its level 0 is another scene than the clean one.
    """

    name: str
    family: str
    unit: str
    about: str
    stage: Stage
    own_start: bool = False


def _blur(setting: Setting, level: float) -> Sides:
    return setting.with_frames(blur(setting.scene.output.frames, level * setting.eyes))


def _jpeg(setting: Setting, level: float) -> Sides:
    quality = 101.0 if level == 0 else 100.0 - level
    return setting.with_frames(jpeg(setting.scene.output.frames, quality))


def _noise(setting: Setting, level: float) -> Sides:
    return setting.with_frames(noise(setting.scene.output.frames, level, setting.stream(1)))


def _colour(setting: Setting, level: float) -> Sides:
    return setting.with_frames(colour(setting.scene.output.frames, level))


def _drop(setting: Setting, level: float) -> Sides:
    return setting.with_frames(drop(setting.scene.output.frames, level, setting.stream(2)))


def _freeze(setting: Setting, level: float) -> Sides:
    return setting.with_frames(freeze(setting.scene.output.frames, level))


def _late(setting: Setting, level: float) -> Sides:
    return setting.with_frames(late(setting.scene.output.frames, round(level)))


def _sound(sign: int) -> Stage:
    def stage(setting: Setting, level: float) -> Sides | None:
        """The output with its sound moved by ``level`` frames."""
        output = setting.scene.output
        if output.samples is None:
            return None
        seconds = sign * level / float(output.fps)
        samples = late_sound(output.samples, seconds, output.sample_rate)
        return setting.with_output(replace(output, samples=samples))

    return stage


def _swapped(variant: Callable[[Scene], ArrayMedia | None]) -> Stage:
    def stage(setting: Setting, level: float) -> Sides | None:
        """The output with the frames of its end taken from another clip."""
        other = variant(setting.scene)
        if other is None:
            return None
        return setting.with_frames(splice(setting.scene.output.frames, other.frames, level))

    return stage


def _blended(variant: Callable[[Scene, float], ArrayMedia | None]) -> Stage:
    def stage(setting: Setting, level: float) -> Sides | None:
        """The output made anew between two ends."""
        output = variant(setting.scene, level)
        return None if output is None else setting.with_output(output)

    return stage


def _added(interaction: bool) -> Stage:
    return lambda setting, level: setting.scene.variants.added_emotion(level, interaction=interaction)


_ALL = (
    Degradation("blur", "picture", "inter-ocular distances", "Gaussian blur of this deviation", _blur),
    Degradation("jpeg", "picture", "100 - quality", "each frame through JPEG with halved chroma", _jpeg),
    Degradation("noise", "picture", "grey levels", "normal noise of this deviation on every channel", _noise),
    Degradation("colour", "picture", "gain - 1", "brighter by this share and warmer by as much", _colour),
    Degradation("frame-drop", "time", "share of frames", "lost here and there, the one before shown", _drop),
    Degradation("freeze", "time", "share of clip", "the picture stands in the middle of the clip", _freeze),
    Degradation("late-picture", "time", "frames", "the picture follows its sound and source late", _late),
    Degradation("audio-late", "speech", "frames", "the sound comes late, silence before it", _sound(1)),
    Degradation("audio-early", "speech", "frames", "the sound comes early, silence after it", _sound(-1)),
    Degradation(
        "words-blend",
        "speech",
        "share of another sentence",
        "the mouth between its own articulation and another sentence's, head and expression kept",
        _blended(lambda scene, share: scene.variants.words_blend(share)),
    ),
    Degradation(
        "words-swap",
        "speech",
        "share of clip",
        "the clip's end replaced by the same person saying something else",
        _swapped(lambda scene: scene.variants.other_words),
    ),
    Degradation(
        "identity-blend",
        "identity",
        "share of a stranger",
        "the face between the person's and a stranger's",
        _blended(lambda scene, share: scene.variants.identity_blend(share)),
    ),
    Degradation(
        "identity-swap",
        "identity",
        "share of clip",
        "the clip's end replaced by another person's",
        _swapped(lambda scene: scene.variants.stranger),
    ),
    Degradation(
        "emotion-blend",
        "emotion",
        "share of neutral",
        "the expression between the target and neutral",
        _blended(lambda scene, share: scene.variants.emotion_blend(share)),
    ),
    Degradation(
        "emotion-swap",
        "emotion",
        "share of clip",
        "the clip's end replaced by the same person in another emotion than the target",
        _swapped(lambda scene: scene.variants.other_emotion),
    ),
    Degradation(
        "emotion-apart",
        "emotion",
        "share of the target",
        "the target put on the neutral source, which neither hinders nor changes the words (interaction off)",
        _added(interaction=False),
        own_start=True,
    ),
    Degradation(
        "emotion-meeting",
        "emotion",
        "share of the target",
        "the target put on the neutral source, which changes how the words are formed (interaction on)",
        _added(interaction=True),
        own_start=True,
    ),
)
CATALOGUE: Mapping[str, Degradation] = {item.name: item for item in _ALL}
"""Name -> degradation, in the order of the tables."""


def _reencoded(setting: Setting) -> Sides:
    return setting.with_frames(fine_jpeg(setting.scene.output.frames))


def _reseeded(setting: Setting) -> Sides:
    return setting.with_output(setting.scene.variants.reseeded)


FLOORS: Mapping[str, Callable[[Setting], Sides]] = {"re-encoded": _reencoded, "reseeded": _reseeded}
"""What nobody should see: near-lossless re-encoding, and other camera noise."""

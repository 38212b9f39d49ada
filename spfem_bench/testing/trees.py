"""Small folders of real, decodable clips in the layouts of MEAD and RAVDESS, traps included.

For tests of readers, protocols and whole runs: names, numbering, containers, codecs and rates are those of
the real data sets; pictures are small, clips short, and what is seen and heard comes from a `Render`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.mead_numbers import COMMON, mead_numbers, mead_sentence
from spfem_bench.datasets.ravdess import EMOTION_CODES
from spfem_bench.datasets.records import SPFEM_EMOTIONS

Frames = NDArray[np.uint8]
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Utterance:
    """What a clip shows and says; clips of one ``sentence`` say the same words.

    Args:
        speaker: as in the tree.
        emotion: a label of the data set.
        intensity: 1 to 3.
        sentence: index of the words.
        take: recording.
        fps: the rate the frames must have.
        rate: the sampling rate of the sound, Hz.
    """

    speaker: str
    emotion: str
    intensity: int
    sentence: int
    take: int
    fps: Fraction
    rate: int


class Render(Protocol):
    """Draws one clip."""

    def __call__(self, utterance: Utterance) -> tuple[Frames, Samples]:
        """(T, H, W, 3) uint8 RGB with even H and W, and (N,) float32 in [-1, 1] at ``utterance.rate``."""
        ...


@dataclass(frozen=True)
class Pattern:
    """A square that moves over a ground, and a chain of tones: no face, quick to draw.

    Speaker and emotion give the colours, the sentence gives the tones and the path.

    Args:
        size: of the picture, pixels, even.
        frames: per clip.
    """

    size: int = 64
    frames: int = 24

    def __call__(self, utterance: Utterance) -> tuple[Frames, Samples]:
        """See `Render`."""
        return self._frames(utterance), self._tones(utterance)

    def _frames(self, utterance: Utterance) -> Frames:
        seed = [*utterance.speaker.encode(), *utterance.emotion.encode(), utterance.take]
        ground, square = np.random.default_rng(seed).integers(40, 216, (2, 3))
        video = np.broadcast_to(ground.astype(np.uint8), (self.frames, self.size, self.size, 3)).copy()
        side = self.size // 4
        for t in range(self.frames):
            x = (2 * t + 7 * utterance.sentence) % (self.size - side)
            y = (t * utterance.intensity + 3 * utterance.sentence) % (self.size - side)
            video[t, y : y + side, x : x + side] = square
        return video

    def _tones(self, utterance: Utterance) -> Samples:
        time = np.arange(int(self.frames / utterance.fps * utterance.rate)) / utterance.rate
        pitches = np.random.default_rng(utterance.sentence).uniform(200, 2000, 6)
        pitch = pitches[np.minimum((time * len(pitches) / max(time[-1], 1e-9)).astype(int), len(pitches) - 1)]
        return (0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / utterance.rate)).astype(np.float32)


def make_mead_tree(
    root: Path,
    actors: Mapping[str, str],
    emotions: Sequence[str] = SPFEM_EMOTIONS,
    *,
    views: Sequence[str] = ("front",),
    levels: Sequence[int] = (3,),
    last: Mapping[str, int] | None = None,
    render: Render | None = None,
) -> Path:
    """Write MEAD-like actors: mp4 at 30 fps without sound, m4a at 48 kHz beside it.

    Args:
        root: made if absent.
        actors: id -> a numbering of `spfem_bench.datasets.mead_numbers`.
        emotions: folders to make; neutral is written at level_1 only.
        views: folders to make.
        levels: of the emotions other than neutral.
        last: how many of the last clips to write beside those of the shared sentences, by emotion or
            ``other``; two by default.
        render: what is seen and heard; a `Pattern` by default.
    """
    draw = render or Pattern()
    for (actor, scheme), emotion in product(actors.items(), emotions):
        keep = _ranks(scheme, emotion, last or {"other": 2})
        numbers = mead_numbers(scheme, emotion)
        for level, rank in product((1,) if emotion == "neutral" else levels, keep):
            sentence = mead_sentence(scheme, emotion, rank)
            said = Utterance(actor, emotion, level, sentence, 1, Fraction(30), 48000)
            _write_mead(root / actor, said, f"{numbers[rank - 1]:03d}", views, draw)
    return root


def _ranks(scheme: str, emotion: str, last: Mapping[str, int]) -> list[int]:
    count = len(mead_numbers(scheme, emotion))
    shared = {rank for rank in range(1, count + 1) if mead_sentence(scheme, emotion, rank) < COMMON}
    tail = last.get(emotion, last.get("other", 0))
    return sorted(shared | set(range(count - tail + 1, count + 1)))


def _write_mead(actor: Path, said: Utterance, number: str, views: Iterable[str], draw: Render) -> None:
    frames, samples = draw(said)
    place = Path(said.emotion, f"level_{said.intensity}")
    for view in views:
        write_clip(actor / "video" / view / place / f"{number}.mp4", frames, said.fps)
    write_clip(actor / "audio" / place / f"{number}.m4a", None, said.fps, samples, said.rate)


def make_ravdess_tree(
    root: Path,
    actors: Iterable[int] = (1, 2),
    emotions: Sequence[str] = tuple(EMOTION_CODES.values()),
    *,
    statements: Sequence[int] = (1, 2),
    repetitions: Sequence[int] = (1, 2),
    intensities: Sequence[int] = (1, 2),
    render: Render | None = None,
) -> Path:
    """Write RAVDESS-like actors: mp4 at 30000/1001 fps with AAC at 48 kHz, modality 01, spoken.

    Args:
        root: made if absent.
        actors: 1 to 24.
        emotions: RAVDESS's labels in this project's spelling, ``calm`` included.
        statements: 1 and 2.
        repetitions: 1 and 2.
        intensities: 1 and 2; neutral is written at 1 only.
        render: what is seen and heard; a `Pattern` by default.
    """
    draw = render or Pattern()
    codes = {label: code for code, label in EMOTION_CODES.items()}
    for actor, label, level, statement, take in product(
        actors, emotions, intensities, statements, repetitions
    ):
        if label == "neutral" and level == 2:
            continue
        folder = f"Actor_{actor:02d}"
        name = f"01-01-{codes[label]}-{level:02d}-{statement:02d}-{take:02d}-{actor:02d}.mp4"
        said = Utterance(folder, label, level, statement - 1, take, Fraction(30000, 1001), 48000)
        frames, samples = draw(said)
        write_clip(root / folder / name, frames, said.fps, samples, said.rate)
    return root


def write_clip(
    path: Path, frames: Frames | None, fps: Fraction, samples: Samples | None = None, rate: int = 48000
) -> None:
    """Write H.264 video, AAC sound, or both.

    Args:
        path: its folder is made; the extension chooses the container.
        frames: (T, H, W, 3) uint8 RGB with even H and W, or None.
        fps: of the frames.
        samples: (N,) float32 mono in [-1, 1], or None.
        rate: of the samples, Hz.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4" if path.suffix.lower() == ".m4a" else None) as container:
        video = None if frames is None else _video_stream(container, frames, fps)
        sound = None if samples is None else container.add_stream("aac", rate=rate, layout="mono")
        if video is not None and frames is not None:
            for picture in frames:
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(video.encode(None))
        if sound is not None and samples is not None:
            frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            frame.sample_rate = rate
            frame.pts = 0  # without it the encoder's delay is not marked as such, and is heard as silence
            container.mux([*sound.encode(frame), *sound.encode(None)])


def _video_stream(container: Any, frames: Frames, fps: Fraction) -> Any:
    stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "20"})
    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt = "yuv420p"
    stream.thread_count = 1
    return stream

"""Material for lip-sync: lower faces and voices of whole rendered clips, as flat files read by memory map."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.digest import digest_of
from spfem_bench.fsio import storage_errors, write_atomically
from spfem_bench.synthetic.draws import generator
from spfem_bench.training.samples import renderer_digest
from spfem_metrics.synthetic.cutting import lower_face
from spfem_metrics.synthetic.nets.crops import SIDE

if TYPE_CHECKING:
    from spfem_bench.progress import Progress
    from spfem_bench.synthetic.clip import ClipSpec

RATE = 25


Clip = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""(T, 64, 64, 3) lower faces and (N,) samples."""


@dataclass(frozen=True)
class Plan:
    """Which clips are rendered.

    Args:
        population: seed of the people.
        people: how many; one clip each after another until ``clips`` are made.
        clips: in all.
        noise: how far the crop is off, as with landmarks that a network found: standard deviation of its
            shift in eye distances, of its logarithmic scale and of its turn in radians, drawn once for a
            clip; a quarter of the shift is drawn anew for each frame.
        seconds: length, None for as long as each sentence takes.
        first: index of the first person.
    """

    population: int
    people: int
    clips: int
    noise: float = 0.025
    seconds: float | None = None
    first: int = 0

    @property
    def key(self) -> str:
        """Names the folder: other plans and another renderer have others."""
        return f"mouths-{self.population}-{self.clips}-{digest_of([asdict(self), renderer_digest()])[:12]}"

    def spec(self, index: int) -> ClipSpec:
        """A clip: person, sentence, emotion, level and take are drawn, emotions in turn."""
        from spfem_bench.synthetic.clip import ClipSpec, Take
        from spfem_bench.synthetic.speech.sentences import SENTENCES

        draw = generator(self.population, 41, self.first, index)
        emotion = SPFEM_EMOTIONS[index % len(SPFEM_EMOTIONS)]
        level = 1 if emotion == "neutral" else int(draw.integers(1, 4))
        return ClipSpec(
            speaker=self.first + index % self.people,
            sentence=int(draw.integers(SENTENCES)),
            emotion=emotion,
            intensity=level,
            seed=self.population,
            take=Take(emotion, level, int(draw.integers(100))),
            seconds=self.seconds,
        )


@dataclass(frozen=True)
class Mouths:
    """Clips one after another.

    Args:
        pictures: (F, 64, 64, 3) uint8 lower faces, memory-mapped.
        samples: (N,) float32 at 16 kHz, memory-mapped.
        frames: (C + 1,) where each clip's pictures begin, and the end.
        sounds: (C + 1,) the same for the samples.
    """

    pictures: NDArray[np.uint8]
    samples: NDArray[np.float32]
    frames: NDArray[np.int64]
    sounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frames) - 1

    def faces(self, clip: int) -> NDArray[np.uint8]:
        """(T, 64, 64, 3) of one clip."""
        return self.pictures[self.frames[clip] : self.frames[clip + 1]]

    def sound(self, clip: int) -> NDArray[np.float32]:
        """(n,) of one clip."""
        return self.samples[self.sounds[clip] : self.sounds[clip + 1]]


def mouths(plan: Plan, work: Path, progress: Progress, processes: int = 2) -> Mouths:
    """The plan's clips, rendered where they are not there yet.

    Args:
        plan: what to render.
        work: folder in which a folder of the plan's key is made.
        progress: told each clip.
        processes: that render.

    Raises:
        StorageError: the folder cannot be written.
    """
    place = work / plan.key
    if not (place / "index.json").is_file():
        _render(plan, place, progress, processes)
    index = json.loads((place / "index.json").read_text())
    pictures = np.memmap(place / "pictures.bin", np.uint8, "r").reshape(-1, SIDE, SIDE, 3)
    samples = np.memmap(place / "samples.bin", np.float32, "r")
    return Mouths(pictures, samples, np.array(index["frames"]), np.array(index["sounds"]))


def _render(plan: Plan, place: Path, progress: Progress, processes: int) -> None:
    frames, sounds = [0], [0]
    with storage_errors(place):
        place.mkdir(parents=True, exist_ok=True)
        with (place / "pictures.bin").open("wb") as pictures, (place / "samples.bin").open("wb") as samples:
            for faces, sound in _clips(plan, progress, processes):
                pictures.write(faces.tobytes())
                samples.write(sound.tobytes())
                frames.append(frames[-1] + len(faces))
                sounds.append(sounds[-1] + len(sound))
        write_atomically(place / "index.json", json.dumps({"frames": frames, "sounds": sounds}))


def _clips(plan: Plan, progress: Progress, processes: int) -> Iterator[Clip]:
    stage = f"clips of population {plan.population}"
    progress.start(stage, plan.clips)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for index, clip in enumerate(pool.map(_clip, [plan] * plan.clips, range(plan.clips))):
            yield clip
            progress.advance(stage, str(index))
    progress.finish(stage)


def _clip(plan: Plan, index: int) -> Clip:
    """One clip's lower faces and voice."""
    from spfem_bench.synthetic.clip import render_clip

    clip = render_clip(plan.spec(index))
    points = shaken(clip.truth.landmarks, plan.noise, generator(plan.population, 43, plan.first, index))
    faces = [lower_face(image, at) for image, at in zip(clip.frames, points, strict=True)]
    return np.stack(faces), clip.audio.astype(np.float32)


def shaken(landmarks: NDArray[np.float32], noise: float, draw: np.random.Generator) -> NDArray[np.float64]:
    """True landmarks moved as a whole, a little anew in each frame.

    Args:
        landmarks: (T, 68, 2) px.
        noise: see `Plan`.
        draw: of the noise.

    Returns:
        (T, 68, 2) px.
    """
    points = landmarks.astype(np.float64)
    middle = points[:, 33:34]
    apart = float(np.linalg.norm(points[:, 45] - points[:, 36], axis=1).mean()) / 1.45
    factor = np.exp(noise * (draw.standard_normal() + 1j * draw.standard_normal()))
    turn = np.array([[factor.real, factor.imag], [-factor.imag, factor.real]])
    shift = draw.standard_normal((1, 1, 2)) + draw.standard_normal((len(points), 1, 2)) / 4
    return np.asarray((points - middle) @ turn + middle + noise * apart * shift)

"""What the backbone learns from: crops of whole clips with their sound, as flat files read by memory map.

Rendered people give *true pairs*: in one group the same person says the same words at the same instants in
every emotion. Recorded clips (`spfem_bench.training.backbone.recorded`) come in groups of one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spfem_baselines.backbone.crops import crop_place, cut
from spfem_baselines.placing import Place, place_by_eyes
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.digest import digest_of
from spfem_bench.fsio import folder_lock, storage_errors, write_atomically
from spfem_bench.synthetic.draws import generator
from spfem_bench.training.samples import renderer_digest

if TYPE_CHECKING:
    from spfem_bench.progress import Progress
    from spfem_bench.synthetic.clip import ClipSpec

RATE = 25
"""Frames per second of the material."""
SOUND = 16000
"""Hz of its sound."""
_EYES = (slice(36, 42), slice(42, 48))
_SHIFT, _SCALE, _TURN = 0.03, 0.03, 0.02
"""How far a rendered face's crop is off, as where a face is found: eye distances, log scale, radians."""


@dataclass(frozen=True)
class Take:
    """One clip cut for training.

    Args:
        pictures: (T, S, S, 3) uint8 RGB crops.
        points: (T, 68, 2) float32 px of the crop, NaN where unknown.
        sound: (N,) float32 at 16 kHz.
        person: who, an index.
        group: clips of one group are frame for frame the same but for the emotion.
        emotion: index into `SPFEM_EMOTIONS`.
    """

    pictures: NDArray[np.uint8]
    points: NDArray[np.float32]
    sound: NDArray[np.float32]
    person: int
    group: int
    emotion: int


@dataclass(frozen=True)
class Plan:
    """Which rendered clips.

    Args:
        people: how many of the population.
        sentences: of each person; each is one group of seven clips.
        frames: of each clip at most, from a drawn place in the sentence.
        side: S of the crops.
        population: seed of the people.
        level: intensity shown.
    """

    people: int
    sentences: int
    frames: int
    side: int
    population: int = 10
    level: int = 3

    @property
    def key(self) -> str:
        """Names the folder: other plans and another renderer have others."""
        return f"backbone-{self.population}-{digest_of([asdict(self), renderer_digest()])[:12]}"

    @property
    def groups(self) -> int:
        """Number of groups."""
        return self.people * self.sentences

    def spec(self, group: int) -> ClipSpec:
        """The neutral clip of a group; its true pairs share its timing."""
        from spfem_bench.synthetic.clip import ClipSpec
        from spfem_bench.synthetic.speech.sentences import SENTENCES

        draw = generator(self.population, 61, group)
        words = int(draw.integers(SENTENCES))
        return ClipSpec(group % self.people, words, "neutral", 1, seed=self.population)


@dataclass(frozen=True)
class Material:
    """Clips one after another.

    Args:
        pictures: (F, S, S, 3) uint8, memory-mapped.
        points: (F, 68, 2) float32 px, memory-mapped; NaN where unknown.
        sound: (N,) float32, memory-mapped.
        frames: (C + 1,) where each clip's pictures begin, and the end.
        samples: (C + 1,) the same for the sound.
        people: (C,) who.
        groups: (C,) of true pairs.
        emotions: (C,) index into `SPFEM_EMOTIONS`.
    """

    pictures: NDArray[np.uint8]
    points: NDArray[np.float32]
    sound: NDArray[np.float32]
    frames: NDArray[np.int64]
    samples: NDArray[np.int64]
    people: NDArray[np.int64]
    groups: NDArray[np.int64]
    emotions: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.people)

    @property
    def side(self) -> int:
        """S of the crops."""
        return int(self.pictures.shape[1])

    def length(self, clip: int) -> int:
        """Number of frames of a clip."""
        return int(self.frames[clip + 1] - self.frames[clip])

    def cut(self, clip: int, start: int, stop: int) -> NDArray[np.uint8]:
        """(n, S, S, 3) frames of a clip."""
        return np.array(self.pictures[self.frames[clip] + start : self.frames[clip] + stop])

    def marks(self, clip: int, start: int, stop: int) -> NDArray[np.float32]:
        """(n, 68, 2) points of a clip."""
        return np.array(self.points[self.frames[clip] + start : self.frames[clip] + stop])

    def heard(self, clip: int) -> NDArray[np.float32]:
        """(N,) the sound of a clip."""
        return np.array(self.sound[self.samples[clip] : self.samples[clip + 1]])

    @property
    def is_paired(self) -> bool:
        """Whether every clip has a true pair in some other emotion."""
        _, counts = np.unique(self.groups, return_counts=True)
        return bool((counts > 1).all())

    @property
    def has_points(self) -> bool:
        """Whether the points of every face are known."""
        return len(self.points) > 0 and bool(
            np.isfinite(self.points[:: max(1, len(self.points) // 64)]).all()
        )

    @cached_property
    def shown(self) -> dict[int, NDArray[np.int64]]:
        """Emotion -> the clips that show it."""
        return {int(e): np.flatnonzero(self.emotions == e) for e in np.unique(self.emotions)}

    @cached_property
    def fellows(self) -> dict[int, NDArray[np.int64]]:
        """Group -> its clips."""
        return {int(g): np.flatnonzero(self.groups == g) for g in np.unique(self.groups)}


def rendered(plan: Plan, work: Path, progress: Progress, processes: int = 1) -> Material:
    """The plan's clips, rendered where they are not there yet.

    Raises:
        StorageError: the folder cannot be written, or another process renders into it.
    """
    return kept(work / plan.key, partial(_render, plan, processes), plan.groups, progress)


def kept(
    place: Path, make: Callable[[], Iterable[Sequence[Take]]], groups: int, progress: Progress
) -> Material:
    """The material of a folder, made where it is not there yet.

    Args:
        place: the folder, named by all that decides its content.
        make: gives the takes, a group at a time.
        groups: how many, for progress.
        progress: told each group.

    Raises:
        StorageError: the folder cannot be written, or another process writes into it.
    """
    with folder_lock(place):
        if not (place / "index.json").is_file():
            _write(place, make(), groups, progress)
    return opened(place)


def opened(place: Path) -> Material:
    """The material of a folder that was made before."""
    index = json.loads((place / "index.json").read_text())
    side, columns = index.pop("side"), {name: np.array(row, np.int64) for name, row in index.items()}
    pictures = np.memmap(place / "pictures.bin", np.uint8, "r").reshape(-1, side, side, 3)
    points = np.memmap(place / "points.bin", np.float32, "r").reshape(-1, 68, 2)
    return Material(pictures, points, np.memmap(place / "sound.bin", np.float32, "r"), **columns)


def _write(place: Path, groups: Iterable[Sequence[Take]], count: int, progress: Progress) -> None:
    stage, rows, side = f"clips for {place.name}", list[tuple[int, ...]](), 0
    progress.start(stage, count)
    with storage_errors(place), ExitStack() as opened_files:
        names = ("pictures", "points", "sound")
        files = [opened_files.enter_context((place / f"{name}.bin").open("wb")) for name in names]
        for takes in groups:
            for take in takes:
                for file, part in zip(files, _bytes(take), strict=True):
                    file.write(part)
                side = take.pictures.shape[1]
                rows.append((len(take.pictures), len(take.sound), take.person, take.group, take.emotion))
            progress.advance(stage, f"group {takes[0].group}")
    progress.finish(stage)
    write_atomically(place / "index.json", json.dumps(_index(np.array(rows, np.int64).reshape(-1, 5), side)))


def _bytes(take: Take) -> tuple[bytes, bytes, bytes]:
    points, sound = (np.asarray(part, np.float32) for part in (take.points, take.sound))
    return take.pictures.tobytes(), points.tobytes(), sound.tobytes()


def _index(rows: NDArray[np.int64], side: int) -> dict[str, object]:
    begins = [np.concatenate([[0], np.cumsum(rows[:, axis])]).tolist() for axis in (0, 1)]
    named = zip(("people", "groups", "emotions"), rows[:, 2:].T.tolist(), strict=True)
    return {"side": side, "frames": begins[0], "samples": begins[1], **dict(named)}


def _render(plan: Plan, processes: int) -> Iterator[list[Take]]:
    if processes == 1:
        yield from (_group(plan, group) for group in range(plan.groups))
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_group, [plan] * plan.groups, range(plan.groups))


def _group(plan: Plan, group: int) -> list[Take]:
    """A group's seven clips, cut at the same places."""
    from spfem_bench.synthetic.clip import true_pair, truth

    neutral = plan.spec(group)
    draw = generator(plan.population, 67, group)
    count = min(plan.frames, neutral.frame_count)
    first = int(draw.integers(neutral.frame_count - count + 1))
    indices = list(range(first, first + count))
    places = _shaken(truth(neutral, indices).landmarks, plan.side, draw)
    pairs = [
        true_pair(neutral, emotion, 1 if emotion == "neutral" else plan.level) for emotion in SPFEM_EMOTIONS
    ]
    return [_take(plan, group, spec, indices, places) for spec in pairs]


def _take(plan: Plan, group: int, spec: ClipSpec, indices: list[int], places: Sequence[Place]) -> Take:
    from spfem_bench.synthetic.clip import render_frames, truth, voice

    frames = (frame for chunk in render_frames(spec, indices) for frame in chunk)
    pictures = np.stack([cut(frame, place, plan.side) for frame, place in zip(frames, places, strict=True)])
    step = SOUND // RATE
    sound = voice(spec)[indices[0] * step : (indices[-1] + 1) * step].astype(np.float32)
    points = [_inside(at, place) for at, place in zip(truth(spec, indices).landmarks, places, strict=True)]
    emotion = SPFEM_EMOTIONS.index(spec.emotion)
    return Take(pictures, np.stack(points), sound, spec.speaker, group, emotion)


def _inside(points: NDArray[np.float32], place: Place) -> NDArray[np.float32]:
    """Frame pixels -> crop pixels."""
    return np.asarray((points - place[:, 2]) @ np.linalg.inv(place[:, :2]).T, np.float32)


def _shaken(landmarks: NDArray[np.float32], side: int, draw: np.random.Generator) -> list[Place]:
    """Where the crops of a clip lie: by the eyes, off as a whole and a little anew in each frame."""
    scale, turn = np.exp(_SCALE * draw.standard_normal()), _TURN * draw.standard_normal()
    off = _SHIFT * (draw.standard_normal((1, 2)) + draw.standard_normal((len(landmarks), 2)) / 4)
    spin = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    places = []
    for points, shift in zip(landmarks.astype(np.float64), off, strict=True):
        left, right = (points[eye].mean(axis=0) for eye in _EYES)
        middle, half = (left + right) / 2, (right - left) / 2 @ spin.T
        middle = middle + np.linalg.norm(half) * 2 * shift
        places.append(crop_place(place_by_eyes(middle - half, middle + half), side))
    return places

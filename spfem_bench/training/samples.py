"""Stills to learn from: frames of rendered clips with their truth, in memory-mapped files.

A set of stills is decided by its `Plan` and by the renderer's code, whose digest is part of the folder's
name; it is rendered once, by as many processes as there are processors, and kept in the work folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.digest import digest_of, digest_sources
from spfem_bench.fsio import folder_lock, storage_errors, write_atomically
from spfem_bench.progress import Progress
from spfem_bench.synthetic.clip import ClipSpec, Take, render_frames, truth
from spfem_bench.synthetic.draws import generator

SIDE = 128
"""Pixels of a still, square."""

FEW = 4
"""People that are rendered without further processes."""

_RENDERER = ("clip.py", "draws.py", "face", "people", "picture", "speech")

_COLUMNS: Mapping[str, tuple[tuple[int, ...], type]] = {
    "landmarks": ((68, 2), np.float32),
    "units": ((16,), np.float32),
    "angles": ((3,), np.float32),
    "gaze": ((2,), np.float32),
    "blink": ((), np.float32),
    "mouth_opening": ((), np.float32),
    "mouth_width": ((), np.float32),
    "person": ((), np.int32),
    "clip": ((), np.int32),
    "emotion": ((), np.int32),
    "intensity": ((), np.int32),
    "frame": ((), np.int32),
}


@dataclass(frozen=True)
class Plan:
    """Which stills.

    Args:
        population: seed of the people.
        people: how many, from index 0.
        clips: of each person; the first seven show the seven emotions once each, and so on.
        frames: of each clip, spread over its length.
        levels: intensities drawn from, each with equal chance; neutral is level 1 always.
    """

    population: int
    people: int
    clips: int = 7
    frames: int = 8
    levels: tuple[int, ...] = (1, 2, 3, 3)

    @property
    def count(self) -> int:
        """N, the number of stills."""
        return self.people * self.clips * self.frames

    def spec(self, person: int, clip: int) -> ClipSpec:
        """One clip: emotions in turn, level, sentence and take drawn."""
        from spfem_bench.synthetic.speech.sentences import SENTENCES

        draw = generator(self.population, 71, person, clip)
        emotion = SPFEM_EMOTIONS[(person + clip) % len(SPFEM_EMOTIONS)]
        level = 1 if emotion == "neutral" else int(draw.choice(self.levels))
        take = Take(emotion, level, int(draw.integers(4)))
        words = int(draw.integers(SENTENCES))
        return ClipSpec(person, words, emotion, level, SIDE, seed=self.population, take=take)

    def frames_of(self, person: int, clip: int, total: int) -> NDArray[np.int64]:
        """Which frames of a clip of ``total``: one drawn from each of ``frames`` equal parts."""
        draw = generator(self.population, 73, person, clip)
        places = (np.arange(self.frames) + draw.random(self.frames)) / self.frames
        return np.asarray(np.minimum(places * total, total - 1), np.int64)


@dataclass(frozen=True)
class Stills:
    """N stills and what is true of them.

    Args:
        images: (N, 128, 128, 3) uint8 RGB, a memory map.
        columns: ``landmarks`` (N, 68, 2) px, ``units`` (N, 16), ``angles`` (N, 3) degrees, ``gaze`` (N, 2),
            ``blink``, ``mouth_opening``, ``mouth_width`` (N,) float32; ``person``, ``clip`` (numbered over
            all people), ``emotion`` (index into `SPFEM_EMOTIONS`), ``intensity``, ``frame`` (N,) int32.
        plan: what was asked for.
    """

    images: NDArray[np.uint8]
    columns: Mapping[str, NDArray[np.generic]]
    plan: Plan

    def __len__(self) -> int:
        return len(self.images)

    def floats(self, name: str) -> NDArray[np.float32]:
        """A column as float32."""
        return np.asarray(self.columns[name], np.float32)

    def whole(self, name: str) -> NDArray[np.int64]:
        """A column of whole numbers."""
        return np.asarray(self.columns[name], np.int64)


def renderer_digest() -> str:
    """Sha256 of the source that decides a clip's pixels and sound: other code, other stills."""
    import spfem_bench.synthetic as renderer

    home = Path(str(renderer.__file__)).parent
    return digest_sources(*(home / part for part in _RENDERER))


def stills(plan: Plan, work: Path, progress: Progress, *, workers: int | None = None) -> Stills:
    """The stills of a plan, rendered where they are not there yet.

    Args:
        plan: which.
        work: folder they are kept in.
        progress: told of each person rendered.
        workers: processes; by default one for each processor.

    Raises:
        StorageError: the folder cannot be written, or another process renders into it.
    """
    key = digest_of([asdict(plan), renderer_digest()])[:12]
    home = work / f"stills-{plan.population}-{plan.people}x{plan.clips}x{plan.frames}-{key}"
    with folder_lock(home):
        if not (home / "done").is_file():
            _render(plan, home, progress, workers or os.cpu_count() or 1)
            write_atomically(home / "done", f"{plan.count}\n")
    return _open(plan, home)


def _open(plan: Plan, home: Path) -> Stills:
    columns = {name: np.load(home / f"{name}.npy") for name in _COLUMNS}
    return Stills(np.load(home / "images.npy", mmap_mode="r"), columns, plan)


def _render(plan: Plan, home: Path, progress: Progress, workers: int) -> None:
    shapes = {"images": ((SIDE, SIDE, 3), np.uint8), **_COLUMNS}
    with storage_errors(home):
        for name, (shape, kind) in shapes.items():
            np.lib.format.open_memmap(home / f"{name}.npy", "w+", kind, (plan.count, *shape))
    progress.start("render", plan.people)
    for person in _each_person(plan, home, workers):
        progress.advance("render", f"person {person}")
    progress.finish("render")


def _each_person(plan: Plan, home: Path, workers: int) -> Iterator[int]:
    """Render everybody; a handful in this process, since starting others takes longer than they save."""
    people = range(plan.people)
    if workers == 1 or len(people) <= FEW:
        yield from (_render_person(plan, home, person) for person in people)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_render_person, plan, home, person) for person in people]
        yield from (job.result() for job in as_completed(jobs))


def _render_person(plan: Plan, home: Path, person: int) -> int:
    """Render one person's stills into the files; each person has rows of its own."""
    files = {n: np.load(home / f"{n}.npy", mmap_mode="r+") for n in ("images", *_COLUMNS)}
    for clip in range(plan.clips):
        start = (person * plan.clips + clip) * plan.frames
        for name, rows in _rendered(plan, person, clip).items():
            files[name][start : start + plan.frames] = rows
    return person


def _rendered(plan: Plan, person: int, clip: int) -> dict[str, NDArray[np.generic]]:
    spec = plan.spec(person, clip)
    frames = plan.frames_of(person, clip, spec.frame_count)
    known = truth(spec, frames.tolist())
    same: dict[str, int] = {
        "person": person,
        "clip": person * plan.clips + clip,
        "emotion": SPFEM_EMOTIONS.index(spec.emotion),
        "intensity": spec.intensity,
    }
    return {
        "images": np.concatenate(list(render_frames(spec, frames.tolist()))),
        "frame": frames.astype(np.int32),
        **{name: np.full(plan.frames, value, np.int32) for name, value in same.items()},
        **{name: np.asarray(getattr(known, name), np.float32) for name in _truths()},
    }


def _truths() -> list[str]:
    return [name for name, (_, kind) in _COLUMNS.items() if kind is np.float32]

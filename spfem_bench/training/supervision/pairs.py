"""Paired clips to pre-train supervisions on: the same words neutrally and in an emotion, frame by frame.

Two ways to pair. ``dtw``, as the papers do: two takes, each at its own pace, aligned by their sound
(`spfem_bench.protocols.dtw`). ``true``: a rendered true pair, in step by construction. Faces are cut as the
supervisors read them, 64 px by the rigid points; sound is log-mel energies around each frame.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from spfem_baselines.supervision.interface import PairBatch
from spfem_baselines.supervisors.speech import COLUMNS, FILTERS
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.digest import digest_of
from spfem_bench.fsio import folder_lock, storage_errors, write_atomically
from spfem_bench.synthetic.splits import population
from spfem_bench.training.samples import renderer_digest
from spfem_metrics.synthetic.nets.crops import SIDE

if TYPE_CHECKING:
    from spfem_bench.progress import Progress

How = Literal["dtw", "true"]
"""Aligned by sound, as the papers do; or rendered in step."""
HOWS: tuple[How, ...] = get_args(How)

ROLES = ("neutral", "emotional", "other")
"""What a group shows and says; ``other`` is another stretch of the emotional clip."""
PROOF = (*ROLES, "wrong", "neutral-mouth", "emotional-mouth")
"""And for proofs: the same instants in another emotion; the neutral and the emotional frames with the mouth
of other instants."""

VERSION = 1
"""Raised whenever the same plan would give other pictures or sound."""

FEW = 4
"""Groups that are rendered without further processes."""


@dataclass(frozen=True)
class Plan:
    """Which pairs.

    Args:
        people: how many of the population.
        groups: pairs in all, person after person, emotions in turn.
        frames: L of each clip that are kept, within the sentence.
        how: see `How`.
        population: seed of the people.
        level: intensity shown; the papers use MEAD's level 3.
        noise: how far the crops are off, see `spfem_bench.training.mouths.Plan`.
        proof: whether the roles of `PROOF` are rendered too.
    """

    people: int
    groups: int
    frames: int = 12
    how: How = "dtw"
    population: int = population("supervisors").seed
    level: int = 3
    noise: float = 0.02
    proof: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """What is rendered."""
        return PROOF if self.proof else ROLES

    @property
    def key(self) -> str:
        """Names the folder: other plans and another renderer have others."""
        return f"pairs-{self.how}-{self.groups}-{digest_of([asdict(self), renderer_digest(), VERSION])[:12]}"


@dataclass(frozen=True)
class Pairs:
    """G pairs.

    Args:
        pictures: (G, R, L, 64, 64, 3) uint8, memory-mapped, R in the order of ``plan.roles``.
        sound: (G, 3, L, 40, 16) float32 of the first three roles, memory-mapped.
        columns: ``person``, ``emotion``, ``wrong`` (index of the other emotion), ``sentence``, each (G,).
        plan: what was asked for.
    """

    pictures: NDArray[np.uint8]
    sound: NDArray[np.float32]
    columns: Mapping[str, NDArray[np.int64]]
    plan: Plan

    def __len__(self) -> int:
        return len(self.pictures)

    def clip(
        self, role: str, groups: Sequence[int], start: int = 0, length: int | None = None
    ) -> torch.Tensor:
        """(B, T, 3, 64, 64) in -1..1: a role's frames in some groups."""
        stop = None if length is None else start + length
        place = self.plan.roles.index(role)
        rows = np.stack([self.pictures[group, place, start:stop] for group in groups])
        return torch.from_numpy(rows).permute(0, 1, 4, 2, 3).float() * (2 / 255) - 1

    def heard(
        self, role: str, groups: Sequence[int], start: int = 0, length: int | None = None
    ) -> torch.Tensor:
        """(B, T, 40, 16) log-mel energies of a role's frames in some groups."""
        stop = None if length is None else start + length
        place = ROLES.index(role)
        return torch.from_numpy(np.stack([self.sound[group, place, start:stop] for group in groups]))

    def batch(self, draw: np.random.Generator, size: int, length: int) -> PairBatch:
        """Drawn windows of drawn pairs.

        Args:
            draw: the only source of chance.
            size: B, pairs; emotions in turn, so that six or more show all there are.
            length: T, frames of each.

        Raises:
            ValueError: clips are shorter than ``length``.
        """
        room = self.plan.frames - length
        if room < 0:
            raise ValueError(f"windows of {length} frames in clips of {self.plan.frames}: render longer ones")
        groups = self._drawn(draw, size)
        start = int(draw.integers(room + 1))
        pictures = [self.clip(role, groups, start, length) for role in ROLES]
        sound = [self.heard(role, groups, start, length) for role in ROLES]
        emotion = torch.from_numpy(self.columns["emotion"][groups])
        return PairBatch(
            neutral=pictures[0],
            emotional=pictures[1],
            audio_neutral=sound[0],
            audio_emotional=sound[1],
            emotion=emotion,
            other=pictures[2],
            audio_other=sound[2],
        )

    def _drawn(self, draw: np.random.Generator, size: int) -> list[int]:
        shown = [np.flatnonzero(self.columns["emotion"] == own) for own in np.unique(self.columns["emotion"])]
        begin = int(draw.integers(len(shown)))
        return [int(draw.choice(shown[(begin + i) % len(shown)])) for i in range(size)]

    def batches(self, seed: int, size: int, length: int, first: int = 0) -> Iterator[PairBatch]:
        """Endless batches, each from a stream of its own: batch i is the same however many came before.

        Args:
            seed: of all batches.
            size: B.
            length: T.
            first: number of the first batch given.
        """
        step = first
        while True:
            yield self.batch(np.random.default_rng((seed, step)), size, length)
            step += 1


def pairs(plan: Plan, work: Path, progress: Progress, *, workers: int | None = None) -> Pairs:
    """The plan's pairs, rendered where they are not there yet.

    Args:
        plan: which.
        work: folder in which a folder of the plan's key is made.
        progress: told of each group.
        workers: processes that render; by default one for each processor.

    Raises:
        StorageError: the folder cannot be written, or another process renders into it.
    """
    home = work / plan.key
    with folder_lock(home):
        if not (home / "done").is_file():
            _render(plan, home, progress, workers or os.cpu_count() or 1)
            write_atomically(home / "done", f"{plan.groups}\n")
    opened = {name: np.load(home / f"{name}.npy", mmap_mode="r") for name in ("pictures", "sound")}
    columns = np.load(home / "columns.npy")
    return Pairs(**opened, columns=dict(zip(_COLUMNS, columns.T, strict=True)), plan=plan)


_COLUMNS = ("person", "emotion", "wrong", "sentence")


def _render(plan: Plan, home: Path, progress: Progress, workers: int) -> None:
    shapes: Mapping[str, tuple[tuple[int, ...], type]] = {
        "pictures": ((len(plan.roles), plan.frames, SIDE, SIDE, 3), np.uint8),
        "sound": ((len(ROLES), plan.frames, FILTERS, COLUMNS), np.float32),
        "columns": ((len(_COLUMNS),), np.int64),
    }
    with storage_errors(home):
        for name, (shape, kind) in shapes.items():
            np.lib.format.open_memmap(home / f"{name}.npy", "w+", kind, (plan.groups, *shape))
    stage = f"pairs of population {plan.population}, {plan.how}"
    progress.start(stage, plan.groups)
    for index in _each(plan, home, workers):
        progress.advance(stage, f"pair {index}")
    progress.finish(stage)


def _each(plan: Plan, home: Path, workers: int) -> Iterator[int]:
    """Render every group; a handful in this process, since starting others takes longer than they save."""
    if workers == 1 or plan.groups <= FEW:
        yield from (_written(plan, home, index) for index in range(plan.groups))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_written, plan, home, index) for index in range(plan.groups)]
        yield from (job.result() for job in as_completed(jobs))


def _written(plan: Plan, home: Path, index: int) -> int:
    """Render one group into its rows of the files."""
    from spfem_bench.training.supervision.scenes import group

    made = group(plan, index)
    rows = {"pictures": made.pictures, "sound": made.sound}
    row = (made.person, SPFEM_EMOTIONS.index(made.emotion), SPFEM_EMOTIONS.index(made.wrong), made.sentence)
    for name, value in (*rows.items(), ("columns", np.array(row))):
        np.load(home / f"{name}.npy", mmap_mode="r+")[index] = value
    return index

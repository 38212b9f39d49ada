"""Some trials through one process, and through further ones where it ended early.

Trials are made in order, so the first one without a result is why a process ended: it has failed, and the
rest are tried again in a new process. What a program says by its exit status is not believed: results are.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage

from spfem_baselines import Output, Request
from spfem_bench.adapters.check import OutputError
from spfem_bench.adapters.command.collect import Asked, collect, has_result
from spfem_bench.adapters.command.job import Condition, Job, JobClip, JobTrial, write_job
from spfem_bench.adapters.command.launch import Command, Ended, launch, surroundings
from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.places import Place
from spfem_bench.adapters.command.prepare import Prepared, PreparedClip
from spfem_bench.adapters.command.room import LOCK, Attempt, Room, exclusively, tidy
from spfem_bench.adapters.command.watch import Watched, changes, snapshot
from spfem_bench.errors import StorageError, UsageError

LEAST_FREE = 1 << 20
"""A disk with fewer bytes left is full."""

GREEDY = 1 << 30
"""A program that had this many bytes when the disk was full has filled it itself."""

Outcome = Output | Exception


@dataclass(frozen=True, eq=False)
class Ready:
    """A trial whose inputs are prepared."""

    request: Request
    prepared: Prepared
    label: str | None


@dataclass(frozen=True)
class Runner:
    """A program and the folder of the job at hand.

    Args:
        manifest: what it is.
        place: where it is installed.
        room: the job's folder.
    """

    manifest: Manifest
    place: Place
    room: Room

    def run(self, batch: Sequence[Ready]) -> dict[str, Outcome]:
        """Trial id -> what came, or the exception that says why nothing did.

        Raises:
            StorageError: the disk is full, or the job's folder cannot be written.
        """
        outcomes: dict[str, Outcome] = {}
        pending = list(batch)
        while pending:
            came, left = self._attempt(pending)
            outcomes |= came
            pending = left
        return outcomes

    def _attempt(self, pending: Sequence[Ready]) -> tuple[dict[str, Outcome], list[Ready]]:
        """What one process made of the trials, and those to be tried again."""
        attempt = self.room.attempt(len(pending))
        ended, strays = self._process(pending, attempt)
        if strays or ended.refused is not None:
            reason = self._unusable(ended, strays)
            return {one.request.trial: reason for one in pending}, []
        asked = [self._asked(one, output) for one, output in zip(pending, attempt.outputs, strict=True)]
        came = {one.trial: self._collected(one) for one in asked if has_result(one)}
        silent = [one for one in asked if one.trial not in came]
        if silent:
            came[silent[0].trial] = self._blamed(ended, attempt, silent[0], len(pending))
        else:
            tidy(attempt)
        return came, [one for one in pending if one.request.trial not in came]

    def _process(self, pending: Sequence[Ready], attempt: Attempt) -> tuple[Ended, list[str]]:
        """How the process ended, and what it changed where it should not."""
        job = write_job(self._job(pending, attempt), attempt.folder)
        manifest = self.manifest
        passed = manifest.environment.variables
        command = Command(
            argv=self.place.argv(manifest, job),
            folder=attempt.folder,
            environ=surroundings(attempt.home, attempt.temporary, self.room.python, passed),
            seconds=self._seconds(len(pending)),
            logs=attempt.logs,
            memory=None if manifest.memory is None else int(manifest.memory * (1 << 30)),
        )
        with self._alone():
            trees = self._watched(attempt)
            before = snapshot(trees)
            ended = launch(command)
            return ended, changes(before, snapshot(trees))

    def _seconds(self, trials: int) -> float:
        return self.manifest.timeout.start + self.manifest.timeout.trial * trials

    def _alone(self) -> AbstractContextManager[None]:
        return nullcontext() if self.manifest.concurrency == "free" else exclusively(self.place.folder)

    def _watched(self, attempt: Attempt) -> list[Watched]:
        """Where the program must not write; the folder of a program of one's own without what lies deeper."""
        is_clone = self.manifest.upstream.repository is not None
        spared = (*self.manifest.writable, LOCK)
        return [
            Watched(self.place.checkout, "checkout", spared, deep=is_clone),
            Watched(self.room.root / "inputs", "inputs"),
            Watched(self.room.root, "job", (attempt.folder.name, "logs", "inputs")),
        ]

    def _job(self, pending: Sequence[Ready], attempt: Attempt) -> Job:
        pairs = zip(pending, attempt.outputs, strict=True)
        return Job(
            baseline=self.manifest.name,
            device=pending[0].request.device,
            checkout=self.place.checkout,
            assets={asset.name: self.place.asset(asset.path) for asset in self.manifest.needed_assets},
            scratch=attempt.scratch,
            options=self.manifest.options,
            trials=[_job_trial(one, output) for one, output in pairs],
        )

    def _asked(self, one: Ready, output: Path) -> Asked:
        origin, source = one.request.source, one.prepared.source
        return Asked(one.request.trial, output, self.manifest.output, origin, source)

    def _collected(self, asked: Asked) -> Outcome:
        try:
            return collect(asked)
        except OutputError as error:
            return self._failure(str(error))

    def _failure(self, reason: str) -> OutputError:
        """The reason without folders whose names are others each time or elsewhere."""
        plain = self.room.relative(reason).replace(f"{self.place.checkout}{os.sep}", "")
        return OutputError(f"{self.manifest.system_name}: {plain}")

    def _unusable(self, ended: Ended, strays: Sequence[str]) -> Exception:
        """Why nothing of a process is used."""
        if strays:
            shown = ", ".join(strays[:3]) + (", ..." if len(strays) > 3 else "")
            return self._failure(f"wrote outside its folder: {shown}")
        name, reference = self.manifest.name, self.manifest.reference
        return UsageError(f"{name} {ended.sentence}; see `spfem-bench baseline check {reference}`")

    def _blamed(self, ended: Ended, attempt: Attempt, silent: Asked, trials: int) -> OutputError:
        """Why there is no result for the trial that ended the process.

        Raises:
            StorageError: the disk is full, and not by this program.
        """
        is_full = disk_usage(self.room.root).free < LEAST_FREE or _speaks_of_full_disk(ended.words)
        written = tidy(attempt, silent.output)
        if is_full and written < GREEDY:
            raise StorageError(
                f"{self.manifest.name} could not go on, because the disk of {self.room.root.parent} is full: "
                "free some space and run the same command again (what was finished is kept)"
            )
        if is_full:
            return self._failure(f"no result, the disk was full after it wrote {written >> 20} MiB")
        return self._failure(_why_silent(ended, self._seconds(trials)))


def _why_silent(ended: Ended, seconds: float) -> str:
    words = f" (last words: {ended.words})" if ended.words else ""
    if ended.timed_out:
        return f"no result after {seconds:g} s, killed{words}"
    if ended.status == 0:
        return f"no result though exit status 0{words}"
    return f"no result, {ended.sentence}"


def _speaks_of_full_disk(words: str) -> bool:
    return any(os.strerror(number) in words for number in (errno.ENOSPC, errno.EDQUOT))


def _job_trial(one: Ready, output: Path) -> JobTrial:
    request, prepared = one.request, one.prepared
    reference = None if prepared.reference is None else _job_clip(prepared.reference)
    condition = Condition(request.emotion, one.label, request.text, reference, prepared.action_units)
    return JobTrial(request.trial, request.seed, output, _job_clip(prepared.source), condition)


def _job_clip(clip: PreparedClip) -> JobClip:
    return JobClip(
        clip.first_frame, clip.fps, clip.frame_count, clip.size, clip.video, clip.frames, clip.audio
    )

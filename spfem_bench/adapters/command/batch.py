"""Some trials through one process, and through further ones where it ended early.

Trials are made in order, so the first one without a result is why a process ended: it has failed, and the
rest are tried again in a new process. What a program says by its exit status is not believed: results are.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage

from spfem_baselines import Output, Request
from spfem_bench.adapters.check import OutputError
from spfem_bench.adapters.command.collect import Asked, collect, has_result
from spfem_bench.adapters.command.containers import Berth, Launch, aboard, bridges_of, new_name
from spfem_bench.adapters.command.guarded import program_trees
from spfem_bench.adapters.command.job import Condition, Job, JobClip, JobTrial, write_job
from spfem_bench.adapters.command.launch import Command, Ended, launch, surroundings
from spfem_bench.adapters.command.locks import beside_others, exclusively
from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.places import Place
from spfem_bench.adapters.command.prepare import Prepared, PreparedClip
from spfem_bench.adapters.command.room import Attempt, Room, tidy
from spfem_bench.adapters.command.watch import Watched, changes, snapshot
from spfem_bench.errors import StorageError, UsageError

LEAST_FREE = 1 << 20
"""A disk with fewer bytes left is full."""

LITTLE_FREE = 64 << 20
"""One with fewer left is full where the program says so: it may have removed what did not fit."""

GREEDY = 1 << 30
"""A program that had this many bytes when the disk was full has filled it itself."""

_FULL = (errno.ENOSPC, errno.EDQUOT)

Outcome = Output | Exception


class StrayWriteError(Exception):
    """Something was changed outside a job's folder while other jobs or trials may have done it.

    Args:
        strays: names of what was changed.
    """

    def __init__(self, strays: Sequence[str]) -> None:
        super().__init__(named(strays))


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
        alone: whether one trial is all it is given, and nobody else may use the checkout meanwhile.
    """

    manifest: Manifest
    place: Place
    room: Room
    alone: bool = False

    def run(self, batch: Sequence[Ready]) -> dict[str, Outcome]:
        """Trial id -> what came, or the exception that says why nothing did.

        Raises:
            StrayWriteError: something was changed outside the job's folder, so nothing of it is to be
                believed; never where it is alone, as then the trial has failed.
        """
        outcomes: dict[str, Outcome] = {}
        pending = list(batch)
        while pending:
            try:
                came, pending = self._attempt(pending)
            except StorageError as error:
                came, pending = same_for([one.request for one in pending], error), []
            outcomes |= came
        return outcomes

    def _attempt(self, pending: Sequence[Ready]) -> tuple[dict[str, Outcome], list[Ready]]:
        """What one process made of the trials, and those to be tried again.

        Raises:
            StrayWriteError: as `run`.
            StorageError: the job's folder cannot be written.
        """
        attempt = self.room.attempt(len(pending))
        ended, strays = self._process(pending, attempt)
        requests = [one.request for one in pending]
        if ended.refused is not None:
            return same_for(requests, self._refusal(ended)), []
        if strays and not self.alone:
            raise StrayWriteError(strays)
        if strays:
            return same_for(requests, self._failure(f"wrote outside its folder: {named(strays)}")), []
        asked = [self._asked(one, output) for one, output in zip(pending, attempt.outputs, strict=True)]
        came = {one.trial: self._collected(one) for one in asked if has_result(one)}
        silent = [one for one in asked if one.trial not in came]
        if not silent:
            tidy(attempt)
            return came, []
        came[silent[0].trial] = blamed = self._blamed(ended, attempt, silent[0], len(pending))
        if isinstance(blamed, StorageError):
            return same_for(requests, blamed) | came, []
        return came, [one for one in pending if one.request.trial not in came]

    def _process(self, pending: Sequence[Ready], attempt: Attempt) -> tuple[Ended, list[str]]:
        """How the process ended, and what it changed where it should not."""
        job = write_job(self._job(pending, attempt), attempt.folder)
        manifest = self.manifest
        started = self._started(job, attempt)
        memory = None if manifest.memory is None else int(manifest.memory * (1 << 30))
        is_on_gpu = pending[0].request.device.startswith("cuda")
        command = Command(
            argv=started.argv,
            folder=attempt.folder,
            environ=started.environ,
            seconds=self._seconds(len(pending)),
            logs=attempt.logs,
            stop=started.stop,
            memory=memory,
            address_space=None if is_on_gpu else memory,  # CUDA maps far more than it uses
        )
        with self._held():
            trees = self._watched(attempt)
            before = snapshot(trees)
            ended = launch(command)
            return ended, changes(before, snapshot(trees))

    def _started(self, job: Path, attempt: Attempt) -> Launch:
        """How the program is started on its job, and ended."""
        manifest, room = self.manifest, self.room
        bridge = None
        if manifest.is_shipped and manifest.bridge is not None:
            bridge = room.bridge(manifest.bridge)
        passed = manifest.environment.variables
        environ = surroundings(attempt.home, attempt.temporary, room.python, passed)
        name, bridges = new_name(manifest.name), bridges_of(manifest, room.python)
        berth = Berth(name, room.root, attempt.folder, bridges, environ)
        return aboard(self.place, self.place.words(manifest, job, bridge), berth, passed)

    def _seconds(self, trials: int) -> float:
        return self.manifest.timeout.start + self.manifest.timeout.trial * trials

    def _held(self) -> AbstractContextManager[None]:
        is_alone = self.alone or self.manifest.concurrency == "one-at-a-time"
        return (exclusively if is_alone else beside_others)(self.place.checkout)

    def _watched(self, attempt: Attempt) -> list[Watched]:
        """Where the program must not write."""
        return [
            *program_trees(self.manifest, self.place),
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

    def _refusal(self, ended: Ended) -> UsageError:
        """Why the program could not be started."""
        name, reference = self.manifest.name, self.manifest.reference
        return UsageError(f"{name} {ended.sentence}; see `spfem-bench baseline check {reference}`")

    def _blamed(
        self, ended: Ended, attempt: Attempt, silent: Asked, trials: int
    ) -> OutputError | StorageError:
        """Why there is no result for the trial that ended the process: its fault, or that of a full disk."""
        is_full = _is_full(self.room.root, ended.words)
        written = tidy(attempt, silent.output)
        if is_full and written < GREEDY:
            return StorageError(
                f"{self.manifest.name} could not go on, because the disk of {self.room.root.parent} is full: "
                "free some space and run the same command again (what was finished is kept)"
            )
        if is_full:
            return self._failure(f"no result, the disk was full after it wrote {written >> 20} MiB")
        return self._failure(_why_silent(ended, self._seconds(trials)))


def _why_silent(ended: Ended, seconds: float) -> str:
    words = f" (last words: {ended.words})" if ended.words else ""
    if ended.timed_out:
        alive = "" if ended.unstopped is None else f"; what it started may still run, as {ended.unstopped}"
        return f"no result after {seconds:g} s, killed{words}{alive}"
    if ended.status == 0:
        return f"no result though exit status 0{words}"
    return f"no result, {ended.sentence}"


def named(strays: Sequence[str]) -> str:
    """The first of them, for a sentence."""
    return ", ".join(strays[:3]) + (", ..." if len(strays) > 3 else "")


def same_for(requests: Sequence[Request], why: Exception) -> dict[str, Outcome]:
    """The same reason for each of some trials."""
    return {request.trial: why for request in requests}


def _is_full(folder: Path, words: str) -> bool:
    """Whether a disk is full; a program's words may be about another one, such as shared memory."""
    free = disk_usage(folder).free
    if not any(os.strerror(number) in words for number in _FULL):
        return free < LEAST_FREE
    return free < LITTLE_FREE or not _can_write(folder)


def _can_write(folder: Path) -> bool:
    """Whether this user may write so much more there, of which quotas leave no trace in what is free."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            return file.write(bytes(LEAST_FREE)) == LEAST_FREE
    except OSError as error:
        if error.errno in _FULL:
            return False
        raise


def _job_trial(one: Ready, output: Path) -> JobTrial:
    request, prepared = one.request, one.prepared
    reference = None if prepared.reference is None else _job_clip(prepared.reference)
    condition = Condition(request.emotion, one.label, request.text, reference, prepared.action_units)
    return JobTrial(request.trial, request.seed, output, _job_clip(prepared.source), condition)


def _job_clip(clip: PreparedClip) -> JobClip:
    return JobClip(
        clip.first_frame, clip.fps, clip.frame_count, clip.size, clip.video, clip.frames, clip.audio
    )

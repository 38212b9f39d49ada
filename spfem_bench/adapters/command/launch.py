"""One foreign process: where it runs, what it may know, how long, and that nothing of it stays.

Its environment is an allow-list, its home and temporary folder lie in the job's, its input is empty, its
output is drained into capped files. Whatever way it ends, by itself, by the timeout, by Ctrl-C or because the
harness was killed, every process it started is killed with it (see `reaper`; outside Linux: its group).
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spfem_bench.adapters.command import reaper
from spfem_bench.adapters.command.streams import Drain, last_words
from spfem_bench.fsio import storage_errors

PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "MKL_NUM_THREADS",
)
"""Variables every program gets as they are; a manifest may name more."""

_FIXED = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    "PYTHONUNBUFFERED": "1",
}
_GRACE = 5.0
"""Seconds the reaper gets beyond its own patience."""


@dataclass(frozen=True)
class Command:
    """What is to run.

    Args:
        argv: the program and its arguments.
        folder: its working directory.
        environ: all the variables it gets.
        seconds: after which it is killed.
        logs: an existing folder, for ``stdout.txt`` and ``stderr.txt``.
        memory: most bytes that all its processes may hold together; None for no limit.
        address_space: most bytes that each of them may map; None for no limit.
        stop: run after it, however it ended, with the same variables; nothing by default.
    """

    argv: Sequence[str]
    folder: Path
    environ: Mapping[str, str]
    seconds: float
    logs: Path
    memory: int | None = None
    address_space: int | None = None
    stop: Sequence[str] = ()


@dataclass(frozen=True)
class Ended:
    """How it ended.

    Args:
        status: exit status; negative: the signal that ended it; None: it could not be started, or not ended.
        timed_out: whether it was killed for taking too long.
        refused: why it could not be started.
        left: processes it left behind, which were killed.
        words: the last line it printed.
        over: the bytes of memory of which it held more, for which it was killed; None: it did not.
        unstopped: why `Command.stop` did not run to its end; None: it did.
    """

    status: int | None
    timed_out: bool = False
    refused: str | None = None
    left: int = 0
    words: str = ""
    over: int | None = None
    unstopped: str | None = None

    @property
    def sentence(self) -> str:
        """How it ended, in a few words: ``exit status 1 (last words: ...)``."""
        words = f" (last words: {self.words})" if self.words else ""
        if self.refused is not None:
            return f"could not be started: {self.refused}"
        if self.over is not None:
            return f"killed because its processes held more than {self.over / (1 << 30):g} GiB{words}"
        if self.status is None:
            return f"could not be ended{words}"
        if self.status < 0:
            return f"killed by {_signal_name(-self.status)}{_guess(-self.status)}{words}"
        return f"exit status {self.status}{words}"


def surroundings(
    home: Path, temporary: Path, python_path: Path | None, more: Sequence[str]
) -> dict[str, str]:
    """The variables of a foreign process.

    Args:
        home: stands in for the user's, whose settings and caches it must neither read nor change.
        temporary: for its temporary files.
        python_path: a folder its Python may import from.
        more: further variables to pass on, before all else.
    """
    own = {"HOME": str(home), "TMPDIR": str(temporary), **_FIXED}
    if python_path is not None:
        own["PYTHONPATH"] = str(python_path)
    usual = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**usual, **own, **{name: os.environ[name] for name in more if name in os.environ}}


def launch(command: Command) -> Ended:
    """Run a program to its end, or to the end of its time.

    Raises:
        StorageError: its log files cannot be written.
    """
    with _pipe() as lifeline, _pipe() as report:
        process, drains = _start(command, lifeline, report)
        lifeline.close_reader()
        report.close_writer()
        ended_in_time = False
        try:
            ended_in_time = _readable(report.reader, command.seconds)
        finally:  # also on Ctrl-C
            told = _finish(process, lifeline, report, command)
    words = last_words(*(drain.finish(_GRACE) for drain in drains))
    status = told.get("status")
    return Ended(
        process.returncode or None if status is None else os.waitstatus_to_exitcode(status),
        timed_out=not ended_in_time,
        refused=told.get("refused"),
        left=told.get("left", 0),
        unstopped=told.get("unstopped"),
        words=words,
        over=command.memory if told.get("swollen") else None,
    )


class _Pipe:
    """Two descriptors, each closed once."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self._open = {self.reader, self.writer}

    def close_reader(self) -> None:
        """Close this process's copy of the reading end."""
        self._close(self.reader)

    def close_writer(self) -> None:
        """Close this process's copy of the writing end."""
        self._close(self.writer)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)


@contextmanager
def _pipe() -> Iterator[_Pipe]:
    pipe = _Pipe()
    try:
        yield pipe
    finally:
        pipe.close_reader()
        pipe.close_writer()


def _start(command: Command, lifeline: _Pipe, report: _Pipe) -> tuple[subprocess.Popen[bytes], list[Drain]]:
    """The reaper with the program below it, and what reads stderr and stdout."""
    plan = {
        "argv": list(command.argv),
        "memory": command.memory,
        "address-space": command.address_space,
        "stop": list(command.stop),
        "lifeline": lifeline.reader,
        "report": report.writer,
    }
    with _pipe() as out, _pipe() as err:
        with storage_errors(command.logs):
            drains = [
                Drain(os.dup(err.reader), command.logs / "stderr.txt"),
                Drain(os.dup(out.reader), command.logs / "stdout.txt"),
            ]
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", reaper.__file__, json.dumps(plan)],
            cwd=command.folder,
            env=dict(command.environ),
            stdin=subprocess.DEVNULL,
            stdout=out.writer,
            stderr=err.writer,
            pass_fds=(lifeline.reader, report.writer),
            start_new_session=True,
        )
    return process, drains


def _finish(
    process: subprocess.Popen[bytes], lifeline: _Pipe, report: _Pipe, command: Command
) -> dict[str, Any]:
    """What the reaper tells, once it has killed all that is left; where it was killed, `stop` is run here."""
    with suppress(BrokenPipeError):
        os.write(lifeline.writer, b".")  # closing is not enough: a forked worker may hold a copy
    lifeline.close_writer()
    patience = reaper.PATIENCE + (reaper.STOPPING if command.stop else 0.0)
    if not _readable(report.reader, patience + _GRACE):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    told = os.read(report.reader, 1 << 16)
    process.wait()
    return dict(json.loads(told)) if told else {"unstopped": reaper.stop(command.stop, command.environ)}


def _readable(descriptor: int, seconds: float) -> bool:
    """Whether something comes, or the other end is closed, within so many seconds."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(max(0.0, seconds)))


def _guess(number: int) -> str:
    return ", perhaps for want of memory" if number == signal.SIGKILL else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

"""A small program between the harness and a foreign one, so that nothing of it can outlive its job.

Run as ``python -I -S reaper.py PLAN``, with PLAN a JSON object: ``argv``, ``memory`` (bytes or null), and the
descriptors ``lifeline`` and ``report``. It starts ``argv`` in a session of its own, waits until that ends or
the lifeline becomes readable (the harness says so, or is dead), kills every descendant and writes one JSON
object to ``report``: ``refused`` (why it could not be started), or ``status`` (as `os.wait` gives it, null
where it survived) and ``left`` (how many other processes had to be killed).

On Linux it is a *child subreaper*: a process that its parents left behind, in whatever session, becomes its
child and is found by walking ``/proc``. Elsewhere only the program's process group is killed.

It is a process of its own because limits must be set between fork and exec, which is safe only where there is
one thread. Standard library alone; imports nothing of this package.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 10.0
"""Seconds to go on killing; what survives is in uninterruptible sleep."""

IS_LINUX = sys.platform == "linux"


def main(plan: dict[str, Any]) -> None:
    """Start, wait, kill, report."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    woken = _wake_on_ended_children()
    try:
        child = subprocess.Popen(
            plan["argv"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: _limit(plan["memory"]),  # noqa: PLW1509 - this process has one thread
        ).pid
    except (OSError, subprocess.SubprocessError) as error:
        _report(plan["report"], refused=getattr(error, "strerror", None) or str(error))
        return
    ended: dict[int, int] = {}
    _wait(child, ended, [plan["lifeline"], woken])
    left = _kill_all(child, ended)
    _report(plan["report"], status=ended.get(child), left=left)


def _wake_on_ended_children() -> int:
    """A descriptor that becomes readable whenever a child has ended."""
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return woken


def _limit(memory: int | None) -> None:
    """Between fork and exec: the program's own limits, and its death where this process is killed."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if memory is not None:
        allowed = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = memory if allowed == resource.RLIM_INFINITY else min(memory, allowed)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _wait(child: int, ended: dict[int, int], watched: list[int]) -> None:
    """Until the child has ended or the harness does not want to wait any longer."""
    lifeline, woken = watched
    with selectors.DefaultSelector() as selector:
        for descriptor in watched:
            selector.register(descriptor, selectors.EVENT_READ)
        while child not in ended:
            if any(key.fd == lifeline for key, _ in selector.select()):
                return
            os.read(woken, 4096)
            _reap(ended)


def _reap(ended: dict[int, int]) -> bool:
    """Note the wait status of every child that has ended; whether any child is left."""
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if process == 0:
            return True
        ended[process] = status


def _kill_all(child: int, ended: dict[int, int]) -> int:
    """Kill all that is left of the program; how many processes that were besides the child."""
    if not IS_LINUX:
        _signal(-child, signal.SIGKILL)
    killed: set[int] = set()
    limit = time.monotonic() + PATIENCE
    while _reap(ended) and time.monotonic() < limit:  # a walk may miss one that is just being forked
        living = set(_descendants(os.getpid()))
        killed |= living
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, lest forking outrun the walk
            for process in living:
                _signal(process, number)
        time.sleep(0.002)
    return len(killed - {child})


def _descendants(ancestor: int) -> Iterator[int]:
    """Every process below ``ancestor`` that is not a zombie; none where there is no ``/proc``."""
    children: dict[int, list[tuple[int, str]]] = {}
    for process, parent, state in _processes():
        children.setdefault(parent, []).append((process, state))
    pending = [ancestor]
    while pending:
        for process, state in children.get(pending.pop(), ()):
            pending.append(process)
            if state != "Z":
                yield process


def _processes() -> Iterator[tuple[int, int, str]]:
    """(process, parent, state) of every process that can be seen."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = path.read_bytes().rpartition(b")")[2].split()  # the name before may hold anything
        except OSError:
            continue  # it has just ended
        yield int(path.parent.name), int(rest[1]), rest[0].decode()


def _signal(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def _prctl(option: int, value: int) -> None:
    if IS_LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _report(descriptor: int, **told: object) -> None:
    os.write(descriptor, json.dumps(told).encode())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

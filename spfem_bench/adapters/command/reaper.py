"""A small program between the harness and a foreign one, so that nothing of it can outlive its job.

Run as ``python -I -S reaper.py PLAN``, with PLAN a JSON object: ``argv``, ``memory`` and ``address-space``
(bytes or null), ``stop`` (the words that end what ``argv`` had a daemon start; may be empty), and the
descriptors ``lifeline`` and ``report``. It starts ``argv`` in a session of its own,
waits until that ends, or the lifeline becomes readable (the harness says so, or is dead), or all descendants
together hold more than ``memory``, kills every descendant and writes one JSON object to ``report``:
``refused`` (why it could not be started), or ``status`` (as `os.wait` gives it, null where it survived),
``left`` (how many other processes had to be killed), ``swollen`` (whether they held too much) and
``unstopped`` (why ``stop``, which is run last, did not run to its end; else null).

On Linux it is a *child subreaper*: a process that its parents left behind, in whatever session, becomes its
child and is found by walking ``/proc``. Elsewhere only the program's process group is killed, and nothing but
each process's address space is limited.

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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 10.0
"""Seconds to go on killing; what survives is in uninterruptible sleep."""

SAMPLED = 0.5
"""Seconds between two looks at how much memory is held."""

STOPPING = 30.0
"""Seconds that the command which ends a container gets."""

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
            preexec_fn=lambda: _limit(plan["address-space"]),  # noqa: PLW1509 - this process has one thread
        ).pid
    except (OSError, subprocess.SubprocessError) as error:
        _report(plan["report"], refused=getattr(error, "strerror", None) or str(error))
        return
    ended: dict[int, int] = {}
    swollen = _wait(child, ended, [plan["lifeline"], woken], plan["memory"])
    left = _kill_all(child, ended)
    unstopped = stop(plan["stop"])
    _kill_all(child, ended)
    _report(plan["report"], status=ended.get(child), left=left, swollen=swollen, unstopped=unstopped)


def stop(words: Sequence[str], environ: Mapping[str, str] | None = None) -> str | None:
    """Run the command that ends what a daemon was asked for; why it did not run to its end, None if it did.

    Its status is not looked at: what has ended by itself cannot be ended once more.

    Args:
        words: program and arguments; nothing is run without any.
        environ: its variables; None for those of this process.
    """
    if not words:
        return None
    try:
        subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environ,
            start_new_session=True,
            timeout=STOPPING,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{words[0]} did not end within {STOPPING:g} s"
    except OSError as error:
        return f"{words[0]} could not be started: {error.strerror}"
    return None


def _wake_on_ended_children() -> int:
    """A descriptor that becomes readable whenever a child has ended."""
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return woken


def _limit(address_space: int | None) -> None:
    """Between fork and exec: the program's own limits, and its death where this process is killed."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if address_space is not None:
        allowed = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = address_space if allowed == resource.RLIM_INFINITY else min(address_space, allowed)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _wait(child: int, ended: dict[int, int], watched: list[int], memory: int | None) -> bool:
    """Until the child has ended, the harness waits no longer, or too much is held: whether it is that."""
    lifeline, woken = watched
    due = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for descriptor in watched:
            selector.register(descriptor, selectors.EVENT_READ)
        while child not in ended:
            ready = {key.fd for key, _ in selector.select(None if memory is None else SAMPLED)}
            if lifeline in ready:
                return False
            if woken in ready:
                os.read(woken, 4096)
                _reap(ended)
            if memory is not None and time.monotonic() >= due:
                if _holds_more(memory):
                    return True
                due = time.monotonic() + SAMPLED
    return False


def _holds_more(memory: int) -> bool:
    """Whether all descendants together hold more resident bytes; pages they share are counted once.

    The shares cost the kernel a walk over all pages, so they are asked for only where the plain sum is above.
    """
    family = list(_descendants(os.getpid()))
    return sum(map(_resident, family)) > memory and sum(map(_share, family)) > memory


def _resident(process: int) -> int:
    """Bytes of memory a process holds, shared or not; 0 for one that has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def _share(process: int) -> int:
    """The same with each page divided by the number of processes that map it, where the kernel tells that."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_bytes().splitlines()
    except OSError:
        return _resident(process)
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(b"Pss:"))


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

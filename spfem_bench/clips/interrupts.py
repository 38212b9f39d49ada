"""Ctrl-C around libraries that call our code from C and swallow what it raises there."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Let a Ctrl-C that arrives inside the block raise at its end instead.

    PyAV prints and drops a KeyboardInterrupt raised inside its write callback: the bytes of that call would
    be missing from the file and the program would go on. Keep the block short; outside the main thread,
    where no interrupt is raised, it does nothing.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])

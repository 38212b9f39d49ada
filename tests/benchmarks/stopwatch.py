"""Where the time goes: exclusive seconds by label, taken by wrapping functions for as long as one run lasts.

A label that is entered within another pauses it, so that the labels of one thread add up to the whole. What
background threads do (decoding ahead) is kept apart under ``behind``: it overlaps with the rest.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

Label = str | Callable[..., str]
"""A name, or what makes one of the wrapped function's arguments."""


def settling(device: str) -> Callable[[], None]:
    """What waits until a device has done all that it was given; on a CPU nothing is ever left to do."""
    if not device.startswith("cuda"):
        return lambda: None
    import torch

    return partial(torch.cuda.synchronize, device)


class Stopwatch:
    """Exclusive seconds by label.

    Args:
        clock: in seconds; another than the wall's where the machine is busy with other things.
        settle: called by the main thread before each look at the clock, so that what a GPU still does counts
            under the label that gave it the work (`settling`).
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock, self._settle = clock, settle
        self.front: dict[str, float] = defaultdict(float)
        self.behind: dict[str, float] = defaultdict(float)
        self.aside: dict[str, float] = defaultdict(float)
        self._main = threading.get_ident()
        self._open = threading.local()
        self._writing = threading.Lock()

    def _now(self) -> float:
        if threading.get_ident() == self._main:
            self._settle()
        return self._clock()

    @contextmanager
    def timed(self, label: str) -> Iterator[None]:
        """Count a block under a label."""
        stack = self._open.__dict__.setdefault("stack", [])
        book = self.front if threading.get_ident() == self._main else self.behind
        now = self._now()
        if stack:
            self._add(book, stack[-1][0], now - stack[-1][1])
        stack.append([label, now])
        try:
            yield
        finally:
            now = self._now()
            self._add(book, label, now - stack.pop()[1])
            if stack:
                stack[-1][1] = now

    def _add(self, book: dict[str, float], label: str, seconds: float) -> None:
        with self._writing:  # several threads may do one kind of work
            book[label] += seconds

    def wrap(self, function: Callable[..., Any], label: Label) -> Callable[..., Any]:
        """The function, counted."""

        @wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            with self.timed(label if isinstance(label, str) else label(*args, **kwargs)):
                return function(*args, **kwargs)

        return counted

    def wrap_items(self, function: Callable[..., Iterator[Any]], label: str) -> Callable[..., Iterator[Any]]:
        """A function that gives an iterator, each step of which is counted."""

        @wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Iterator[Any]:
            items = iter(function(*args, **kwargs))
            while True:
                with self.timed(label):
                    item = next(items, self)
                if item is self:
                    return
                yield item

        return counted

    def set_aside(self, label: str, seconds: float, why: str) -> None:
        """Take seconds off a label of the main thread, and say so in the table."""
        self.front[label] -= seconds
        self.aside[why] += seconds

    @property
    def total(self) -> float:
        """Seconds of all labels of the main thread."""
        return sum(self.front.values())

    def of(self, *prefixes: str) -> float:
        """Seconds of the main thread's labels that begin so."""
        return sum(spent for label, spent in self.front.items() if label.startswith(prefixes))

    def having(self, word: str) -> float:
        """Seconds of the main thread's labels one of whose words is this one."""
        return sum(spent for label, spent in self.front.items() if word in label.split())

    def table(self, title: str) -> str:
        """All labels, the longest first."""
        rows = sorted(self.front.items(), key=lambda item: -item[1])
        lines = [f"  {label:<34}{spent:9.2f} s {spent / self.total:6.1%}" for label, spent in rows]
        hidden = [f"  (behind: {label:<25}{spent:9.2f} s)" for label, spent in sorted(self.behind.items())]
        taken_off = [f"  (not counted: {label:<20}{spent:9.2f} s)" for label, spent in self.aside.items()]
        return "\n".join([f"{title}: {self.total:.2f} s", *lines, *hidden, *taken_off])

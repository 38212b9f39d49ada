"""Progress, on stderr only: bars on a terminal, a few plain lines in a log, or nothing.

A stage is started with its total, advanced once per item, and finished::

    with for_stream() as progress:
        progress.start("measure", total=len(trials))
        for trial in trials:
            ...
            progress.advance("measure", trial.id)
        progress.finish("measure")
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

EVERY_SHARE = 0.1
EVERY_SECONDS = 10.0


class Progress(Protocol):
    """What long work reports to; a context manager, so that a terminal is always left clean."""

    def start(self, stage: str, total: int) -> None:
        """A stage of ``total`` items begins; several may run at a time."""
        ...

    def advance(self, stage: str, item: str) -> None:
        """One more item of a started stage is done."""
        ...

    def finish(self, stage: str) -> None:
        """The stage is over, complete or not."""
        ...

    def note(self, text: str) -> None:
        """One line worth reading: a warning, a cache hit count."""
        ...

    def __enter__(self) -> Progress: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SilentProgress:
    """Says nothing."""

    def start(self, stage: str, total: int) -> None:
        """Nothing."""

    def advance(self, stage: str, item: str) -> None:
        """Nothing."""

    def finish(self, stage: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def __enter__(self) -> SilentProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to clean."""


@dataclass
class _Stage:
    total: int
    done: int
    said_done: int
    said_at: float


class PlainProgress:
    """Plain lines, one per tenth of a stage or per ten seconds, whichever comes first.

    Args:
        stream: where lines go, normally stderr.
        clock: seconds that never go backwards.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._stages: dict[str, _Stage] = {}

    def start(self, stage: str, total: int) -> None:
        """Say what begins."""
        self._stages[stage] = _Stage(total, 0, 0, self._clock())
        self.note(f"{stage}: {total} to do")

    def advance(self, stage: str, item: str) -> None:
        """Count, and say so when a line is due."""
        state = self._stages[stage]
        state.done += 1
        if state.done < state.total and self._is_due(state):
            state.said_done, state.said_at = state.done, self._clock()
            self.note(f"{stage}: {state.done} of {state.total} ({state.done / state.total:.0%}), {item}")

    def finish(self, stage: str) -> None:
        """Say how many were done."""
        state = self._stages.pop(stage)
        self.note(f"{stage}: {state.done} of {state.total} done")

    def note(self, text: str) -> None:
        """The line itself."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def _is_due(self, state: _Stage) -> bool:
        far = state.done - state.said_done >= EVERY_SHARE * state.total
        return far or self._clock() - state.said_at >= EVERY_SECONDS

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lines need no cleaning."""


class RichProgress:
    """Bars on a terminal.

    Args:
        stream: the terminal, normally stderr.
        colour: False leaves out every colour (``NO_COLOR``).
    """

    def __init__(self, stream: TextIO, *, colour: bool = True) -> None:
        self._bars = _bars(stream, colour)
        self._tasks: dict[str, TaskID] = {}

    def start(self, stage: str, total: int) -> None:
        """A new bar."""
        self._tasks[stage] = self._bars.add_task(stage, total=total, item="")

    def advance(self, stage: str, item: str) -> None:
        """One step, with the item's name beside the bar."""
        self._bars.update(self._tasks[stage], advance=1, item=item)

    def finish(self, stage: str) -> None:
        """The bar stays, without an item."""
        task = self._tasks.pop(stage)
        self._bars.update(task, item="")
        self._bars.stop_task(task)

    def note(self, text: str) -> None:
        """A line above the bars."""
        self._bars.console.print(text, markup=False, highlight=False)

    def __enter__(self) -> RichProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()


def _bars(stream: TextIO, colour: bool) -> Bars:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[item]}", markup=False),
        console=Console(file=stream, no_color=not colour),
    )


def for_stream(
    stream: TextIO | None = None, environ: Mapping[str, str] | None = None, *, quiet: bool = False
) -> Progress:
    """The progress that suits a stream: bars on a capable terminal, plain lines elsewhere.

    Args:
        stream: stderr by default; never stdout, which carries results.
        environ: read for ``NO_COLOR`` and ``TERM``; the process's environment by default.
        quiet: say nothing at all.
    """
    variables = os.environ if environ is None else environ
    target = sys.stderr if stream is None else stream
    if quiet:
        return SilentProgress()
    if target.isatty() and variables.get("TERM") != "dumb":
        return RichProgress(target, colour=not variables.get("NO_COLOR"))
    return PlainProgress(target)

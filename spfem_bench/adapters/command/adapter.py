"""`CommandAdapter`: a program in an environment of its own, behind the harness's one door."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from spfem_baselines import CannotGenerateError, Frames, Output, Request
from spfem_bench.adapters.check import OutputError
from spfem_bench.adapters.command.batch import Outcome, Ready, Runner
from spfem_bench.adapters.command.identity import identity_of
from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.places import Place
from spfem_bench.adapters.command.prepare import prepare
from spfem_bench.adapters.command.room import Room, job_room, protect
from spfem_bench.errors import ClipError


@dataclass(frozen=True)
class CommandAdapter:
    """A foreign model as an adapter; fits `spfem_baselines.BatchAdapter`.

    Args:
        manifest: what the program is and wants, in the chosen mode.
        place: where it is installed.
    """

    manifest: Manifest
    place: Place
    sees: tuple[()] = ()

    @property
    def name(self) -> str:
        """The manifest's, with the mode where it is not the default one."""
        return self.manifest.system_name

    @cached_property
    def identity(self) -> str:
        """Digest of all that can move an output: manifest, bridge, steps, assets, interpreter, launcher.

        Raises:
            UsageError: the interpreter cannot be started, or an asset is gone.
        """
        return f"command@1,{self.name},{identity_of(self.manifest, self.place)[:16]}"

    @property
    def batch(self) -> int:
        """Trials one process takes at most."""
        return self.manifest.batch

    def generate(self, request: Request) -> Output:
        """Make one output; the job's folder stays until its frames have been read once, or are dropped.

        Raises:
            CannotGenerateError: the model has no word for the emotion, or the trial lacks what it needs.
            ClipError: the source or the reference cannot be read.
            OutputError: the program failed, or what it left cannot be judged.
            StorageError: the disk is full.
        """
        with ExitStack() as stack:
            outcome = stack.enter_context(self.generate_many([request]))[request.trial]
            if isinstance(outcome, Exception):
                raise outcome
            return replace(outcome, frames=_Held(outcome.frames, stack.pop_all().close))

    @contextmanager
    def generate_many(self, requests: Sequence[Request]) -> Iterator[Mapping[str, Outcome]]:
        """Make outputs, `batch` in a process; their frames may be read while the context is open.

        Yields:
            Trial id -> the output, or the exception that `generate` would have raised.

        Raises:
            StorageError: the disk is full.
        """
        with job_room(self.name) as room:
            outcomes, ready = self._prepared(requests, room)
            runner = Runner(self.manifest, self.place, room)
            for start in range(0, len(ready), self.batch):
                outcomes |= runner.run(ready[start : start + self.batch])
            yield outcomes

    def _prepared(self, requests: Sequence[Request], room: Room) -> tuple[dict[str, Outcome], list[Ready]]:
        """What cannot be tried, with the reason, and what can."""
        refused: dict[str, Outcome] = {}
        ready = []
        for index, request in enumerate(requests):
            try:
                label = _label(self.manifest, request)
                folder = room.inputs(index)
                ready.append(Ready(request, prepare(self.manifest, request, folder), label))
                protect(folder)
            except (CannotGenerateError, ClipError, OutputError) as error:
                refused[request.trial] = error
        return refused, ready


def _label(manifest: Manifest, request: Request) -> str | None:
    """The model's word for the emotion, in label mode.

    Raises:
        CannotGenerateError: it has none, or the trial lacks what the mode needs.
    """
    if manifest.mode == "text" and request.text is None:
        raise CannotGenerateError(f"{manifest.system_name} needs a text, and this trial has none")
    return manifest.label(request.emotion)


class _Held(Iterable[Frames]):
    """Frames that can be read once, and what is to be closed when they have been, or nobody wants them."""

    def __init__(self, frames: Iterable[Frames], close: Callable[[], None]) -> None:
        self._frames = frames
        self._close = weakref.finalize(self, close)

    def __iter__(self) -> Iterator[Frames]:
        try:
            yield from self._frames
        finally:
            self._close()

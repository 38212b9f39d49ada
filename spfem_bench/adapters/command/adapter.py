"""`CommandAdapter`: a program in an environment of its own, behind the harness's one door."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from spfem_baselines import CannotGenerateError, Frames, Output, Request
from spfem_bench.adapters.check import OutputError
from spfem_bench.adapters.command.batch import Outcome, Ready, Runner, StrayWriteError, same_for
from spfem_bench.adapters.command.identity import document_of
from spfem_bench.adapters.command.manifest import Manifest
from spfem_bench.adapters.command.notes import notes_of
from spfem_bench.adapters.command.places import Place
from spfem_bench.adapters.command.prepare import prepare
from spfem_bench.adapters.command.room import Room, job_room, protect
from spfem_bench.digest import short_digest
from spfem_bench.errors import ClipError, ConfigError, StorageError, UsageError


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
    def document(self) -> dict[str, Any]:
        """All that can move an output: manifest, bridge, steps, assets, interpreter, launcher, variables.

        Raises:
            UsageError: the interpreter cannot be started, or an asset is gone or not the pinned one.
        """
        return document_of(self.manifest, self.place)

    @property
    def identity(self) -> str:
        """Name and digest of `document`.

        Raises:
            UsageError: as `document` does.
        """
        return f"command@1,{self.name},{short_digest(self.document)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a table has to say beside its numbers.

        Raises:
            UsageError: as `document` does.
        """
        return notes_of(self.document)

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
            Trial id -> the output, or the exception that `generate` would have raised. On a full disk that
            is a `StorageError` of all trials but the finished ones.
        """
        starts = range(0, len(requests), self.batch)
        with ExitStack() as rooms:
            yield self._in_turn([requests[start : start + self.batch] for start in starts], rooms)

    def _in_turn(
        self, groups: Iterable[Sequence[Request]], rooms: ExitStack, *, alone: bool = False
    ) -> dict[str, Outcome]:
        """What jobs made one after another; where the disk is full no more are begun."""
        outcomes: dict[str, Outcome] = {}
        full: Exception | None = None
        for group in groups:
            try:
                came = self._made(group, rooms, alone) if full is None else same_for(group, full)
            except StorageError as error:
                came = same_for(group, error)
            outcomes |= came
            full = next((one for one in came.values() if isinstance(one, StorageError)), full)
        return outcomes

    def _made(self, requests: Sequence[Request], rooms: ExitStack, alone: bool) -> dict[str, Outcome]:
        """What a job made of at most a batch; its folder is added to ``rooms``.

        Where something was changed outside the folder nothing is believed, and each trial is tried again in a
        folder of its own, alone: the one that does it again has failed. What is the user's is left as it is.

        Raises:
            StorageError: the folder cannot be written.
        """
        if self._strays and not self._is_what_it_was():
            named = ", ".join(dict.fromkeys(self._strays))
            changed = f"{self.name}: its program was changed while it ran ({named})"
            return same_for(requests, OutputError(changed))
        with ExitStack() as stack:
            room = stack.enter_context(job_room(self.name))
            outcomes, ready = self._prepared(requests, room)
            try:
                outcomes |= Runner(self.manifest, self.place, room, alone).run(ready)
            except StrayWriteError as error:
                self._strays.append(str(error))
            else:
                rooms.enter_context(stack.pop_all())
                return outcomes
        return outcomes | self._in_turn([[one.request] for one in ready], rooms, alone=True)

    @cached_property
    def _strays(self) -> list[str]:
        """What jobs of this adapter found changed outside their folders."""
        return []

    def _is_what_it_was(self) -> bool:
        """Whether the program is still the one that outputs are stored for."""
        try:
            return document_of(self.manifest, self.place) == self.document
        except (ConfigError, UsageError):
            return False

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

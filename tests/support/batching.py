"""An adapter that makes several outputs at a time, with the faults a batch can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from spfem_baselines import CannotGenerateError, Frames, Output, Request
from spfem_bench.errors import StorageError

CALLS: list[list[str]] = []
"""Trials of every batch that was begun, in order; a test empties it."""
OPEN: list[int] = []
"""Batches that are open now."""

Fault = Callable[[Request], Output | Exception | None]


@dataclass(frozen=True)
class Batched:
    """Seeded noise over the source; ``fault`` may answer a request in its stead.

    Args:
        batch: most requests at once.
        fault: what comes of a request instead, None where nothing is wrong; "leave out" raises LookupError.
        on_open: called before anything is made.
    """

    batch: int
    fault: Fault = lambda request: None
    on_open: Callable[[], None] = lambda: None
    name: str = "batched"
    identity: str = "batched@1"
    sees: tuple[()] = ()

    def generate(self, request: Request) -> Output:
        with self.generate_many([request]) as made:
            found = made[request.trial]
        if isinstance(found, Exception):
            raise found
        return found

    @contextmanager
    def generate_many(self, requests: Sequence[Request]) -> Iterator[Mapping[str, Output | Exception]]:
        CALLS.append([request.trial for request in requests])
        self.on_open()
        OPEN.append(len(requests))
        try:
            yield self._made(requests)
        finally:
            OPEN.pop()

    def _made(self, requests: Sequence[Request]) -> dict[str, Output | Exception]:
        made: dict[str, Output | Exception] = {}
        for request in requests:
            try:
                made[request.trial] = self.fault(request) or Output(_noisy(request), request.source.fps)
            except LookupError:
                continue
        return made


def _noisy(request: Request) -> Iterator[Frames]:
    rng = np.random.default_rng(request.seed)
    for chunk in request.source.frames():
        yield (chunk // 2 + rng.integers(0, 100, chunk.shape, np.uint8)).astype(np.uint8)


def ones() -> Batched:
    return Batched(1)


def fours() -> Batched:
    return Batched(4)


def none() -> Batched:
    return Batched(0)


class Alone:
    """The same adapter without its batch, as if it had never learnt to."""

    name, identity, sees = "batched", "batched@1", ()

    def generate(self, request: Request) -> Output:
        return Output(_noisy(request), request.source.fps)


def alone() -> Alone:
    return Alone()


def _by_target(request: Request) -> Output | Exception | None:
    """Happy breaks midway, sad is refused."""
    if request.emotion == "sad":
        return CannotGenerateError("no word for sad")
    if request.emotion == "happy":
        return Output(_breaking(request), request.source.fps)
    return None


def _breaking(request: Request) -> Iterator[Frames]:
    yield next(iter(request.source.frames()))[:3]
    raise ZeroDivisionError("division by zero")


def faulty() -> Batched:
    return Batched(4, _by_target)


def _forgotten(request: Request) -> None:
    if request.emotion == "happy":
        raise LookupError


def forgetful() -> Batched:
    return Batched(9, _forgotten)


def _out_of_memory() -> None:
    raise MemoryError("no room for the batch")


def unopened() -> Batched:
    return Batched(9, on_open=_out_of_memory)


STOP_AT: list[tuple[str, BaseException]] = []
"""Trial whose frames end in an exception, and that exception."""


def _stopping(request: Request) -> Output | None:
    for trial, error in STOP_AT:
        if request.trial == trial:
            return Output(_raising(request, error), request.source.fps)
    return None


def _raising(request: Request, error: BaseException) -> Iterator[Frames]:
    yield next(iter(request.source.frames()))[:3]
    raise error


def stopping() -> Batched:
    return Batched(4, _stopping)


def full_disk() -> StorageError:
    return StorageError("the disk is full")

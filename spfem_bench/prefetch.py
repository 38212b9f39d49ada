"""Items made ahead in a background thread, so that decoding goes on while a network runs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from spfem_bench.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class _Item(Generic[T]):
    value: T


def prefetch(source: Iterable[T], depth: int = 2) -> Iterator[T]:
    """Items of ``source``, made ahead in one background thread, in order.

    Decoding then goes on while a network runs. An exception of ``source`` is raised here, after the items
    before it. Closing the iterator, or leaving it unfinished, stops the thread, once the item being made is
    done, and closes ``source``.

    Args:
        source: what to iterate over; only the background thread touches it.
        depth: items made ahead at most, at least 1; bounds the memory.

    Raises:
        UsageError: ``depth`` under 1.
    """
    if depth < 1:
        raise UsageError(f"At least 1 item must be fetched ahead, not {depth}.")
    return _prefetched(source, depth)


def _prefetched(source: Iterable[T], depth: int) -> Iterator[T]:
    made: queue.Queue[_Item[T] | BaseException | None] = queue.Queue(depth)
    stopped = threading.Event()
    worker = threading.Thread(target=_fill, args=(source, made, stopped), name="prefetch", daemon=True)
    worker.start()
    try:
        while (found := made.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found.value
    finally:
        stopped.set()
        _drain(made)  # makes room, so that a worker that waits to put its item can see the stop
        worker.join()


def _fill(
    source: Iterable[T], made: queue.Queue[_Item[T] | BaseException | None], stopped: threading.Event
) -> None:
    end: BaseException | None = None
    try:
        with _closed(iter(source)) as items:
            for item in items:
                made.put(_Item(item))
                if stopped.is_set():
                    return
    except BaseException as error:  # noqa: BLE001 - handed to the consumer's thread, which raises it
        end = error
    if not stopped.is_set():
        made.put(end)


@contextmanager
def _closed(items: Iterator[T]) -> Iterator[Iterator[T]]:
    close = getattr(items, "close", None)
    if close is None:
        yield items
    else:
        with closing(items):  # type: ignore[type-var]
            yield items


def _drain(made: queue.Queue[Any]) -> None:
    while True:
        try:
            made.get_nowait()
        except queue.Empty:
            return

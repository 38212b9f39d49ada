"""Work on several pictures or batches at once, its results in order: the same bits as one after another."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def threads() -> int:
    """As many as torch is given for one operation, which a run states; 1 where torch is not in use."""
    torch = sys.modules.get("torch")
    return 1 if torch is None else int(torch.get_num_threads())


def in_order(function: Callable[[T], R], items: Iterable[T], count: int) -> Iterator[R]:
    """``function`` of every item, in the items' order.

    Args:
        function: of one item alone; it must leave the GIL for long enough to be worth it.
        items: taken in the caller's thread, at most two for each thread ahead of what was handed on.
        count: threads; with 1 there are none.

    Raises:
        Whatever ``function`` or ``items`` raise, after the results before it.
    """
    if count == 1:
        yield from map(function, items)
        return
    lane: Lane[R] = Lane(count)
    with closing(lane):
        for item in items:
            lane.put(function, item)
            yield from lane.ready()
        yield from lane.rest()


class Lane(Generic[R]):
    """Calls that threads work on, their results taken in the order in which they were put.

    Args:
        count: threads.
    """

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="beside")
        self._most = 2 * count
        self._waiting: deque[Future[R]] = deque()

    def put(self, function: Callable[[T], R], item: T) -> None:
        """Begin a call."""
        self._waiting.append(self._pool.submit(function, item))

    def ready(self) -> Iterator[R]:
        """Results for which there is no more room: so many calls wait that one must be done first."""
        while len(self._waiting) >= self._most:
            yield self._waiting.popleft().result()

    def rest(self) -> Iterator[R]:
        """All results that are left."""
        while self._waiting:
            yield self._waiting.popleft().result()

    def close(self) -> None:
        """End the threads once they have done what they are at; what has not begun is dropped."""
        self._pool.shutdown(cancel_futures=True)

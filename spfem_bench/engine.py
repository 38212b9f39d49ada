"""Where work is done: the same plan runs in this process or in a pool of them.

The seam is one Protocol, so that a cluster engine can be put in its place; results come back in the order
of the items, whatever order they were made in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Engine(Protocol):
    """Applies a function to items; both must be picklable for engines that leave the process."""

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Results in the order of the items; the first exception ends it."""
        ...


@dataclass(frozen=True)
class LocalEngine:
    """This machine.

    Args:
        workers: 1 for this process itself; more for a pool of fresh processes.
    """

    workers: int = 1

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Results in the order of the items; the first exception ends it."""
        if self.workers <= 1 or len(items) <= 1:
            yield from map(work, items)
            return
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        # spawn: a forked torch or mediapipe can hang on locks its parent held
        with ProcessPoolExecutor(self.workers, mp_context=get_context("spawn")) as pool:
            try:
                yield from pool.map(work, items)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

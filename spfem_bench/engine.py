"""Where work is done: the same plan runs in this process or in a pool of them.

The seam is one Protocol, so that a cluster engine can be put in its place; results come back in the order
of the items, whatever order they were made in.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from spfem_bench.errors import IncompleteError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

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
        yield from _pooled(work, items, self.workers)


def _pooled(work: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # spawn: a forked torch or mediapipe can hang on locks its parent held
    with ProcessPoolExecutor(workers, get_context("spawn"), _leave_interrupts) as pool:
        # not pool.map: it cancels what waits when it is interrupted, and `_stop` must find nothing cancelled
        waiting = [pool.submit(work, item) for item in items][::-1]
        try:
            while waiting:
                yield waiting.pop().result()
        except BrokenProcessPool as error:
            raise IncompleteError(
                "a worker process was killed, perhaps for want of memory: run the same command again with "
                "fewer --workers (what was finished is kept)"
            ) from error
        except (KeyboardInterrupt, GeneratorExit):
            _stop(pool)
            raise
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _leave_interrupts() -> None:
    """In a worker: Ctrl-C reaches every process of a terminal, and the parent answers it for all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers now: a trial in flight is lost, as with any kill, and nothing else."""
    for process in list((pool._processes or {}).values()):
        process.terminate()

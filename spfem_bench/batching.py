"""Feeding networks: batches that fit in memory, and items made ahead.

Batch size. How a clip is cut into batches moves the low bits of what a network returns, so the batch size is
part of a run's definition, not a matter of speed. `BatchSizer` therefore keeps one size for a whole clip: an
out-of-memory error inside a clip throws away the clip's results and starts it again with half the size. The
sizes it ended with (`BatchSizer.sizes`) belong into the run's record, and into the key of any cached result.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from spfem_bench.errors import UsageError

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_BATCH = 32
"""Frames in a batch unless a run says else or memory is short."""

_OUT_OF_MEMORY = re.compile(
    r"out of memory|can't allocate memory|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED"
    r"|Failed to allocate memory",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a network failed for want of memory, on a GPU or the CPU, under torch or ONNX Runtime."""
    return isinstance(error, RuntimeError) and bool(
        type(error).__name__ == "OutOfMemoryError" or _OUT_OF_MEMORY.search(str(error))
    )


@dataclass
class BatchSizer:
    """The batch size of each network: the wanted one, or the largest half of it that fits in memory.

    Args:
        start: the size every network begins with, at least 1.
    """

    start: int = DEFAULT_BATCH
    _found: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.start < 1:
            raise UsageError(f"A batch holds at least 1 frame, not {self.start}.")

    @property
    def sizes(self) -> Mapping[str, int]:
        """The sizes in use by network; record them, since they move low bits."""
        return dict(self._found)

    def run(self, network: str, forward: Callable[[Sequence[T]], R], items: Sequence[T]) -> list[R]:
        """A network's results over one clip's frames, all in batches of one size.

        Args:
            network: its name; a size found for it is kept for its next clips.
            forward: runs one batch; may be called again for the same frames after an out-of-memory error.
            items: one clip's frames (anything that slices: list, array, tensor); never those of two clips.

        Returns:
            What ``forward`` returned for each batch, in order.

        Raises:
            UsageError: not even one frame fits.
        """
        results, self._found[network] = with_backoff(
            forward, items, self._found.get(network, self.start), network=network
        )
        return results


def with_backoff(
    forward: Callable[[Sequence[T]], R], items: Sequence[T], start: int, *, network: str = "the network"
) -> tuple[list[R], int]:
    """Run ``forward`` over ``items`` in batches of one size: ``start``, or the first half of it that fits.

    Returns:
        The results of each batch in order, and the size used for all of them.

    Raises:
        UsageError: not even one item fits in memory.
    """
    size = start
    while True:
        try:
            return [forward(items[at : at + size]) for at in range(0, len(items), size)], size
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise UsageError(
                    f"{network} does not fit in memory even with one frame at a time: "
                    "use a GPU with more memory, or --device cpu."
                ) from error
        size = max(1, min(size, len(items)) // 2)
        _release_memory()


def _release_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


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

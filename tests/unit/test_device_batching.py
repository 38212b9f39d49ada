"""Batches that fit in memory, and items made ahead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spfem_bench.batching import BatchSizer, is_out_of_memory, prefetch, with_backoff
from spfem_bench.errors import UsageError


def room_for(limit: int, seen: list[int]) -> Callable[[Sequence[int]], list[int]]:
    """A network that fails as CUDA does on more than ``limit`` items."""

    def forward(batch: Sequence[int]) -> list[int]:
        seen.append(len(batch))
        if len(batch) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return list(batch)

    return forward


@given(count=st.integers(0, 100), start=st.integers(1, 64), limit=st.integers(1, 64))
def test_all_items_come_back_in_order_in_batches_of_one_size(count: int, start: int, limit: int) -> None:
    results, size = with_backoff(room_for(limit, []), list(range(count)), start)
    assert [item for batch in results for item in batch] == list(range(count))
    assert all(len(batch) == size for batch in results[:-1])
    assert min(size, count) <= limit
    assert size == start or start > limit


def test_memory_running_out_late_starts_the_clip_again_with_half() -> None:
    calls: list[int] = []

    def forward(batch: Sequence[int]) -> int:
        calls.append(len(batch))
        if len(calls) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return sum(batch)

    results, size = with_backoff(forward, list(range(40)), 16)
    assert size == 8
    assert calls == [16, 16, 8, 8, 8, 8, 8, 8]
    assert sum(results) == sum(range(40))


def test_the_size_found_is_kept_for_the_networks_next_clips_and_for_the_record() -> None:
    sizer, seen = BatchSizer(start=32), []
    sizer.run("big", room_for(5, seen), list(range(40)))
    assert seen[:4] == [32, 16, 8, 4]
    seen.clear()
    sizer.run("big", room_for(5, seen), list(range(10)))
    assert seen == [4, 4, 2]
    sizer.run("small", room_for(99, []), list(range(10)))
    assert sizer.sizes == {"big": 4, "small": 32}


def test_not_even_one_frame() -> None:
    with pytest.raises(UsageError, match=r"'?big'? does not fit in memory even with one frame.*--device cpu"):
        BatchSizer(start=4).run("big", room_for(0, []), [1, 2, 3])


def test_other_errors_are_not_retried() -> None:
    calls: list[int] = []

    def forward(batch: Sequence[int]) -> None:
        calls.append(len(batch))
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        with_backoff(forward, [1, 2], 2)
    assert calls == [2]


def test_arrays_and_tensors_are_sliced() -> None:
    results, _ = with_backoff(lambda batch: np.asarray(batch).sum(axis=0), np.arange(10).reshape(5, 2), 2)
    assert np.array_equal(np.sum(results, axis=0), [20, 25])
    tensors, _ = with_backoff(lambda batch: batch * 2, torch.arange(5), 2)
    assert torch.equal(torch.cat(tensors), torch.arange(5) * 2)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 99 bytes"), True),
        (RuntimeError("[ONNXRuntimeError] : Failed to allocate memory for requested buffer of size 9"), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_a_batch_holds_something() -> None:
    with pytest.raises(UsageError, match="at least 1 frame"):
        BatchSizer(start=0)


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


@given(st.lists(st.integers() | st.none(), max_size=20), st.integers(1, 5))
def test_prefetch_changes_nothing(items: list[int | None], depth: int) -> None:
    assert list(prefetch(iter(items), depth)) == items
    assert workers() == []


def test_prefetch_makes_ahead_no_more_than_its_depth() -> None:
    made: list[int] = []
    enough, third = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == 3:
                enough.set()
            if number > 4:
                third.set()
            yield number

    items = prefetch(source(), depth=2)
    assert next(items) == 0
    assert enough.wait(5), "1 handed out, 2 in the queue, 1 waiting to be put"
    assert not third.wait(0.05)
    assert len(made) <= 5
    items.close()  # type: ignore[attr-defined]


def test_an_error_of_the_source_comes_after_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("frame 3 is damaged")

    got: list[int] = []
    with pytest.raises(ValueError, match="frame 3 is damaged") as caught:
        got.extend(iter_into(got, prefetch(source(), depth=4)))
    assert got == [1, 2]
    assert any(entry.name == "source" for entry in caught.traceback), "where it happened is not lost"
    assert workers() == []


def iter_into(target: list[int], items: Iterator[int]) -> Iterator[int]:
    for item in items:
        target.append(item)
    return iter(())


def test_closing_early_stops_the_thread_and_closes_the_source() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    items = prefetch(source(), depth=1)
    assert next(items) == 0
    assert len(workers()) == 1
    items.close()  # type: ignore[attr-defined]
    assert closed.is_set()
    assert workers() == []


def test_leaving_a_loop_stops_the_thread() -> None:
    for item in prefetch(range(1000), depth=2):
        if item == 3:
            break
    del item
    assert workers() == []


def test_prefetch_runs_while_its_consumer_works() -> None:
    ahead = threading.Event()

    def source() -> Iterator[int]:
        yield 0
        ahead.set()
        yield 1

    items = prefetch(source(), depth=1)
    assert next(items) == 0
    assert ahead.wait(5), "the second item is being made though nobody asked for it"
    assert list(items) == [1]


def test_a_depth_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="At least 1"):
        prefetch([], depth=0)

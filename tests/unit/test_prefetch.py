"""Items made ahead in a background thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfem_bench.errors import UsageError
from spfem_bench.prefetch import prefetch


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

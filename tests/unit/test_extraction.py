"""The streaming runner: one pass over the frames, late rows, known arrays, bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spfem_metrics import ArrayMedia, DefinitionError, FrameBatch, InputError
from spfem_metrics.extraction import compare_pairs, extract, features


class Late:
    """Mean brightness, smoothed with ``ahead`` frames of look-ahead: late[t] = x[t + ahead] or the last."""

    def __init__(self, ahead: int, upstream: str | None) -> None:
        self.ahead, self.upstream = ahead, upstream
        self.values: list[float] = []
        self.gone = 0
        self.batches: list[int] = []

    def push(self, batch, upstream):
        self.batches.append(len(batch.images))
        assert batch.start == len(self.values)
        own = batch.images[:, 0, 0, 0].astype(float)
        if self.upstream:
            rows = upstream[self.upstream]["value"]
            assert len(rows) == len(own)
            own = own + 1000 * rows
        self.values += own.tolist()
        ready = max(self.gone, len(self.values) - self.ahead)
        rows = self.rows(self.gone, ready)
        self.gone = ready
        return rows if len(rows["value"]) else None

    def rows(self, start, stop):
        last = len(self.values) - 1
        return {"value": np.array([self.values[min(t + self.ahead, last)] for t in range(start, stop)])}

    def finish(self):
        return self.rows(0, len(self.values))


@dataclass
class Fake:
    """An extractor that keeps its passes."""

    name: str
    ahead: int = 0
    requires: tuple[str, ...] = ()
    definition: str = "fake"
    passes: list[Late] = field(default_factory=list)

    def start(self, media):
        self.passes.append(Late(self.ahead, self.requires[0] if self.requires else None))
        return self.passes[-1]


def clip(count: int) -> ArrayMedia:
    frames = np.zeros((count, 2, 2, 3), np.uint8)
    frames[:] = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return ArrayMedia(frames, Fraction(25))


def shifted(count: int, ahead: int) -> np.ndarray:
    return np.minimum(np.arange(count) + ahead, count - 1).astype(float)


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 60), batch=st.integers(1, 40), a=st.integers(0, 20), b=st.integers(0, 20))
def test_late_rows_reach_the_right_frames(count: int, batch: int, a: int, b: int):
    chain = [Fake("last", 0, ("middle",)), Fake("middle", b, ("first",)), Fake("first", a)]
    got = extract(clip(count), chain, batch=batch)
    first = shifted(count, a)
    middle = (np.arange(count) + 1000 * first)[shifted(count, b).astype(int)]
    assert np.array_equal(got["first"]["value"], first)
    assert np.array_equal(got["middle"]["value"], middle)
    assert np.array_equal(got["last"]["value"], np.arange(count) + 1000 * middle)
    assert list(got) == ["last", "middle", "first"]


def test_known_arrays_are_not_computed_again():
    first, second = Fake("first", 3), Fake("second", 0, ("first",))
    known = {"first": {"value": np.full(10, 7.0)}}
    got = extract(clip(10), [first, second], known=known)
    assert first.passes == []
    assert got["first"] is known["first"]
    assert got["second"]["value"].tolist() == [7000.0 + t for t in range(10)]


def test_nothing_is_decoded_when_all_is_known():
    class Unreadable(ArrayMedia):
        def batches(self, size: int = 32) -> Iterator[FrameBatch]:
            raise AssertionError("decoded")

    media = Unreadable(clip(3).frames, Fraction(25))
    known = {"first": {"value": np.zeros(3)}}
    assert extract(media, [Fake("first")], known=known) == known


def test_known_arrays_of_another_length_are_an_error():
    with pytest.raises(InputError, match="known first has 9 rows for 10 frames"):
        extract(clip(10), [Fake("second", 0, ("first",))], known={"first": {"value": np.zeros(9)}})


class Counting:
    """A clip that is made as it is read, and knows how many of its batches are alive."""

    fps = Fraction(25)
    size = (16, 16)

    def __init__(self, count: int) -> None:
        self.frame_count, self.alive, self.most, self.reads = count, 0, 0, 0

    @property
    def times(self):
        return np.arange(self.frame_count) / 25

    def batches(self, size: int = 32):
        import weakref

        self.reads += 1
        for start in range(0, self.frame_count, size):
            images = np.zeros((min(size, self.frame_count - start), 16, 16, 3), np.uint8)
            self.alive += 1
            weakref.finalize(images, self.gone)
            self.most = max(self.most, self.alive)
            yield FrameBatch(start, images, self.times[start : start + len(images)])
            del images

    def gone(self):
        self.alive -= 1

    def audio(self, rate):
        return None


@pytest.mark.parametrize("count", [200, 2000])
def test_one_decode_and_flat_memory(count: int):
    media = Counting(count)
    extract(media, [Fake("first", 12), Fake("second", 5, ("first",)), Fake("third", 0, ("second",))], batch=8)
    assert media.reads == 1
    assert media.most <= 5  # 17 frames of look-ahead in batches of 8, and the one being made


def test_requirements_must_be_met():
    with pytest.raises(DefinitionError, match="second requires first"):
        extract(clip(2), [Fake("second", 0, ("first",))])
    with pytest.raises(DefinitionError, match="circle: one, two"):
        extract(clip(2), [Fake("one", 0, ("two",)), Fake("two", 0, ("one",))])
    with pytest.raises(DefinitionError, match="two extractors are named one"):
        extract(clip(2), [Fake("one"), Fake("one")])


def test_rows_from_nowhere_are_an_error():
    class Eager(Late):
        def push(self, batch, upstream):
            return {"value": np.zeros(len(batch.images) + 1)}

    class Wrong(Fake):
        def start(self, media):
            return Eager(0, None)

    with pytest.raises(InputError, match="gave more rows"):
        extract(clip(4), [Wrong("first")])


def test_features_carry_the_time_base():
    media = clip(4)
    found = features(media, extract(media, [Fake("first")]))
    assert found.fps == 25
    assert found.times.tolist() == pytest.approx([0, 0.04, 0.08, 0.12])
    assert found.size == (2, 2)
    assert found["first"]["value"].tolist() == [0, 1, 2, 3]


@dataclass
class Difference:
    name: str = "difference"
    definition: str = "difference"

    def compare(self, output, other, pairs):
        return {"value": output.frames[pairs[:, 0], 0, 0, 0] - other.frames[pairs[:, 1], 0, 0, 0]}


def test_pairs_are_checked_and_compared():
    pairs = np.array([[1, 0], [2, 0], [4, 3]])
    got = compare_pairs(clip(5), clip(4), pairs, [Difference()])
    assert got["difference"]["value"].tolist() == [1, 2, 1]
    with pytest.raises(InputError, match="beyond"):
        compare_pairs(clip(5), clip(3), pairs, [Difference()])
    with pytest.raises(InputError, match="back in time"):
        compare_pairs(clip(5), clip(4), pairs[::-1], [Difference()])
    with pytest.raises(DefinitionError, match="named difference"):
        compare_pairs(clip(5), clip(4), pairs, [Difference(), Difference()])

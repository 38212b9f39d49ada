"""The streaming runner: one decode pass feeds every extractor, and memory does not grow with the frames.

An extractor that looks ahead lets its rows go some frames late; the frames its dependents still need wait
here, and only those. Everything else is handed over in the batches it was decoded in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError, InputError
from spfem_metrics.extractor import Arrays, ClipFeatures, Extractor, PairExtractor, Pass
from spfem_metrics.media import FrameBatch, Media


def extract(
    media: Media,
    extractors: Sequence[Extractor],
    *,
    known: Mapping[str, Arrays] | None = None,
    batch: int = 32,
) -> dict[str, Arrays]:
    """Run extractors over one clip.

    Args:
        media: the clip.
        extractors: in any order; each after those it requires.
        known: arrays by extractor name that need not be computed again; an extractor of that name is not run.
        batch: frames decoded at a time; moves no extractor's numbers that pins its own chunks.

    Returns:
        Extractor name -> its arrays, for every one of ``extractors``; the known ones as they were given.

    Raises:
        DefinitionError: two of one name, a requirement that nobody meets, a circle of requirements.
        InputError: an extractor's rows do not fit the frames.
    """
    known = known or {}
    ordered = in_order(extractors, known)
    nodes = {e.name: _Node(e.name, tuple(e.requires), e.start(media)) for e in ordered}
    stream = _Stream(nodes, known)
    if nodes:
        for frames in media.batches(batch):
            stream.take(frames)
        stream.finish()
    return {e.name: known[e.name] if e.name in known else stream.rows[e.name].whole() for e in extractors}


def features(media: Media, arrays: Mapping[str, Arrays]) -> ClipFeatures:
    """A clip's arrays with its time base, as metrics read them."""
    return ClipFeatures(float(media.fps), media.times, media.size, arrays)


def compare_pairs(
    output: Media, other: Media, pairs: NDArray[np.int64], extractors: Sequence[PairExtractor]
) -> dict[str, Arrays]:
    """Run pair extractors over two clips, one after another.

    Args:
        output: the clip under test.
        other: the clip it is compared with.
        pairs: (P, 2) int64 (output frame, other frame), both columns non-decreasing.
        extractors: of different names.

    Raises:
        DefinitionError: two of one name.
        InputError: pairs of another shape, out of order, or beyond a clip's end.
    """
    _require_one_each([e.name for e in extractors])
    _check_pairs(pairs, output.frame_count, other.frame_count)
    return {e.name: e.compare(output, other, pairs) for e in extractors}


def in_order(extractors: Sequence[Extractor], known: Mapping[str, Arrays]) -> list[Extractor]:
    """The extractors that must run, each after those it requires, else in the order given.

    Raises:
        DefinitionError: as `extract`.
    """
    _require_one_each([e.name for e in extractors])
    names = {e.name for e in extractors} | set(known)
    for extractor in extractors:
        lacking = [name for name in extractor.requires if name not in names]
        if lacking:
            raise DefinitionError(f"extractor {extractor.name} requires {lacking[0]}, which is not there")
    waiting, ordered, done = [e for e in extractors if e.name not in known], [], set(known)
    while waiting:
        ready = [e for e in waiting if done.issuperset(e.requires)]
        if not ready:
            circle = ", ".join(sorted(e.name for e in waiting))
            raise DefinitionError(f"extractors require one another in a circle: {circle}")
        ordered += ready
        done |= {e.name for e in ready}
        waiting = [e for e in waiting if e.name not in done]
    return ordered


def _require_one_each(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DefinitionError(f"two extractors are named {twice[0]}")


def _check_pairs(pairs: NDArray[np.int64], outputs: int, others: int) -> None:
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise InputError(f"pairs must be (P, 2), not {pairs.shape}")
    if len(pairs) and ((np.diff(pairs, axis=0) < 0).any() or (pairs < 0).any()):
        raise InputError("pairs must not go back in time")
    if len(pairs) and (pairs[-1] >= (outputs, others)).any():
        raise InputError(f"pairs end at {pairs[-1].tolist()}, beyond clips of {outputs} and {others} frames")


@dataclass
class _Node:
    """An extractor at work, and how many frames it has had."""

    name: str
    requires: tuple[str, ...]
    work: Pass
    had: int = 0


class _Known:
    """Rows that were there from the start."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self.count = max((len(values) for values in arrays.values()), default=0)

    def between(self, start: int, stop: int) -> Arrays:
        """Rows of the frames ``start`` to ``stop``."""
        return {name: values[start:stop] for name, values in self._arrays.items()}


class _Rows:
    """Rows of a running extractor: those that wait for dependents, and in the end all."""

    def __init__(self) -> None:
        self._chunks: deque[tuple[int, Arrays]] = deque()
        self._all: Arrays | None = None
        self.count = 0

    def add(self, rows: Arrays) -> None:
        """Take rows that are final, in order."""
        length = _length(rows)
        self._chunks.append((self.count, rows))
        self.count += length

    def complete(self, arrays: Arrays, frames: int) -> None:
        """Take the whole clip's arrays in place of the rows."""
        self._all, self.count = arrays, frames
        self._chunks.clear()

    def forget(self, before: int) -> None:
        """Drop rows that nobody needs any more."""
        while self._chunks and self._chunks[0][0] + _length(self._chunks[0][1]) <= before:
            self._chunks.popleft()

    def between(self, start: int, stop: int) -> Arrays:
        """Rows of the frames ``start`` to ``stop``."""
        if self._all is not None:
            return {name: values[start:stop] for name, values in self._all.items()}
        parts = [
            {name: values[max(start - at, 0) : stop - at] for name, values in rows.items()}
            for at, rows in self._chunks
            if at < stop and at + _length(rows) > start
        ]
        return parts[0] if len(parts) == 1 else {n: np.concatenate([p[n] for p in parts]) for n in parts[0]}

    def whole(self) -> Arrays:
        """The whole clip's arrays, once it is finished."""
        if self._all is None:
            raise InputError("the clip is not finished")
        return self._all


def _length(rows: Arrays) -> int:
    return len(next(iter(rows.values())))


class _Stream:
    """Frames in, rows through, in the nodes' order."""

    def __init__(self, nodes: Mapping[str, _Node], known: Mapping[str, Arrays]) -> None:
        self._nodes = nodes
        self._known = {name: _Known(arrays) for name, arrays in known.items()}
        self.rows = {name: _Rows() for name in nodes}
        self._buffer: deque[FrameBatch] = deque()
        self._seen = 0

    def take(self, frames: FrameBatch) -> None:
        """Hand on the next frames to whoever can have them."""
        self._buffer.append(frames)
        self._seen += len(frames.images)
        for node in self._nodes.values():
            self._feed(node)
        self._forget()

    def finish(self) -> None:
        """Hand on what is left and collect each extractor's arrays."""
        for name, arrays in self._known.items():
            if any(name in node.requires for node in self._nodes.values()) and arrays.count != self._seen:
                raise InputError(f"known {name} has {arrays.count} rows for {self._seen} frames")
        for node in self._nodes.values():
            self._feed(node)
            self.rows[node.name].complete(node.work.finish(), self._seen)

    def _source(self, name: str) -> _Known | _Rows:
        return self._known[name] if name in self._known else self.rows[name]

    def _feed(self, node: _Node) -> None:
        """Push every frame whose required rows are final, batch by batch."""
        stop = min([self._seen, *(self._source(name).count for name in node.requires)])
        for frames in list(self._buffer):
            first = max(frames.start, node.had)
            last = min(frames.start + len(frames.images), stop)
            if first < last:
                self._push(node, _part(frames, first, last))

    def _push(self, node: _Node, frames: FrameBatch) -> None:
        start, stop = frames.start, frames.start + len(frames.images)
        upstream = {name: self._source(name).between(start, stop) for name in node.requires}
        settled = node.work.push(frames, upstream)
        node.had = stop
        if settled is None:
            return
        self.rows[node.name].add(settled)
        if self.rows[node.name].count > stop:
            raise InputError(f"extractor {node.name} gave more rows than it had frames")

    def _forget(self) -> None:
        needed = min(node.had for node in self._nodes.values())
        while self._buffer and self._buffer[0].start + len(self._buffer[0].images) <= needed:
            self._buffer.popleft()
        for name, rows in self.rows.items():
            users = [node.had for node in self._nodes.values() if name in node.requires]
            rows.forget(min(users, default=rows.count))


def _part(frames: FrameBatch, start: int, stop: int) -> FrameBatch:
    a, b = start - frames.start, stop - frames.start
    return FrameBatch(start, frames.images[a:b], frames.times[a:b])

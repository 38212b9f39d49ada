"""Adapters for tests: well-behaved, and each with one known fault."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from spfem_baselines import CannotGenerateError, Frames, Output, Request


@dataclass(frozen=True)
class Made:
    """An adapter from one function."""

    name: str
    work: Callable[[Request], Output]
    identity: str = "v1"
    sees: tuple[()] = ()

    def generate(self, request: Request) -> Output:
        return self.work(request)


def _brighter(request: Request) -> Iterator[Frames]:
    for chunk in request.source.frames():
        yield np.clip(chunk.astype(np.int16) + 20, 0, 255).astype(np.uint8)


def brighten() -> Made:
    return Made("brighten", lambda r: Output(_brighter(r), r.source.fps))


def slow() -> Made:
    def work(request: Request) -> Output:
        time.sleep(0.05)
        return Output(_brighter(request), request.source.fps)

    return Made("slow", work)


def noisy() -> Made:
    def work(request: Request) -> Output:
        generator = np.random.default_rng(request.seed)
        width, height = request.source.size
        frames = generator.integers(0, 256, (request.source.frame_count, height, width, 3), np.uint8)
        return Output([frames], request.source.fps)

    return Made("noisy", work)


def drop_two() -> Made:
    """As NED: the first two frames never come."""

    def work(request: Request) -> Output:
        count = request.source.frame_count
        return Output(request.source.frames(2), request.source.fps, np.arange(2, count))

    return Made("drop-two", work)


def halved() -> Made:
    """Every other frame, at half the rate."""

    def work(request: Request) -> Output:
        frames = np.concatenate(list(request.source.frames()))[::2]
        return Output([frames], request.source.fps / 2, np.arange(request.source.frame_count)[::2])

    return Made("halved", work)


FAULTS: dict[str, Callable[[Request], Output]] = {}


def _fault(work: Callable[[Request], Output]) -> Callable[[Request], Output]:
    FAULTS[work.__name__.strip("_").replace("_", "-")] = work
    return work


@_fault
def _crash(request: Request) -> Output:
    raise RuntimeError("CUDA error: an illegal memory access\nwas encountered")


@_fault
def _crash_midway(request: Request) -> Output:
    def frames() -> Iterator[Frames]:
        yield next(request.source.frames())[:3]
        raise ZeroDivisionError("division by zero")

    return Output(frames(), request.source.fps)


@_fault
def _no_frames(request: Request) -> Output:
    return Output([], request.source.fps)


@_fault
def _too_few(request: Request) -> Output:
    return Output([next(request.source.frames())[:2]], request.source.fps, np.arange(2))


@_fault
def _no_map(request: Request) -> Output:
    return Output(request.source.frames(2), request.source.fps)


@_fault
def _nan(request: Request) -> Output:
    return Output([np.full((4, 8, 8, 3), np.nan)], request.source.fps)  # type: ignore[list-item]


@_fault
def _floats(request: Request) -> Output:
    return Output([np.zeros((4, 8, 8, 3), np.float32)], request.source.fps)  # type: ignore[list-item]


@_fault
def _gray(request: Request) -> Output:
    return Output([np.zeros((4, 8, 8), np.uint8)], request.source.fps)


@_fault
def _size_changes(request: Request) -> Output:
    return Output([np.zeros((4, 8, 8, 3), np.uint8), np.zeros((4, 9, 8, 3), np.uint8)], request.source.fps)


@_fault
def _backwards(request: Request) -> Output:
    count = request.source.frame_count
    return Output(request.source.frames(), request.source.fps, np.arange(count)[::-1])


@_fault
def _wrong_fps(request: Request) -> Output:
    return Output(request.source.frames(), Fraction(5))


@_fault
def _float_fps(request: Request) -> Output:
    return Output(request.source.frames(), 25.0)  # type: ignore[arg-type]


@_fault
def _declines(request: Request) -> Output:
    raise CannotGenerateError("this model needs a reference")


def fault(name: str) -> Made:
    return Made(name, FAULTS[name])


def faulty_crash() -> Made:
    return fault("crash")

"""The adapter kit passes sound adapters and names each defect of a broken one; so does the dataset kit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spfem_baselines import CannotGenerateError, Output, Request
from spfem_bench.clips import open_clip
from spfem_bench.datasets.records import ClipRecord, Dataset
from spfem_bench.testing import check_adapter, check_dataset, fake_clip, fake_request


class Copy:
    """Returns the source; the base of every defect below."""

    name = "copy"
    identity = "copy@1"
    sees: Collection[Any] = ()

    def frames(self, request: Request) -> Iterator[Any]:
        yield from request.source.frames()

    def generate(self, request: Request) -> Any:
        return Output(self.frames(request), request.source.fps)


def test_a_sound_adapter_passes_and_its_output_comes_back() -> None:
    made = check_adapter(Copy())
    assert made is not None
    assert made.fps == 25
    np.testing.assert_array_equal(made.frames, fake_clip("source").pixels)
    np.testing.assert_array_equal(made.frame_map, np.arange(40))


def test_seeded_noise_and_retiming_pass() -> None:
    class Noise(Copy):
        def generate(self, request: Request) -> Any:
            rng = np.random.default_rng(request.seed)
            frames = rng.integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
            return Output([frames], Fraction(25, 2), np.arange(20) * 2)

    assert check_adapter(Noise()) is not None


def test_a_refusal_with_a_reason_is_no_fault() -> None:
    class Refuser(Copy):
        def generate(self, request: Request) -> Any:
            raise CannotGenerateError("this trial has no prompt")

    assert check_adapter(Refuser()) is None


def test_extras_are_given_only_to_those_who_ask(tmp_path: Path) -> None:
    class Oracle(Copy):
        sees = ("truth", "stranger")

    plain, seeing = fake_request(Copy(), tmp_path), fake_request(Oracle(), tmp_path)
    assert (plain.truth, plain.stranger, plain.truth_pairs) == (None, None, None)
    assert seeing.truth is not None
    assert seeing.stranger is not None
    assert seeing.truth_pairs is not None


def test_the_request_s_clips_are_files_too(tmp_path: Path) -> None:
    source = fake_request(Copy(), tmp_path).source
    read = np.concatenate([batch.images for batch in open_clip(source.path).batches()])
    np.testing.assert_array_equal(read, np.concatenate(list(source.frames())))


class NoIdentity(Copy):
    identity = ""


class Shifting(Copy):
    calls = count()

    @property
    def identity(self) -> str:  # type: ignore[override]
        return f"copy@{next(self.calls)}"


class Curious(Copy):
    sees = ("future",)


class Unseeded(Copy):
    rng = np.random.default_rng(0)

    def frames(self, request: Request) -> Iterator[Any]:
        yield self.rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)


class Remembering(Copy):
    """Starts from the last frame it saw, like a recurrent model that is never reset."""

    state = np.zeros((96, 96, 3), np.uint8)

    def frames(self, request: Request) -> Iterator[Any]:
        for chunk in request.source.frames():
            yield (chunk // 2 + self.state // 2).astype(np.uint8)
            type(self).state = np.full((96, 96, 3), request.seed * 50, np.uint8)


class Overwriting(Copy):
    def frames(self, request: Request) -> Iterator[Any]:
        for chunk in request.source.frames():
            np.floor_divide(chunk, 2, out=chunk)
            yield chunk


class Floating(Copy):
    def frames(self, request: Request) -> Iterator[Any]:
        yield np.zeros((40, 8, 8, 3), np.float32)


class Planar(Copy):
    def frames(self, request: Request) -> Iterator[Any]:
        yield np.zeros((40, 3, 8, 8), np.uint8)


class Growing(Copy):
    def frames(self, request: Request) -> Iterator[Any]:
        yield np.zeros((20, 8, 8, 3), np.uint8)
        yield np.zeros((20, 9, 8, 3), np.uint8)


class Short(Copy):
    def frames(self, request: Request) -> Iterator[Any]:
        yield np.zeros((39, 8, 8, 3), np.uint8)


class Backwards(Copy):
    def generate(self, request: Request) -> Any:
        return Output(self.frames(request), Fraction(25), np.arange(40)[::-1])


class Outside(Copy):
    def generate(self, request: Request) -> Any:
        return Output(self.frames(request), Fraction(25), np.arange(40) + 1)


class LongMap(Copy):
    def generate(self, request: Request) -> Any:
        return Output(self.frames(request), Fraction(25), np.arange(41))


class FloatRate(Copy):
    def generate(self, request: Request) -> Any:
        return Output(self.frames(request), 25.0)  # type: ignore[arg-type]


class Mute(Copy):
    def generate(self, request: Request) -> Any:
        raise CannotGenerateError("")


class Crash(Copy):
    def generate(self, request: Request) -> Any:
        raise RuntimeError("shape mismatch")


class Empty(Copy):
    def frames(self, request: Request) -> Iterator[Any]:
        yield from ()


DEFECTS: list[tuple[type[Copy], str]] = [
    (NoIdentity, "has no identity"),
    (Shifting, "identity that changes"),
    (Curious, "wants to see future"),
    (Unseeded, "other frames from the same request"),
    (Remembering, "other frames from the same request"),
    (Overwriting, "writes into the frames"),
    (Floating, "frames are float32"),
    (Planar, "expected"),
    (Growing, "frame size changes"),
    (Short, "no frame map says"),
    (Backwards, "backwards in time"),
    (Outside, "outside the source"),
    (LongMap, "one integer each is due"),
    (FloatRate, "positive fractions.Fraction"),
    (Mute, "does not say why"),
    (Crash, "raises RuntimeError"),
    (Empty, "no frames at all"),
]


@pytest.mark.parametrize(("broken", "fault"), DEFECTS, ids=[broken.__name__ for broken, _ in DEFECTS])
def test_each_defect_is_named(broken: type[Copy], fault: str) -> None:
    with pytest.raises(AssertionError, match=fault) as caught:
        check_adapter(broken())
    assert str(caught.value).startswith("copy ")


def test_what_is_no_adapter_is_named() -> None:
    with pytest.raises(AssertionError, match="object is not an adapter"):
        check_adapter(object())  # type: ignore[arg-type]


def reader(*records: ClipRecord) -> Any:
    return lambda root: Dataset("mine", root, list(records))


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        ([], "finds no clip"),
        ([ClipRecord("b", "a.mp4", "s", None), ClipRecord("a", "a.mp4", "s", None)], "does not sort"),
        ([ClipRecord("a", "a.mp4", "s", None), ClipRecord("a", "a.mp4", "s", None)], "stand twice"),
        ([ClipRecord("a", "a.mp4", "s", "joy")], "the emotion 'joy'"),
        ([ClipRecord("a", "a.mp4", "", "happy")], "no speaker"),
        ([ClipRecord("a", "../a.mp4", "s", "happy")], "leaves its root"),
        ([ClipRecord("a", "gone.mp4", "s", "happy")], "not there"),
    ],
)
def test_each_defect_of_a_reader_is_named(records: list[ClipRecord], fault: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(AssertionError, match=fault):
        check_dataset(reader(*records), tmp_path)


def test_a_reader_that_changes_its_mind_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    takes = count(1)
    record = ClipRecord("a", "a.mp4", "s", "happy")
    with pytest.raises(AssertionError, match="second time"):
        check_dataset(lambda root: Dataset("mine", root, [replace(record, take=next(takes))]), tmp_path)

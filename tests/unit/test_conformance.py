"""The conformance kit passes sound adapters, and each of its checks catches an adapter with that fault."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spfem_baselines import CannotGenerateError, Output, Request
from spfem_bench.adapters import load_system
from spfem_bench.errors import UsageError
from spfem_bench.testing import Conformance, Declared, check_conformance
from spfem_bench.testing.conformance_checks import CHECKS
from spfem_bench.testing.declared import declared_by
from spfem_bench.testing.fake_clips import fake_clip, written
from tests.support.programs import make_adapter
from tests.support.programs import requests as command_requests

WITHOUT_NETWORKS = [name for name in CHECKS if name not in {"rendered-run", "fresh-process"}]
"""Checks that take milliseconds on two drawn clips."""


class Copy:
    """The source itself; the base of every fault below."""

    name = "copy"
    identity = "copy@1"
    sees: Sequence[Any] = ()

    def frames(self, request: Request) -> Iterator[Any]:
        yield from request.source.frames()

    def generate(self, request: Request) -> Any:
        return Output(self.frames(request), request.source.fps)


class CopyMany(Copy):
    """The same, several at a time."""

    batch = 2

    @contextmanager
    def generate_many(self, requests: Sequence[Request]) -> Iterator[Mapping[str, Any]]:
        yield {request.trial: self.generate(request) for request in requests}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Request]:
    """Two drawn people, 20 frames each, also as files."""
    found = []
    for seed, name in enumerate(["a", "b"]):
        folder = tmp_path_factory.mktemp(name)
        source = written(fake_clip(name, frames=20, size=32), folder, "source")
        reference = written(fake_clip(f"{name} happy", frames=12, size=32), folder, "reference")
        found.append(Request(name, source, "happy", seed, reference=reference, text="a happy face"))
    return found


@pytest.fixture
def requests(drawn: list[Request]) -> list[Request]:
    """The same for one test, which may try an adapter that writes into them."""
    return [replace(one, source=deepcopy(one.source)) for one in drawn]


def report(adapter: Any, requests: Sequence[Request], *only: str, **given: Any) -> Conformance:
    return check_conformance(adapter, requests=requests, only=only or WITHOUT_NETWORKS, **given)


def test_a_sound_adapter_passes_every_check(requests: list[Request]) -> None:
    found = report(Copy(), requests).require()
    assert found.adapter == "copy"
    assert {check.name: check.passed for check in found.checks} == dict.fromkeys(WITHOUT_NETWORKS, True) | {
        "batches": None,
        "timeout": None,
    }
    assert found.plain()["passed"] is True
    assert len(found.plain()["checks"]) == len(WITHOUT_NETWORKS)
    assert found.lines()[2] == "ok     frame-map      stands for 20 of 20 source frames, from 0 to 19"


def test_a_sound_batch_adapter_passes_every_check(requests: list[Request]) -> None:
    found = report(CopyMany(), requests).require()
    assert {check.name for check in found.checks if check.passed is None} == {"timeout"}


def test_seeds_and_half_the_rate_are_sound(requests: list[Request]) -> None:
    class Halved(Copy):
        def generate(self, request: Request) -> Any:
            rng = np.random.default_rng(request.seed)
            kept = np.arange(0, request.source.frame_count, 2)
            frames = rng.integers(0, 256, (len(kept), 8, 8, 3), dtype=np.uint8)
            return Output([frames], request.source.fps / 2, kept)

    found = report(Halved(), requests, declared=Declared(size=(8, 8))).require()
    sentences = {check.name: check.sentence for check in found.checks}
    assert sentences["frame-map"] == "stands for 10 of 20 source frames, from 0 to 18"
    assert sentences["seeds"] == "another seed gives other frames"


def test_what_is_declared_may_be_missing_or_of_another_size(requests: list[Request]) -> None:
    declared = Declared(size=(16, 8), head=2, tail=3)

    class Cut(Copy):
        def generate(self, request: Request) -> Any:
            frames = np.zeros((15, 8, 16, 3), np.uint8)
            return Output([frames], request.source.fps, np.arange(2, 17))

    report(Cut(), requests, declared=declared).require()
    for less in ({"size": (8, 16)}, {"head": 1}, {"tail": 2}):
        (fault,) = report(Cut(), requests, declared=replace(declared, **less)).faults  # type: ignore[arg-type]
        assert fault.name == ("frames" if "size" in less else "frame-map")


def test_a_crop_has_a_size_of_its_own(requests: list[Request]) -> None:
    class Cropped(Copy):
        def generate(self, request: Request) -> Any:
            frames = (chunk[:, 4:-4, 8:-8] for chunk in request.source.frames())
            return Output(frames, request.source.fps, space="crop")

    report(Cropped(), requests, "frames").require()
    (fault,) = report(Cropped(), requests, "frames", declared=Declared(size=(24, 24))).faults
    assert "frames are 16x24, neither the source's 32x32 nor the 24x24 that are declared" in fault.sentence


@pytest.mark.parametrize(
    ("changed", "fault", "check"),
    [
        ({"dropped": {"tail": 3}}, "half", None),
        ({"dropped": {"tail": 2}}, "half", "frame-map"),
        ({"size": [20, 16]}, "other-size", None),
        ({"size": [16, 20]}, "other-size", "frames"),
        ({}, "other-size", "frames"),
    ],
)
def test_a_manifest_declares_what_its_program_drops(
    changed: dict[str, Any], fault: str, check: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight frames of 32x32: ``half`` makes five of them and says so, ``other-size`` pictures of 20x16."""
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    adapter = make_adapter(tmp_path / "m", fault, output={"as": "frames", **changed})
    found = report(adapter, command_requests(tmp_path, "a", "b", frames=8), "frames", "frame-map")
    assert [one.name for one in found.faults] == ([] if check is None else [check])


def test_what_a_manifest_says_in_prepared_frames_counts_in_the_source_s(
    tmp_path: Path, requests: list[Request]
) -> None:
    """At half the source's rate two prepared frames are four; a shorter reference or sound may end it."""
    given = {"kind": "video", "as": "png", "fps": "25/2"}
    output = {"as": "frames", "dropped": {"head": 2, "tail": 1}, "size": "prepared"}

    def said(**more: Any) -> Declared:
        manifest = {"input": {**given, **more.pop("input", {})}, "output": {**output, **more}}
        return declared_by(make_adapter(tmp_path / "m", **manifest), requests[0])

    assert said() == Declared(None, 4, 2)
    assert said(length="shorter-of-both") == Declared(None, 4, 10)
    crop = {"rule": "face-static", "margin": 0, "size": 64}
    assert said(input={"crop": crop}, space="crop") == Declared((64, 64), 4, 2)
    assert said(input={"size": [48, 32]}) == Declared((48, 32), 4, 2)
    assert said(size=[128, 96]) == Declared((128, 96), 4, 2)
    assert said(size="source") == Declared(None, 4, 2)
    heard = requests[0].source.audio(16_000)
    assert heard is not None
    assert said(length="audio").tail == 2 + max(0, 20 - len(heard) * 25 // 16_000)


class Nameless(Copy):
    identity = ""


class Floating(Copy):
    def frames(self, request: Request) -> Iterator[Any]:
        yield np.zeros((20, 8, 8, 3), np.float32)


class Growing(Copy):
    def frames(self, request: Request) -> Iterator[Any]:
        yield np.zeros((10, 8, 8, 3), np.uint8)
        yield np.zeros((10, 9, 8, 3), np.uint8)


class FloatRate(Copy):
    def generate(self, request: Request) -> Any:
        return Output(self.frames(request), 25.0)  # type: ignore[arg-type]


class Declining(Copy):
    def generate(self, request: Request) -> Any:
        raise CannotGenerateError("no word for happy")


class Crashing(Copy):
    def generate(self, request: Request) -> Any:
        raise RuntimeError("shape mismatch")


class Short(Copy):
    def generate(self, request: Request) -> Any:
        return Output(request.source.frames(2), request.source.fps)


class Backwards(Copy):
    def generate(self, request: Request) -> Any:
        return Output(self.frames(request), request.source.fps, np.arange(20)[::-1])


class Tiny(Copy):
    """Two by two, black."""

    def frames(self, request: Request) -> Iterator[Any]:
        yield np.zeros((20, 2, 2, 3), np.uint8)


class Halting(Copy):
    """Stops half way, and its frame map is honest about it."""

    def generate(self, request: Request) -> Any:
        half = request.source.frame_count // 2
        return Output(request.source.frames(0, half), request.source.fps, np.arange(half))


class Late(Copy):
    """Begins at the third frame."""

    def generate(self, request: Request) -> Any:
        count = request.source.frame_count
        return Output(request.source.frames(2), request.source.fps, np.arange(2, count))


class Stumbling(Copy):
    """Leaves one frame out of the middle."""

    def generate(self, request: Request) -> Any:
        kept = np.delete(np.arange(request.source.frame_count), 9)
        return Output([np.concatenate([*request.source.frames()])[kept]], request.source.fps, kept)


class Hurried(Copy):
    """As an upstream that writes 30 per second whatever it was given."""

    def generate(self, request: Request) -> Any:
        return Output(self.frames(request), Fraction(30))


class Unseeded(Copy):
    rng = np.random.default_rng(0)

    def frames(self, request: Request) -> Iterator[Any]:
        yield self.rng.integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)


class Remembering(Copy):
    """Starts from the last clip it saw."""

    last = "a"

    def frames(self, request: Request) -> Iterator[Any]:
        shade = 0 if type(self).last == request.trial else 9
        type(self).last = request.trial
        for chunk in request.source.frames():
            yield chunk // 2 + np.uint8(shade)


class Crowded(CopyMany):
    """Pads a batch, and the padding shows."""

    @contextmanager
    def generate_many(self, requests: Sequence[Request]) -> Iterator[Mapping[str, Any]]:
        made = {request.trial: self.generate(request) for request in requests}
        if len(requests) > 1:
            dark = [np.zeros((20, 32, 32, 3), np.uint8)]
            made[requests[-1].trial] = Output(dark, requests[-1].source.fps)
        yield made


class Forgetful(CopyMany):
    @contextmanager
    def generate_many(self, requests: Sequence[Request]) -> Iterator[Mapping[str, Any]]:
        yield {request.trial: self.generate(request) for request in requests[:1]}


class SmallSeeds(Copy):
    def generate(self, request: Request) -> Any:
        np.random.RandomState(request.seed)
        return super().generate(request)


class Dying(Copy):
    """As a script that was wrapped with its ``sys.exit``."""

    def generate(self, request: Request) -> Any:
        if request.reference is None:
            raise SystemExit(1)
        return super().generate(request)


class Wordless(Copy):
    def generate(self, request: Request) -> Any:
        if request.reference is None:
            raise ValueError
        return super().generate(request)


class Poisoned(Copy):
    """Never recovers from a file it could not read."""

    def __init__(self) -> None:
        self.broken = False

    def frames(self, request: Request) -> Iterator[Any]:
        if self.broken:
            raise RuntimeError("decoder is in a bad state")
        self.broken = True
        yield from request.source.frames()
        self.broken = False


class Contagious(CopyMany):
    """One trial that breaks takes its batch with it."""

    @contextmanager
    def generate_many(self, requests: Sequence[Request]) -> Iterator[Mapping[str, Any]]:
        made: dict[str, Any] = {request.trial: self.generate(request) for request in requests}
        if any(request.reference is None for request in requests):
            made = {request.trial: RuntimeError("the batch failed") for request in requests}
        yield made


@dataclass(frozen=True)
class Limit:
    start: float = 60
    trial: float = 600


@dataclass(frozen=True)
class Told:
    timeout: Limit = field(default_factory=Limit)


@dataclass(frozen=True)
class Deaf:
    """A command adapter by its looks, which never looks at its time limit."""

    manifest: Told = field(default_factory=Told)
    name: str = "deaf"
    identity: str = "deaf@1"
    sees: tuple[()] = ()

    def generate(self, request: Request) -> Output:
        return Output(request.source.frames(), request.source.fps)


class Overwriting(Copy):
    def frames(self, request: Request) -> Iterator[Any]:
        for chunk in request.source.frames():
            shown = chunk // 2
            chunk[:] = shown
            yield shown


class Littering(Copy):
    """As an upstream that always writes ``result.mp4`` where it stands."""

    def generate(self, request: Request) -> Any:
        Path("result.mp4").write_bytes(b"")
        return super().generate(request)


class Beside(Copy):
    """As an upstream that leaves a template beside its driving video."""

    def generate(self, request: Request) -> Any:
        request.source.path.with_suffix(".pkl").write_bytes(os.urandom(4))
        return super().generate(request)


FAULTS: list[tuple[type[Any], str, str]] = [
    (Nameless, "description", "has no identity"),
    (Floating, "frames", "frames are float32"),
    (Growing, "frames", "frame size changes"),
    (FloatRate, "frames", "a positive fractions.Fraction is expected"),
    (Declining, "frames", "declines a sound request (no word for happy)"),
    (Crashing, "frames", "ends in RuntimeError: shape mismatch"),
    (Tiny, "frames", "frames are 2x2, not the source's 32x32"),
    (Short, "frame-map", "no frame map says"),
    (Halting, "frame-map", "10 of 20 source frames, and not all that is missing is declared: 10 at the end"),
    (Late, "frame-map", "2 at the start (0 declared)"),
    (Stumbling, "frame-map", "a hole after frame 8"),
    (Backwards, "frame-map", "backwards in time"),
    (Hurried, "clock", "0.127 s from the instant of its source frame"),
    (Unseeded, "repeats", "gives other frames"),
    (Remembering, "repeats", "gives other frames after another one"),
    (Crowded, "batches", "something else than a single request"),
    (Forgetful, "batches", "nothing came for this trial"),
    (SmallSeeds, "seeds", "ends in ValueError"),
    (Dying, "broken-trial", "no reference ends the whole process"),
    (Wordless, "broken-trial", "no reference: ValueError: without a word"),
    (Poisoned, "broken-trial", "after a cut source a sound request gives something else: RuntimeError"),
    (Contagious, "broken-trial", "no reference harms a sound trial of its batch: RuntimeError"),
    (Deaf, "timeout", "an output came although 0.05 s were allowed"),
    (Overwriting, "writes", "writes into the frames of its source"),
    (Littering, "writes", "leaves files in the working directory: result.mp4"),
    (Beside, "writes", "source.pkl"),
]


@pytest.mark.parametrize(("broken", "check", "fault"), FAULTS, ids=[broken.__name__ for broken, *_ in FAULTS])
def test_each_check_catches_its_fault(
    broken: type[Any], check: str, fault: str, requests: list[Request], tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        found = report(broken(), requests)
    named = {row.name: row.sentence for row in found.faults}
    for file in requests[0].source.path.parent.glob("*.pkl"):
        file.unlink()
    assert not found.passed
    assert fault in named[check], found.lines()
    with pytest.raises(AssertionError, match=check):
        found.require()


def test_every_check_is_proved_by_a_fault() -> None:
    proved = {check for _, check, _ in FAULTS}
    assert proved | {"rendered-run", "fresh-process"} == set(CHECKS)


MOODY = """
import os
import numpy as np
from spfem_baselines import Output
class Copy:
    name, identity, sees = "copy", "copy@1", ()
    def generate(self, request):
        return Output(request.source.frames(), request.source.fps)
class Moody(Copy):
    shade = np.random.default_rng(os.getpid()).integers(0, 256, 1000, dtype=np.uint8)
    def generate(self, request):
        frames = np.concatenate(list(request.source.frames()))
        frames[:, 0, :, 0] = self.shade[:frames.shape[2]]
        return Output([frames], request.source.fps)
def steady():
    return Copy()
def moody():
    return Moody()
"""


def test_a_fresh_process_is_asked_too(
    requests: list[Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that draws once when it is loaded answers alike for ever after, and otherwise tomorrow."""
    (tmp_path / "conformance_moody.py").write_text(MOODY)
    monkeypatch.syspath_prepend(str(tmp_path))
    seen = {}
    for name in ("steady", "moody"):
        text = f"conformance_moody:{name}"
        found = report(load_system(text).adapter, requests, "repeats", "fresh-process", text=text)
        seen[name] = {check.name: check.passed for check in found.checks}
    assert seen["steady"] == {"repeats": True, "fresh-process": True}
    assert seen["moody"] == {"repeats": True, "fresh-process": False}


def test_a_fresh_process_that_cannot_answer_is_a_fault(requests: list[Request]) -> None:
    (fault,) = report(Copy(), requests, "fresh-process", text="no_such_module:copy").faults
    assert "no_such_module:copy makes no output in a fresh process" in fault.sentence
    assert report(Copy(), requests, "fresh-process").checks[0].passed is None


def test_names_of_checks_and_numbers_of_requests_are_minded(requests: list[Request]) -> None:
    with pytest.raises(UsageError, match="Did you mean 'clock'"):
        check_conformance(Copy(), requests=requests, only=["clok"])
    with pytest.raises(UsageError, match="two requests"):
        check_conformance(Copy(), requests=requests[:1])

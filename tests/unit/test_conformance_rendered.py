"""The conformance kit on rendered people: what a copy gives, and a frame map that is off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spfem_baselines import Output, Request
from spfem_baselines.bounds import copy_source
from spfem_bench.testing import check_conformance
from spfem_bench.testing.rendered import FARTHEST, shift_of


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


class Late:
    """Every frame shows the source three frames later, and the frame map denies it."""

    name, identity, sees = "late", "late@1", ()

    def generate(self, request: Request) -> Output:
        frames = np.concatenate(list(request.source.frames()))
        frames = np.concatenate([frames[3:], frames[-1:].repeat(3, axis=0)])
        return Output([frames], request.source.fps)


class Crash(Late):
    def generate(self, request: Request) -> Output:
        raise RuntimeError("no face in frame 0")


def test_a_copy_has_the_source_s_own_numbers(clips: Path) -> None:
    found = check_conformance(copy_source(), clips=clips, only=["frames", "rendered-run"]).require()
    assert found.checks[0].sentence == "50 of 96x96 at 25 per second, for a source of 96x96"
    seen = found.checks[1].sentence
    copied = "SSIM 1.000 to the source, a face in 50 of 50 frames, sync offset 0.0 (source 0.0)"
    assert seen.count(copied) == 2


def test_a_frame_map_that_is_off_is_seen_in_the_pictures(clips: Path) -> None:
    (fault,) = check_conformance(Late(), clips=clips, only=["rendered-run"]).faults
    assert "frames show their source 3 frames later than the frame map says" in fault.sentence


class Faceless(Late):
    """The room without the person: every picture is the source's mean colour."""

    def generate(self, request: Request) -> Output:
        frames = np.concatenate(list(request.source.frames()))
        frames[:] = frames.mean(axis=(1, 2), keepdims=True)
        return Output([frames], request.source.fps)


def test_pictures_without_a_face_are_a_fault(clips: Path) -> None:
    found = check_conformance(Faceless(), clips=clips, only=["frames", "frame-map", "rendered-run"])
    (fault,) = found.faults
    assert "no face in 50 of 50 pictures whose source frame shows one" in fault.sentence


def test_a_crop_of_the_face_is_sound(clips: Path) -> None:
    class Cropped(Late):
        def generate(self, request: Request) -> Output:
            frames = (chunk[:, 12:84, 12:84] for chunk in request.source.frames())
            return Output(frames, request.source.fps, space="crop")

    found = check_conformance(Cropped(), clips=clips, only=["frames", "rendered-run"]).require()
    assert found.checks[1].sentence.count("a face in 50 of 50 frames") == 2


def test_a_run_without_outputs_is_a_fault(clips: Path) -> None:
    (fault,) = check_conformance(Crash(), clips=clips, only=["rendered-run"]).faults
    assert "no trial has an output" in fault.sentence
    assert fault.sentence.count("raised RuntimeError: no face in frame 0") == 2


def moving(count: int, seed: int = 0) -> np.ndarray:
    """(T, 40) a random walk: what moves."""
    steps = np.random.default_rng(seed).normal(size=(count, 40))
    walk = steps.cumsum(axis=0)
    return np.asarray(walk - walk.mean(axis=0))


@pytest.mark.parametrize("shift", [-FARTHEST, -1, 0, 2, FARTHEST])
def test_the_shift_of_moved_frames_is_found(shift: int) -> None:
    source = moving(60)
    given = np.arange(10, 50)
    assert shift_of(source[given + shift], source, given) == shift


def test_an_edit_or_noise_is_no_shift() -> None:
    source = moving(60)
    given = np.arange(60)
    edited = 0.7 * source + moving(60, seed=1) * 0.3
    assert shift_of(edited, source, given) == 0
    assert shift_of(moving(60, seed=2), source, given) == 0

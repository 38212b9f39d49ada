"""FLOAT's wrapper on a stand-in: what it is told, and what bites."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from spfem_baselines import CannotGenerateError
from spfem_bench.adapters.command.job import Condition, JobClip, Result
from tests.foreign.installing import adapter, frames_of, heard, installed, misbehaving, request
from tests.foreign.workbench import Bench, bench, video_of

FRAMES = 60
"""More than the 50 of one window."""


@pytest.fixture
def wrapped(tmp_path: Path) -> Bench:
    return bench("float", installed("float", tmp_path), tmp_path)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> JobClip:
    return heard(tmp_path_factory.mktemp("clips") / "source", FRAMES)


def _run(bench: Bench, python: Path, source: JobClip, label: str = "happy", seed: int = 7) -> Result:
    return bench.run(python, [("t", source, Condition("happy", label=label))], seed)[0]


def _grey(bench: Bench) -> list[float]:
    """Brightness of the first frame and of the first one of the second window."""
    frames, _ = video_of(bench.folder / "outputs" / "0000" / "video.mp4")
    return [float(frames[i].mean()) for i in (0, 55)]


def test_as_many_frames_as_the_picture_has(wrapped: Bench, source: JobClip, foreign_python: Path) -> None:
    result = _run(wrapped, foreign_python, source)
    frames, rate = video_of(wrapped.folder / "outputs" / "0000" / "video.mp4")
    assert result.failed is None
    assert (result.fps, result.first_source_frame, rate) == (25, 0, 25)
    assert frames.shape == (FRAMES, 512, 512, 3)


def _shades(*draws: float) -> list[float]:
    """What the stand-in makes of the portrait's grey of 10 for 'happy' and a draw."""
    return [10 // 2 + int(10 * 4 + 30 * draw) for draw in draws]


def test_a_seed_repeats_and_windows_differ(wrapped: Bench, source: JobClip, foreign_python: Path) -> None:
    """The stand-in draws from Python's global generator, as FLOAT without --fix_noise_seed from torch's."""
    assert _run(wrapped, foreign_python, source, seed=7).failed is None
    generator = random.Random(7)
    shades = _shades(generator.random(), generator.random())
    assert abs(shades[0] - shades[1]) > 2
    assert _grey(wrapped) == pytest.approx(shades, abs=1)  # of the encoder's limited range


def test_fixed_noise_is_the_upstreams_own_switch(
    wrapped: Bench, source: JobClip, foreign_python: Path
) -> None:
    wrapped.options = {"noise": "fixed"}
    assert _run(wrapped, foreign_python, source, seed=2**62 + 1).failed is None
    draw = random.Random(2**62 + 1).random()
    assert _grey(wrapped) == pytest.approx(_shades(draw, draw), abs=1)


def test_a_label_that_the_program_does_not_know_is_refused_by_it(
    wrapped: Bench, source: JobClip, foreign_python: Path
) -> None:
    failed = _run(wrapped, foreign_python, source, "contempt").failed
    assert failed is not None
    assert "left with exit status 2" in failed
    assert "invalid choice: 'contempt'" in failed


@pytest.mark.parametrize(
    ("habit", "told"),
    [("no-ffmpeg", "ended with status 0 and left no video"), ("", "the source has no sound")],
)
def test_what_leaves_no_video_is_told(
    wrapped: Bench, source: JobClip, foreign_python: Path, habit: str, told: str
) -> None:
    misbehaving(wrapped.checkout, habit)
    failed = _run(wrapped, foreign_python, source if habit else replace(source, audio=None)).failed
    assert failed is not None
    assert told in failed


def test_whole_path_follows_the_picture_not_the_sound(foreign_python: Path, tmp_path: Path) -> None:
    trial = request(tmp_path / "source", 36, Fraction(30000, 1001), "angry")
    system = adapter("float", installed("float", tmp_path), foreign_python)
    output = system.generate(trial)
    assert output.fps == 25
    assert output.frame_map is not None
    # 36 frames of 29.97 a second last 1.2012 s, in which 31 frames begin at 25 a second
    assert len(frames_of(output)) == 31
    on_screen = np.arange(31) * 30000 / (25 * 1001)
    behind = on_screen - output.frame_map
    # the frame on screen, or one that begins within a tenth of a frame
    assert behind.min() > -0.1
    assert behind.max() < 1


def test_contempt_is_unscored(foreign_python: Path, tmp_path: Path) -> None:
    trial = request(tmp_path / "source", 10, 25, "contempt")
    with pytest.raises(CannotGenerateError, match="contempt"):
        adapter("float", installed("float", tmp_path), foreign_python).generate(trial)

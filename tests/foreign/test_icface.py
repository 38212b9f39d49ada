"""ICface's wrapper on a stand-in of ICface: one movie by a fixed name, at a fixed rate."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from spfem_baselines import Request
from spfem_bench.adapters.command.job import Condition, JobClip
from spfem_bench.adapters.command.steps import finding, openface
from spfem_bench.clips import open_clip
from tests.foreign.installing import adapter, frames_of
from tests.foreign.workbench import SEED, Bench, bench, clip_of, greys, pictures_of, stand_in, video_of
from tests.support.clips import make_clip

FRAMES = 9
TRIAL = "M003__neutral-001__to__happy"
COLUMNS = 714
AU12 = 679 + 8


def _table(path: Path, rows: int) -> Path:
    """A CSV of OpenFace's width whose AU12 rises from 0 to 5."""
    lines = [", ".join(f"c{i}" for i in range(COLUMNS))]
    for row in range(rows):
        values = [0.0] * COLUMNS
        values[AU12] = 5 * row / (rows - 1)
        lines.append(", ".join(map(str, values)))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def condition(tmp_path: Path) -> Condition:
    return Condition("happy", action_units=_table(tmp_path / "units.csv", FRAMES))


@pytest.fixture
def source(tmp_path: Path) -> JobClip:
    made = clip_of(tmp_path / "source", 2, size=(128, 128), pngs=True)
    return replace(made, frames=None, frame_count=FRAMES)


@pytest.fixture
def icface(tmp_path: Path, foreign_python: Path) -> Bench:
    checkout = stand_in("icface", tmp_path, inside="test_code_released_new")
    for name in ("latest_net_G.pth", "latest_net_GN.pth"):
        (checkout / "test_code_released_new" / "checkpoints" / "gpubatch_resnet" / name).touch()
    ffmpeg = tmp_path / "bin" / "ffmpeg"
    ffmpeg.parent.mkdir()
    ffmpeg.write_text(f'#!/bin/sh\nexec "{foreign_python}" "{checkout}/tools/ffmpeg.py" "$@"\n')
    ffmpeg.chmod(0o755)
    return bench("icface", checkout, tmp_path, path=(ffmpeg.parent,))


def _output(bench: Bench, name: str, result: int = 0) -> Path:
    return bench.folder / "outputs" / f"{result:04d}" / name


def test_movie_has_a_frame_for_every_row(
    icface: Bench, source: JobClip, condition: Condition, foreign_python: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in icface.checkout.rglob("*")}
    first, second = icface.run(foreign_python, [(TRIAL, source, condition), (TRIAL + "2", source, condition)])
    for index, result in enumerate((first, second)):
        assert (result.failed, result.file, result.first_source_frame) == (None, "movie.mp4", 0)
        frames, rate = video_of(_output(icface, "movie.mp4", index))
        assert (frames.shape, rate) == ((FRAMES, 128, 128, 3), Fraction(25))
        smile = (frames[..., 0].astype(int) - frames[..., 1]).mean(axis=(1, 2))
        assert smile[-1] - smile[0] == pytest.approx(100, abs=8)
    assert {path: path.stat().st_mtime_ns for path in icface.checkout.rglob("*")} == before


def test_command_line_is_the_released_one(
    icface: Bench, source: JobClip, condition: Condition, foreign_python: Path
) -> None:
    icface.run(foreign_python, [(TRIAL, source, condition)])
    (call,) = icface.calls
    given = dict(itertools.pairwise(call))
    assert given["--which_ref"] == "./new_crop/source.png"
    assert given["--results_dir"] == "results_video"
    assert given["--name"] == "gpubatch_resnet"
    assert given["--gpu_ids"] == "0"


def test_pictures_escape_the_final_rm(
    icface: Bench, source: JobClip, condition: Condition, foreign_python: Path
) -> None:
    icface.options = {"frames": True}
    result = icface.run(foreign_python, [(TRIAL, source, condition)])[0]
    assert (result.failed, result.file, result.frame_map) == (None, "frames", tuple(range(FRAMES)))
    frames = pictures_of(_output(icface, "frames")).astype(int)
    assert (frames[-1, 64, 64] - frames[0, 64, 64]).tolist() == [100, 0, 0]


def test_leftover_results_in_the_checkout_do_not_silence_it(
    icface: Bench, source: JobClip, condition: Condition, foreign_python: Path
) -> None:
    code = icface.checkout / "test_code_released_new"
    (code / "new_crop" / "results_video").mkdir()
    (code / "movie.mp4").write_bytes(b"of an earlier run")
    result = icface.run(foreign_python, [(TRIAL, source, condition)])[0]
    assert result.failed is None
    assert len(video_of(_output(icface, "movie.mp4"))[0]) == FRAMES


def test_no_movie_is_a_failure_though_the_script_ends_well(
    icface: Bench, source: JobClip, condition: Condition, foreign_python: Path
) -> None:
    icface.path[0].joinpath("ffmpeg").write_text("#!/bin/sh\nexit 1\n")
    result = icface.run(foreign_python, [(TRIAL, source, condition)])[0]
    assert result.failed is not None
    assert result.failed.startswith("test.py left no movie.mp4, though it ended well")


def test_whole_path_resamples_and_says_so(
    icface: Bench, foreign_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source at 30 frames per second becomes 25, and the map names the source's frame on screen."""
    monkeypatch.setattr(finding, "find_face", lambda _: (16, 0, 80, 64))
    monkeypatch.setattr(openface, "measure", lambda clip: _still(clip.frame_count))
    monkeypatch.setenv("PATH", f"{icface.path[0]}{os.pathsep}{os.environ['PATH']}")
    source = open_clip(make_clip(tmp_path / "source.mp4", greys(12), 30, options={"crf": "1"}))
    reference = open_clip(make_clip(tmp_path / "reference.mp4", greys(6), 25, options={"crf": "1"}))
    wrapped = adapter("icface", icface.checkout, foreign_python)
    output = wrapped.generate(Request("t", source, "happy", seed=SEED, reference=reference))
    frames = frames_of(output)
    assert (output.fps, frames.shape) == (Fraction(25), (10, 128, 128, 3))
    assert output.frame_map is not None
    assert output.frame_map.tolist() == [i * 30 // 25 for i in range(10)]


def _still(count: int) -> openface.Measured:
    return openface.Measured(np.zeros((count, 17)), np.zeros((count, 3)))

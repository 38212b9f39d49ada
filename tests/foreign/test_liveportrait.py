"""LivePortrait's wrapper on a stand-in: what it is told, and what bites."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from spfem_baselines import CannotGenerateError
from spfem_bench.adapters.check import OutputError
from spfem_bench.adapters.command.job import Condition, JobClip, Result
from spfem_bench.clips import open_clip
from tests.foreign.installing import adapter, frames_of, installed, misbehaving, request
from tests.foreign.workbench import Bench, bench, clip_of, greys, stand_in, video_of
from tests.support.clips import make_clip

SIZE = (64, 84)
"""Four rows to each of the stand-in's 21 keypoints."""

FRAMES = 12
LIPS = [6, 12, 14, 17, 19, 20]
OTHERS = [1, 2, 11, 13, 15, 16, 18]
STILL = [0, 3, 4, 5, 7, 8, 9, 10]


@pytest.fixture
def liveportrait(tmp_path: Path) -> Bench:
    return bench("liveportrait", installed("liveportrait", tmp_path), tmp_path, device="cpu")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, JobClip]:
    folder = tmp_path_factory.mktemp("clips")
    dark = greys(FRAMES, SIZE)
    dark[:2] = 0
    source = clip_of(folder / "source", FRAMES, 25, SIZE)
    plain = np.full((FRAMES, 84, 64, 3), 90, np.uint8)
    steady = make_clip(folder / "steady.mp4", plain, options={"crf": "1"})
    return {
        "source": source,
        "steady": replace(source, video=steady),
        "ntsc": clip_of(folder / "ntsc", FRAMES, Fraction(30000, 1001), SIZE),
        "reference": clip_of(folder / "reference", FRAMES, 25, SIZE),
        "short": clip_of(folder / "short", 8, 25, SIZE),
        "faceless": replace(source, video=make_clip(folder / "dark.mp4", dark, options={"crf": "1"})),
    }


def _run(bench: Bench, python: Path, source: JobClip, reference: JobClip) -> Result:
    return bench.run(python, [("t", source, Condition("happy", reference=reference))])[0]


def _bands(bench: Bench) -> NDArray[np.float64]:
    """(T, 21) mean brightness of each keypoint's rows."""
    frames, _ = video_of(bench.folder / "outputs" / "0000" / "video.mp4")
    return frames.reshape(len(frames), 21, 4, -1).mean(axis=(2, 3))


def test_the_rate_is_the_sources_though_the_file_says_29(
    liveportrait: Bench, clips: dict[str, JobClip], foreign_python: Path
) -> None:
    result = _run(liveportrait, foreign_python, clips["ntsc"], clips["reference"])
    frames, rate = video_of(liveportrait.folder / "outputs" / "0000" / "video.mp4")
    assert rate == 29
    assert result.fps == Fraction(30000, 1001)
    assert result.first_source_frame == 0
    assert len(frames) == FRAMES


def test_released_region_moves_the_lips(
    liveportrait: Bench, clips: dict[str, JobClip], foreign_python: Path
) -> None:
    assert _run(liveportrait, foreign_python, clips["steady"], clips["reference"]).failed is None
    gained = _bands(liveportrait)[6] - 90
    # four grey levels a frame over six frames, and the smoothing leaves a ramp as it is; source, two frames
    # of the reference and output each lose up to one level in an encoder's limited range
    assert gained[LIPS + OTHERS] == pytest.approx(24, abs=4)
    assert gained[STILL] == pytest.approx(0, abs=2)


def test_lips_can_be_kept_as_the_sources(
    liveportrait: Bench, clips: dict[str, JobClip], foreign_python: Path
) -> None:
    liveportrait.options = {"lips": "source"}
    assert _run(liveportrait, foreign_python, clips["steady"], clips["reference"]).failed is None
    gained = _bands(liveportrait)[6] - 90
    assert gained[LIPS] == pytest.approx(0, abs=2)
    assert gained[OTHERS] == pytest.approx(24, abs=4)


def test_kept_lips_are_not_smoothed(liveportrait: Bench, foreign_python: Path, tmp_path: Path) -> None:
    frames = np.full((FRAMES, 84, 64, 3), 90, np.uint8)
    frames[5] = 150
    flash = clip_of(tmp_path / "flash", FRAMES, 25, SIZE)
    flash = replace(flash, video=make_clip(tmp_path / "flash.mp4", frames, options={"crf": "1"}))
    liveportrait.options = {"lips": "source"}
    assert _run(liveportrait, foreign_python, flash, flash).failed is None
    flashed = _bands(liveportrait)[5]
    assert flashed[LIPS] == pytest.approx(150, abs=2)
    # the others get the flash twice, source's and reference's (210), smoothed over three frames: 90 + 120 / 2
    assert flashed[OTHERS] == pytest.approx(150, abs=2)
    assert _bands(liveportrait)[4][LIPS] == pytest.approx(90, abs=2)
    assert _bands(liveportrait)[4][OTHERS] == pytest.approx(120, abs=2)


def test_the_template_lands_in_the_job(
    liveportrait: Bench, clips: dict[str, JobClip], foreign_python: Path
) -> None:
    reference = clips["reference"].video
    assert reference is not None
    before = set(reference.parent.iterdir())
    _run(liveportrait, foreign_python, clips["source"], clips["reference"])
    assert set(reference.parent.iterdir()) == before
    assert (liveportrait.folder / "scratch" / "0000" / "reference.pkl").is_file()


@pytest.mark.parametrize("side", ["source", "reference"])
def test_frames_without_a_face_would_shift_the_rest(
    liveportrait: Bench, clips: dict[str, JobClip], foreign_python: Path, side: str
) -> None:
    given = {"source": clips["source"], "reference": clips["reference"], side: clips["faceless"]}
    failed = _run(liveportrait, foreign_python, given["source"], given["reference"]).failed
    assert failed is not None
    assert failed.startswith("no face in the first frame of the source or of its reference")


def test_a_crash_is_told_by_its_last_words(
    liveportrait: Bench, clips: dict[str, JobClip], foreign_python: Path
) -> None:
    misbehaving(liveportrait.checkout, "crash")
    failed = _run(liveportrait, foreign_python, clips["source"], clips["reference"]).failed
    assert failed is not None
    assert "inference.py left with exit status 1" in failed
    assert "no kernel image is available" in failed


def test_with_a_card_nothing_is_forced_onto_the_processor(
    liveportrait: Bench, clips: dict[str, JobClip], foreign_python: Path
) -> None:
    liveportrait.device = "cuda:0"
    failed = _run(liveportrait, foreign_python, clips["source"], clips["reference"]).failed
    assert failed is not None
    assert "Torch not compiled with CUDA enabled" in failed


def test_missing_weights_and_unknown_choices_are_told(
    liveportrait: Bench, clips: dict[str, JobClip], foreign_python: Path
) -> None:
    liveportrait.options = {"lips": "mine"}
    failed = _run(liveportrait, foreign_python, clips["source"], clips["reference"]).failed
    assert failed == "lips=mine is not one of released, source"
    bare = stand_in("liveportrait", liveportrait.folder.parent / "bare", "fakemedia.py")
    liveportrait.options, liveportrait.checkout = {}, bare
    failed = _run(liveportrait, foreign_python, clips["source"], clips["reference"]).failed
    assert failed is not None
    assert "FileNotFoundError" in failed
    assert "det_10g.onnx" in failed or "2d106det.onnx" in failed


def test_the_stand_in_refuses_what_tyro_would(foreign_python: Path, tmp_path: Path) -> None:
    command = [foreign_python, installed("liveportrait", tmp_path) / "inference.py"]
    for words in (["--animation_region", "mouth"], ["--flag_keep_lips"], ["--no_source_max_dim"], ["-s"]):
        ended = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        assert ended.returncode == 2, words
        assert "Unrecognized options" in ended.stderr


def test_whole_path_from_30_frames_a_second(foreign_python: Path, tmp_path: Path) -> None:
    """30 fps in, 25 prepared: the map names real frames, and a shorter reference ends it early."""
    trial = request(tmp_path / "source", 36, 30, "happy", SIZE)
    reference = request(tmp_path / "reference", 24, 30, "happy", SIZE).source
    wrapped = adapter("liveportrait", installed("liveportrait", tmp_path), foreign_python)
    output = wrapped.generate(replace(trial, reference=reference))
    frames = frames_of(output)
    assert output.fps == 25
    assert len(frames) == 20
    assert output.frame_map is not None
    # the frame on screen at k / 25 s of a clip of 30 per second
    assert output.frame_map.tolist() == [k * 30 // 25 for k in range(20)]
    assert frames.shape[1:] == (84, 64, 3)


def test_whole_path_needs_a_reference(foreign_python: Path, tmp_path: Path) -> None:
    trial = request(tmp_path / "source", 36, 25, "happy", SIZE)
    wrapped = adapter("liveportrait", installed("liveportrait", tmp_path), foreign_python)
    with pytest.raises(CannotGenerateError, match="needs a reference clip"):
        wrapped.generate(trial)


def test_an_odd_size_is_refused_for_what_it_becomes(foreign_python: Path, tmp_path: Path) -> None:
    odd = make_clip(tmp_path / "odd.mkv", greys(12, (63, 84)), codec="ffv1", pix_fmt="bgr0")
    trial = request(tmp_path / "source", 12, 25, "happy", SIZE)
    wrapped = adapter("liveportrait", installed("liveportrait", tmp_path), foreign_python)
    with pytest.raises(OutputError, match=r"the output is 6[24]x84, 63x84 is due"):
        wrapped.generate(replace(trial, source=open_clip(odd), reference=trial.source))

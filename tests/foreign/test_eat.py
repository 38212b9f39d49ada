"""EAT's wrapper on a stand-in: what it is told, and what bites."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spfem_bench.adapters.command.job import Condition, JobClip, Result
from spfem_bench.adapters.command.manifest import shipped
from tests.foreign.installing import adapter, frames_of, heard, installed, misbehaving, request
from tests.foreign.workbench import Bench, bench, video_of
from tests.support.clips import make_clip

FRAMES = 20
WORDS = ["ang", "con", "dis", "fea", "hap", "neu", "sad", "sur"]


def _installed(folder: Path) -> Path:
    """With the repository's own example video, and somebody's earlier portrait and results."""
    checkout = installed("eat", folder)
    np.save(checkout / "pad.npy", np.zeros(2))
    np.save(checkout / "demo" / "M003_template.npy", np.zeros((68, 2)))
    make_clip(checkout / "preprocess" / "video" / "M003_neu_1_017.mp4", np.zeros((5, 64, 64, 3), np.uint8))
    for name in ("imgs", "imgs_cropped", "video_processed"):
        (checkout / "demo" / name).mkdir()
    Image.new("RGB", (32, 32), "white").save(checkout / "demo" / "imgs" / "obama.jpg")
    (checkout / "preprocess" / "extract_lmks_fps25.txt").write_text("earlier\n")
    return checkout


@pytest.fixture
def eat(tmp_path: Path) -> Bench:
    return bench("eat", _installed(tmp_path), tmp_path)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> JobClip:
    return heard(tmp_path_factory.mktemp("clips") / "source", FRAMES)


def _run(bench: Bench, python: Path, source: JobClip, label: str = "hap", seed: int = 7) -> Result:
    return bench.run(python, [("t", source, Condition("happy", label=label))], seed)[0]


def _grey(bench: Bench) -> float:
    return float(video_of(bench.folder / "outputs" / "0000" / "video.mp4")[0].mean())


def test_one_portrait_and_one_video_of_its_own(eat: Bench, source: JobClip, foreign_python: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in eat.checkout.rglob("*") if path.is_file()}
    result = _run(eat, foreign_python, source)
    assert result.failed is None
    frames, rate = video_of(eat.folder / "outputs" / "0000" / "video.mp4")
    assert (result.fps, result.first_source_frame, rate) == (25, 0, 25)
    assert frames.shape == (FRAMES, 256, 256, 3)
    # half the portrait's grey of 10, ten for each emotion before 'hap', up to 30 for the style
    assert 45 - 2 <= _grey(eat) <= 75 + 2
    after = {path: path.stat().st_mtime_ns for path in eat.checkout.rglob("*") if path.is_file()}
    assert after == before


def test_the_seed_decides_the_style(eat: Bench, source: JobClip, foreign_python: Path) -> None:
    """The stand-in draws its style from Python's global generator, as EAT does from torch's."""
    for seed in (7, 2**62 + 1):
        assert _run(eat, foreign_python, source, seed=seed).failed is None
        style = int(30 * random.Random(seed).random())
        # the grey of 10 was halved, 'hap' adds 40; a level each for the portrait's JPEG and the video
        assert _grey(eat) == pytest.approx(45 + style, abs=2)


def test_the_vocabulary_is_the_programs() -> None:
    assert sorted(shipped("eat").labels.values()) == WORDS


def test_the_length_follows_a_shorter_sound(eat: Bench, foreign_python: Path, tmp_path: Path) -> None:
    shorter = heard(tmp_path / "shorter", FRAMES, seconds=0.4)
    result = _run(eat, foreign_python, shorter)
    frames, _ = video_of(eat.folder / "outputs" / "0000" / "video.mp4")
    assert (result.failed, len(frames)) == (None, 10)


def test_two_faces_or_none_are_skipped_in_silence(eat: Bench, source: JobClip, foreign_python: Path) -> None:
    dark = eat.folder.parent / "dark.png"
    Image.new("RGB", (96, 64)).save(dark)
    assert _run(eat, foreign_python, replace(source, first_frame=dark)).failed == (
        "demo.py found no face, or more than one, in the first frame and skipped it in silence"
    )


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (
            "deepspeech-0_1_0-b90017e8.pb",
            "preprocess_video.py ended with status 0 and left no deepfeature32/clip.npy",
        ),
        ("ckpt/pretrain_new_274.pth.tar", "images_evp_25/cropped"),
        ("ckpt/deepprompt_eam3d_all_final_313.pth.tar", "demo.py left with exit status 1"),
    ],
)
def test_a_step_that_failed_in_silence_is_named(
    eat: Bench, source: JobClip, foreign_python: Path, missing: str, told: str
) -> None:
    (eat.checkout / missing).unlink()
    failed = _run(eat, foreign_python, source).failed
    assert failed is not None
    assert told in failed


@pytest.mark.parametrize(
    ("habit", "told"),
    [
        ("no-ffmpeg", "demo.py ended with status 0 and left no video"),
        ("crash", "no kernel image is available"),
    ],
)
def test_silence_and_crash_of_the_demo_are_told(
    eat: Bench, source: JobClip, foreign_python: Path, habit: str, told: str
) -> None:
    misbehaving(eat.checkout, habit)
    failed = _run(eat, foreign_python, source).failed
    assert failed is not None
    assert told in failed


def test_whole_path(foreign_python: Path, tmp_path: Path) -> None:
    """30 fps in, 256 px at 25 fps out; the map names real frames."""
    trial = request(tmp_path / "source", 36, 30, "surprised")
    output = adapter("eat", _installed(tmp_path), foreign_python).generate(trial)
    frames = frames_of(output)
    assert (output.fps, frames.shape) == (Fraction(25), (30, 256, 256, 3))
    assert output.frame_map is not None
    assert output.frame_map.tolist() == [k * 30 // 25 for k in range(30)]

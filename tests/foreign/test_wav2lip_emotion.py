"""Wav2Lip-Emotion's wrapper on a stand-in: what it is told, and what bites."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from spfem_baselines import CannotGenerateError
from spfem_bench.adapters.command.job import Condition, JobClip, Result
from spfem_bench.adapters.command.manifest import shipped
from spfem_bench.errors import UsageError
from tests.foreign.installing import adapter, frames_of, heard, installed, misbehaving, request
from tests.foreign.workbench import Bench, bench, greys, video_of
from tests.support.clips import make_clip, tone

FRAMES = 20
SHADES = {"neutral2happy": 40, "neutral2sad": 80}
"""What the stand-in's checkpoints add to a frame."""


def _installed(folder: Path) -> Path:
    checkout = installed("wav2lip-emotion", folder)
    for pair, shade in SHADES.items():
        run = checkout / "checkpoints" / f"mead_{pair}_half"
        (run / "checkpoint_canonical_step000012000.pth").write_text(str(shade))
    return checkout


@pytest.fixture
def wrapped(tmp_path: Path) -> Bench:
    return bench("wav2lip-emotion", _installed(tmp_path), tmp_path, device="cpu")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> JobClip:
    return heard(tmp_path_factory.mktemp("clips") / "source", FRAMES)


def _run(bench: Bench, python: Path, source: JobClip, pair: str = "neutral2happy") -> Result:
    return bench.run(python, [("t", source, Condition("happy", label=pair))])[0]


def _produced(frames: int, samples: int) -> int:
    """Frames whose 16 mel columns of 12.5 ms exist: column count 1 + samples // 200, start int(3.2 * i)."""
    columns = 1 + samples // 200
    return sum(int(3.2 * i) + 16 <= columns for i in range(frames))


def test_the_last_frames_are_not_produced(wrapped: Bench, source: JobClip, foreign_python: Path) -> None:
    result = _run(wrapped, foreign_python, source)
    frames, _ = video_of(wrapped.folder / "outputs" / "0000" / "video.mp4")
    assert result.failed is None
    assert (result.fps, result.first_source_frame) == (25, 0)
    assert len(frames) == _produced(FRAMES, FRAMES * 640) == FRAMES - 4
    said = (frames.mean(axis=(1, 2, 3)) - 10 - SHADES["neutral2happy"]) / 4
    assert said == pytest.approx(np.arange(FRAMES - 4), abs=1)  # a frame's worth, for the encoder


def test_the_pair_of_emotions_names_the_checkpoint(
    wrapped: Bench, source: JobClip, foreign_python: Path
) -> None:
    for pair, shade in SHADES.items():
        assert _run(wrapped, foreign_python, source, pair).failed is None
        frames, _ = video_of(wrapped.folder / "outputs" / "0000" / "video.mp4")
        assert frames[0].mean() == pytest.approx(10 + shade, abs=3)
    assert _run(wrapped, foreign_python, source, "happy2sad").failed == (
        "no asset of the manifest is named 'happy2sad', which is the label's checkpoint"
    )


def test_the_mask_is_the_one_that_the_networks_were_trained_with() -> None:
    """The networks of the manifest are those of half masked faces; the flag for full masks has no option."""
    ours = shipped("wav2lip-emotion")
    assert {asset.path for asset in ours.assets if asset.name in SHADES} == {
        f"checkpoints/mead_{pair}_half" for pair in SHADES
    }
    with pytest.raises(UsageError, match="no option 'mask'"):
        ours.chosen({"mask": "full"})


def test_two_checkpoints_in_a_folder_are_one_too_many(
    wrapped: Bench, source: JobClip, foreign_python: Path
) -> None:
    run = wrapped.checkout / "checkpoints" / "mead_neutral2happy_half"
    (run / "checkpoint_canonical_step000015000.pth").write_text("0")
    assert _run(wrapped, foreign_python, source).failed == (
        "mead_neutral2happy_half holds 2 files checkpoint_canonical_*; one is due"
    )


def test_failures_with_status_0_are_told(
    wrapped: Bench, source: JobClip, foreign_python: Path, tmp_path: Path
) -> None:
    dark = greys(FRAMES)
    dark[3] = 0
    sound = (tone(FRAMES / 25), 16000)
    faceless = make_clip(tmp_path / "dark.mp4", dark, options={"crf": "1"}, audio=sound)
    longer = heard(tmp_path / "longer", FRAMES, seconds=2.0)
    cases = [
        (replace(source, video=faceless), "found no face in one of the frames"),
        (longer, "the sound outlasts the picture"),
        (replace(source, audio=None), "the source has no sound"),
    ]
    results = wrapped.run(
        foreign_python,
        [(str(i), clip, Condition("sad", label="neutral2sad")) for i, (clip, _) in enumerate(cases)],
    )
    for result, (_, told) in zip(results, cases, strict=True):
        assert result.failed is not None
        assert told in result.failed


@pytest.mark.parametrize(
    ("habit", "told"),
    [
        ("crash", "left with exit status 1 (last words: ValueError: Mel contains nan!)"),
        ("no-ffmpeg", "ended with status 0 and left no video"),
    ],
)
def test_crash_and_silence_are_told(
    wrapped: Bench, source: JobClip, foreign_python: Path, habit: str, told: str
) -> None:
    misbehaving(wrapped.checkout, habit)
    failed = _run(wrapped, foreign_python, source).failed
    assert failed is not None
    assert told in failed


def test_nothing_is_left_in_the_checkout(wrapped: Bench, source: JobClip, foreign_python: Path) -> None:
    before = sorted(wrapped.checkout.rglob("*"))
    assert _run(wrapped, foreign_python, source).failed is None
    assert sorted(wrapped.checkout.rglob("*")) == before
    assert list((wrapped.folder / "scratch" / "0000" / "temp").glob("temp*.wav"))


def test_whole_path(foreign_python: Path, tmp_path: Path) -> None:
    """30 fps of another size in; 480x270 at 25 fps out, and the lost tail missing in the map."""
    trial = request(tmp_path / "source", 36, 30, "sad", (192, 108))
    output = adapter("wav2lip-emotion", _installed(tmp_path), foreign_python).generate(trial)
    frames = frames_of(output)
    count = _produced(30, 30 * 640)
    assert count == 26
    assert (output.fps, frames.shape) == (Fraction(25), (count, 270, 480, 3))
    assert output.frame_map is not None
    assert output.frame_map.tolist() == [k * 30 // 25 for k in range(count)]


@pytest.mark.parametrize("emotion", ["neutral", "angry", "disgusted", "fear", "surprised", "contempt"])
def test_only_pairs_with_a_checkpoint_are_tried(foreign_python: Path, tmp_path: Path, emotion: str) -> None:
    trial = request(tmp_path / "source", 10, 25, emotion)
    with pytest.raises(CannotGenerateError, match=emotion):
        adapter("wav2lip-emotion", _installed(tmp_path), foreign_python).generate(trial)

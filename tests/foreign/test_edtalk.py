"""EDTalk's wrapper on a stand-in: what it is told, and what bites."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from spfem_bench.adapters.command.job import Condition, JobClip, Result
from spfem_bench.adapters.command.manifest import shipped
from tests.foreign.installing import adapter, frames_of, installed, misbehaving, request
from tests.foreign.workbench import Bench, bench, clip_of, video_of
from tests.support.clips import make_clip

FRAMES = 12
SIZE = (64, 64)
LEVELS = {"neutral": 0.0, "angry": 1.0, "happy": 2.0}
"""What the stand-in's stored weights add, in tenths of half the range (12.75 grey levels)."""


def _installed(folder: Path) -> Path:
    checkout = installed("edtalk", folder)
    for emotion, level in LEVELS.items():
        np.save(
            checkout / "ckpts" / "predefined_exp_weights" / f"{emotion}.npy",
            np.full((1, 10), level, np.float32),
        )
    return checkout


@pytest.fixture
def edtalk(tmp_path: Path) -> Bench:
    return bench("edtalk", _installed(tmp_path), tmp_path)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> JobClip:
    return clip_of(tmp_path_factory.mktemp("clips") / "source", FRAMES, 25, SIZE)


def _run(bench: Bench, python: Path, source: JobClip, label: str = "angry") -> Result:
    return bench.run(python, [("t", source, Condition(label, label=label))])[0]


def _output(bench: Bench) -> Path:
    return bench.folder / "outputs" / "0000"


def _made(grey: float, level: float) -> float:
    """What the stand-in makes of a grey value: half the contrast, and a shift by the expression."""
    return ((grey / 127.5 - 1) * 0.5 + 0.1 * level + 1) * 127.5


def test_released_writer_stretches_and_the_log_says_so(
    edtalk: Bench, source: JobClip, foreign_python: Path
) -> None:
    result = _run(edtalk, foreign_python, source)
    frames, rate = video_of(_output(edtalk) / "video.mp4")
    assert (result.fps, result.first_source_frame, rate, len(frames)) == (25, 0, 25, FRAMES)
    # 22 grey levels between the darkest and the brightest have become the whole range; 8 for the encoder
    assert frames.min() <= 8
    assert frames.max() >= 247
    assert "stretches the brightness of the whole clip" in edtalk.said


def test_raw_frames_are_as_they_left_the_network(
    edtalk: Bench, source: JobClip, foreign_python: Path
) -> None:
    edtalk.options = {"raw-frames": True}
    result = _run(edtalk, foreign_python, source)
    frames = np.load(_output(edtalk) / "frames.npy")
    assert (result.file, result.fps, result.first_source_frame) == ("frames.npy", 25, 0)
    assert (frames.shape, frames.dtype) == ((FRAMES, 256, 256, 3), np.uint8)
    first, last = 10, 10 + 4 * (FRAMES - 1)
    assert frames[-1, 0, 0, 0] == pytest.approx(_made(first, LEVELS["angry"]), abs=1)
    # the driving clip, unlike the picture, went through an encoder
    assert frames[-1, -1, 0, 0] == pytest.approx(_made(last, LEVELS["angry"]), abs=2)
    assert "stretches" not in edtalk.said


def test_labels_reach_the_stored_weights(edtalk: Bench, source: JobClip, foreign_python: Path) -> None:
    edtalk.options = {"raw-frames": True}
    trials = [(label, source, Condition(label, label=label)) for label in LEVELS]
    assert [result.failed for result in edtalk.run(foreign_python, trials)] == [None] * 3
    corners = [np.load(edtalk.folder / "outputs" / f"{i:04d}" / "frames.npy")[0, 0, 0, 0] for i in range(3)]
    assert corners == pytest.approx([_made(10, level) for level in LEVELS.values()], abs=1)


def test_a_label_without_a_weight_is_told_before_anything_runs(
    edtalk: Bench, source: JobClip, foreign_python: Path
) -> None:
    assert _run(edtalk, foreign_python, source, "sad").failed == (
        "ckpts/predefined_exp_weights has no stored weight for 'sad'"
    )
    assert "loading model" not in edtalk.said


def test_every_harness_emotion_has_a_word() -> None:
    """The repository ships a weight for neutral too, though the comment in the demo lists seven."""
    labels = shipped("edtalk").labels
    assert len(labels) == 8
    assert labels["neutral"] == "neutral"


def test_reference_loses_its_end_and_runs_to_and_fro(
    edtalk: Bench, source: JobClip, foreign_python: Path, tmp_path: Path
) -> None:
    """23 frames lose 20; black, grey and white are then played to and fro."""
    frames = np.full((23, 64, 64, 3), 40, np.uint8)
    frames[:3] = np.array([0, 128, 255], np.uint8)[:, None, None, None]
    reference = replace(source, video=make_clip(tmp_path / "reference.mp4", frames, options={"crf": "1"}))
    edtalk.options = {"raw-frames": True}
    assert (
        edtalk.run(foreign_python, [("t", source, Condition("happy", reference=reference))])[0].failed is None
    )
    upper = np.load(_output(edtalk) / "frames.npy")[:, 0, 0, 0]
    shown = [_made(10, grey / 255 - 0.5) for grey in (0, 128, 255)]
    order = [0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0]
    assert upper == pytest.approx([shown[i] for i in order], abs=1)


@pytest.mark.parametrize("raw", [False, True])
def test_a_crash_is_told_by_its_last_words(
    edtalk: Bench, source: JobClip, foreign_python: Path, raw: bool
) -> None:
    misbehaving(edtalk.checkout, "crash")
    edtalk.options = {"raw-frames": raw}
    failed = _run(edtalk, foreign_python, source).failed
    assert failed is not None
    assert failed.endswith("left with exit status 1 (last words: RuntimeError: CUDA out of memory)")


def test_status_0_without_a_file_is_a_failure(edtalk: Bench, source: JobClip, foreign_python: Path) -> None:
    misbehaving(edtalk.checkout, "no-ffmpeg")
    failed = _run(edtalk, foreign_python, source).failed
    assert failed is not None
    assert "ended with status 0 and left no video" in failed


def test_a_demo_without_the_writer_is_refused(edtalk: Bench, source: JobClip, foreign_python: Path) -> None:
    script = edtalk.checkout / "demo_EDTalk_V_using_predefined_exp_weights.py"
    script.write_text(script.read_text().replace("def save_video", "def write_frames"))
    edtalk.options = {"raw-frames": True}
    failed = _run(edtalk, foreign_python, source).failed
    assert failed is not None
    assert "has no function save_video to replace" in failed


def test_whole_path(foreign_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 fps in, a 256 px crop at 25 fps out; the map names real frames."""
    from spfem_bench.adapters.command.steps import finding

    monkeypatch.setattr(finding, "find_face", lambda clip: (24, 16, 72, 64))
    trial = request(tmp_path / "source", 36, 30, "happy", (96, 80))
    wrapped = adapter("edtalk", _installed(tmp_path), foreign_python, raw_frames="true")
    output = wrapped.generate(trial)
    frames = frames_of(output)
    assert (output.fps, frames.shape) == (Fraction(25), (30, 256, 256, 3))
    assert output.frame_map is not None
    assert output.frame_map.tolist() == [k * 30 // 25 for k in range(30)]


def test_modes_and_writers_are_other_systems(tmp_path: Path, foreign_python: Path) -> None:
    checkout = _installed(tmp_path)
    made = [
        adapter("edtalk", checkout, foreign_python),
        adapter("edtalk", checkout, foreign_python, raw_frames="true"),
        adapter("edtalk", checkout, foreign_python, mode="reference"),
    ]
    assert len({one.identity for one in made}) == 3
    assert [one.name for one in made] == ["edtalk", "edtalk", "edtalk-reference"]

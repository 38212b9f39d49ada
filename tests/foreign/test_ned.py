"""NED's wrapper on a stand-in of NED: what it is told, and what bites."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from spfem_baselines import CannotGenerateError, Request
from spfem_bench.adapters.command.job import Condition, JobClip, Result
from spfem_bench.adapters.command.manifest import shipped
from spfem_bench.clips import open_clip
from tests.foreign.installing import adapter, frames_of
from tests.foreign.workbench import (
    SEED,
    Bench,
    bench,
    clip_of,
    greys,
    pictures_of,
    said_frames,
    stand_in,
    video_of,
)
from tests.support.clips import make_clip

ORDER = ["neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised"]
FRAMES = 16
HAPPY = Condition("happy", label="happy")


def _installed(folder: Path, order: list[str] = ORDER, plugin: bool = False) -> Path:
    """The stand-in with everything a person would have to fetch or train."""
    checkout = stand_in("ned", folder)
    files = {
        "DECA/data/generic_model.pkl": "",
        "DECA/data/deca_model.tar": "",
        "DECA/data/FLAME_albedo_from_BFM.npz": "",
        "preprocessing/segmentation/lfw_figaro_unet_256_2_0_segmentation_v1.pth": "",
        "renderer_checkpoints/M003/20_net_G.pth": "",
        f"manipulator_checkpoints{'_plugin' if plugin else ''}/02_nets_finetuned.pth": json.dumps(
            {"order": order}
        ),
    }
    for name, text in files.items():
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return checkout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> JobClip:
    return clip_of(tmp_path_factory.mktemp("clips") / "source", FRAMES, Fraction(30000, 1001))


@pytest.fixture
def ned(tmp_path: Path) -> Bench:
    return bench("ned", _installed(tmp_path), tmp_path)


@dataclass(frozen=True)
class Run:
    """One job of four trials, run once for all tests that only look at it."""

    bench: Bench
    missing: Result
    short: Result
    first: Result
    second: Result
    files_before: list[Path]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, source: JobClip, foreign_python: Path) -> Run:
    folder = tmp_path_factory.mktemp("ned")
    ned = bench("ned", _installed(folder), folder)
    before = sorted(ned.checkout.rglob("*"))
    trials = [
        ("W015__neutral-001__to__happy", source, HAPPY),
        ("M003__neutral-009__to__happy", clip_of(folder / "short", 9), HAPPY),
        ("M003__neutral-001__to__happy", source, HAPPY),
        ("M003__neutral-002__to__happy", clip_of(folder / "longer", 20), HAPPY),
    ]
    return Run(ned, *ned.run(foreign_python, trials), before)


def _made(bench: Bench, result: int = 0) -> Path:
    return bench.folder / "outputs" / f"{result:04d}" / "frames"


def _one(bench: Bench, python: Path, source: JobClip, condition: Condition = HAPPY) -> Result:
    return bench.run(python, [("M003__neutral-001__to__happy", source, condition)])[0]


def _program(calls: list[list[str]], name: str) -> list[str]:
    return next(call for call in calls if call[0] == name)


def test_first_two_frames_have_no_output(run: Run) -> None:
    assert run.first.failed is None
    assert run.first.fps == Fraction(30000, 1001)
    assert run.first.frame_map == tuple(range(2, FRAMES))
    frames = pictures_of(_made(run.bench, 2))
    assert said_frames(frames) == list(range(2, FRAMES))
    assert frames.shape[1:] == (64, 96, 3)
    red_over_green = frames[..., 0].astype(int) - frames[..., 1]
    assert red_over_green.mean() == pytest.approx(60, abs=4)


def test_label_and_epochs_reach_the_scripts(run: Run) -> None:
    translated = _program(run.bench.calls, "manipulator/test.py")
    assert translated[translated.index("--trg_emotions") + 1 :] == ["happy"]
    assert translated[translated.index("--selected_emotions") + 1 :][:7] == ORDER
    rendered = _program(run.bench.calls, "renderer/test.py")
    assert rendered[rendered.index("--which_epoch") + 1] == "20"


def test_style_follows_the_seed(run: Run) -> None:
    drawn = [line for line in run.bench.said.splitlines() if line.startswith("style ")]
    assert drawn == [f"style {random.Random(SEED).gauss(0, 1):.6f}"] * 2


def test_short_clips_are_refused_before_work(run: Run) -> None:
    assert run.short.failed == "the source has 9 frames, the translator needs 10"
    assert len([call for call in run.bench.calls if call[0] == "preprocessing/detect.py"]) == 2


def test_missing_renderer_names_the_person(run: Run) -> None:
    assert run.missing.failed is not None
    assert run.missing.failed.startswith("no renderer for W015")


def test_trials_share_no_folders_and_leave_the_checkout_alone(run: Run) -> None:
    assert run.second.frame_map == tuple(range(2, 20))
    assert said_frames(pictures_of(_made(run.bench, 3))) == list(range(2, 20))
    assert sorted(run.bench.checkout.rglob("*")) == run.files_before
    assert not list((run.bench.folder / "scratch").glob("0*"))


def test_reference_gives_the_style(ned: Bench, source: JobClip, foreign_python: Path, tmp_path: Path) -> None:
    """Here with the released video as output, which would be at 30 frames per second if it were not told."""
    ned.options = {"released-video": True}
    reference = clip_of(tmp_path / "reference", 24)
    result = _one(ned, foreign_python, source, Condition("happy", reference=reference))
    assert result.failed is None
    translated = _program(ned.calls, "manipulator/test.py")
    assert translated[-2:] == ["--ref_dirs", "reference/DECA"]
    assert "--trg_emotions" not in translated
    assert (result.file, result.first_source_frame) == ("video.mp4", 2)
    frames, rate = video_of(ned.folder / "outputs" / "0000" / "video.mp4")
    assert len(frames) == FRAMES - 2
    assert float(rate) == pytest.approx(30000 / 1001, abs=1e-3)


def test_no_card_is_told_though_the_scripts_exit_0(ned: Bench, source: JobClip, foreign_python: Path) -> None:
    (ned.checkout / "no-card").touch()
    result = _one(ned, foreign_python, source)
    assert result.failed is not None
    assert "found no CUDA device" in result.failed


def test_plugin_through_the_harness(foreign_python: Path, tmp_path: Path) -> None:
    """A checkpoint with alphabetical labels, run with NED's order, would be driven to neutral."""
    checkout = _installed(tmp_path, sorted(ORDER), plugin=True)
    cdrl = adapter("ned-cdrl", checkout, foreign_python, mode="label")
    assert cdrl.manifest.bridge == shipped("ned").bridge
    assert cdrl.name == "ned-cdrl-label"
    path = make_clip(tmp_path / "source.mp4", greys(FRAMES), Fraction(30000, 1001), options={"crf": "1"})
    output = cdrl.generate(Request("M003__neutral-001__to__happy", open_clip(path), "happy", seed=SEED))
    assert output.fps == Fraction(30000, 1001)
    assert output.frame_map is not None
    assert output.frame_map.tolist() == list(range(2, FRAMES))
    frames = frames_of(output)
    assert said_frames(frames) == list(range(2, FRAMES))
    tint = frames[..., 0].astype(int) - frames[..., 1]
    assert tint.mean() == pytest.approx(60, abs=4)


def test_short_sources_are_no_trials(foreign_python: Path, tmp_path: Path) -> None:
    ned = adapter("ned", _installed(tmp_path), foreign_python)
    path = make_clip(tmp_path / "source.mp4", greys(9))
    with pytest.raises(CannotGenerateError, match="10"):
        ned.generate(Request("M003__neutral-001__to__happy", open_clip(path), "happy", seed=SEED))

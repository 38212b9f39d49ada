"""SSERD's wrapper on a stand-in of SSERD: one pair in the place of six actors, and what bites."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from spfem_baselines import Request
from spfem_bench.adapters.command.job import Condition, JobClip, Result
from spfem_bench.clips import open_clip
from tests.foreign.installing import adapter, frames_of
from tests.foreign.workbench import SEED, Bench, bench, clip_of, greys, pictures_of, said_frames, stand_in
from tests.support.clips import make_clip

FRAMES = 12
DRIVING = 5
EMOTIONS = ["neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised"]


def _installed(folder: Path) -> Path:
    checkout = stand_in("sserd", folder)
    files = {
        "exp/stage2/checkpoints/best_model.pt": json.dumps({"opts": {"emotions": EMOTIONS}}),
        "preprocessing/segmentation/lfw_figaro_unet_256_2_0_segmentation_v1.pth": "",
    }
    for name, text in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text)
    return checkout


@dataclass(frozen=True)
class Run:
    """One job of two trials, run once for all tests."""

    bench: Bench
    happy: Result
    neutral: Result
    files_before: list[Path]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[JobClip, JobClip]:
    folder = tmp_path_factory.mktemp("clips")
    return clip_of(folder / "source", FRAMES, Fraction(30)), clip_of(folder / "reference", DRIVING)


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, clips: tuple[JobClip, JobClip], foreign_python: Path
) -> Run:
    folder = tmp_path_factory.mktemp("sserd")
    sserd = bench("sserd", _installed(folder), folder)
    before = sorted(sserd.checkout.rglob("*"))
    source, reference = clips
    happy = ("M003__neutral-001__to__happy", source, Condition("happy", reference=reference))
    neutral = ("W015__neutral-001__to__neutral", source, Condition("neutral", reference=reference))
    return Run(sserd, *sserd.run(foreign_python, [happy, neutral]), before)


def _frames(bench: Bench, result: int = 0) -> Path:
    return bench.folder / "outputs" / f"{result:04d}" / "frames"


def test_every_source_frame_has_an_aligned_face(run: Run) -> None:
    assert run.happy.failed is None
    assert (run.happy.fps, run.happy.frame_map) == (Fraction(30), tuple(range(FRAMES)))
    frames = pictures_of(_frames(run.bench))
    assert frames.shape == (FRAMES, 256, 256, 3)
    assert said_frames(frames) == list(range(FRAMES))


def test_reference_frame_follows_the_ratio_of_lengths(run: Run) -> None:
    """Red says how light the driving frame was: frame int(i / r) of the reference, as the script takes it."""
    frames = pictures_of(_frames(run.bench)).astype(int)
    red = (frames[..., 0] - frames[..., 1]).mean(axis=(1, 2))
    ratio = FRAMES / DRIVING
    expected = [(10 + 4 * int(i / ratio)) // 4 for i in range(FRAMES)]
    assert red == pytest.approx(expected, abs=1)


def test_neutral_target_keeps_source_and_reference_apart(run: Run) -> None:
    """The references of neutral lie where the sources do."""
    assert run.neutral.failed is None
    assert said_frames(pictures_of(_frames(run.bench, 1))) == list(range(FRAMES))


def test_only_the_wanted_emotion_is_generated(run: Run) -> None:
    tested = [line.split()[1:] for line in run.bench.said.splitlines() if line.startswith("testing ")]
    assert {emotion for emotion, _ in tested} == {"happy", "neutral"}
    assert len(tested) == 12
    assert run.bench.said.count(f"torch seeded with {SEED}") == 2


def test_checkout_is_left_alone(run: Run) -> None:
    """The script removes its folder of results, its tree of faces is fixed: neither is in the checkout."""
    assert sorted(run.bench.checkout.rglob("*")) == run.files_before


def test_blended_through_the_harness(foreign_python: Path, tmp_path: Path) -> None:
    """The whole path; blending reads masks of all six actors."""
    sserd = adapter("sserd", _installed(tmp_path), foreign_python, blend="true")
    source = open_clip(make_clip(tmp_path / "source.mp4", greys(FRAMES), 30, options={"crf": "1"}))
    reference = open_clip(make_clip(tmp_path / "reference.mp4", greys(DRIVING), 25, options={"crf": "1"}))
    request = Request("M003__a__to__happy", source, "happy", seed=SEED, reference=reference)
    output = sserd.generate(request)
    assert output.fps == Fraction(30)
    assert output.frame_map is None or output.frame_map.tolist() == list(range(FRAMES))
    frames = frames_of(output)
    assert said_frames(frames) == list(range(FRAMES))
    corner, middle = frames[0, 2, 2].astype(int), frames[0, 128, 128].astype(int)
    assert abs(corner[0] - corner[1]) <= 1 < middle[0] - middle[1]


def test_no_card_is_told_though_the_scripts_exit_0(
    clips: tuple[JobClip, JobClip], foreign_python: Path, tmp_path: Path
) -> None:
    sserd = bench("sserd", _installed(tmp_path), tmp_path)
    (sserd.checkout / "no-card").touch()
    condition = Condition("happy", reference=clips[1])
    result = sserd.run(foreign_python, [("M003__neutral-001__to__happy", clips[0], condition)])[0]
    assert result.failed is not None
    assert "found no CUDA device" in result.failed

"""GANmut's wrapper on a stand-in of its generators: the code of an emotion, channels, mode."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from spfem_baselines import CannotGenerateError, Output, Request
from spfem_bench.adapters.command.job import Condition, JobClip
from spfem_bench.adapters.command.steps import finding
from spfem_bench.clips import open_clip
from tests.foreign.installing import adapter, frames_of
from tests.foreign.workbench import GREY, SEED, STEP, Bench, bench, clip_of, greys, stand_in
from tests.support.clips import make_clip

FRAMES = 4
TRIAL = "M003__neutral-001__to__happy"
HAPPY, NEUTRAL = 1, 0


@pytest.fixture
def source(tmp_path: Path) -> JobClip:
    return clip_of(tmp_path / "source", FRAMES, Fraction(25), (128, 128), pngs=True)


@pytest.fixture
def ganmut(tmp_path: Path) -> Bench:
    """Happy's code is (0.5, 0) by both models, so that the stand-in lifts blue by 0.5 of -1..1."""
    checkout = stand_in("ganmut", tmp_path)
    means, axes = np.zeros((7, 2)), np.ones((6, 2))
    means[HAPPY], axes[HAPPY - 1] = (np.arctanh(0.5), 0), (3, 0)
    for path, state in (
        ("gaus_2d/1800000-G.ckpt", {"mu.weight": means.tolist()}),
        ("lin_2d/1000000-G.ckpt", {"axes.weight": axes.tolist()}),
    ):
        file = checkout / "learned_generators" / path
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(state))
    return bench("ganmut", checkout, tmp_path, device="cpu")


def _made(bench: Bench) -> np.ndarray:
    return np.load(bench.folder / "outputs" / "0000" / "frames.npy", allow_pickle=False)


@pytest.mark.parametrize("options", [{"model": "gaussian"}, {"model": "linear", "strength": 0.5}])
def test_code_of_the_emotion_reaches_the_first_channel_which_is_blue(
    ganmut: Bench, source: JobClip, foreign_python: Path, options: dict[str, str | float]
) -> None:
    ganmut.options = options
    result = ganmut.run(foreign_python, [(TRIAL, source, Condition("happy", label="happy"))])[0]
    assert (result.failed, result.file, result.fps) == (None, "frames.npy", Fraction(25))
    frames = _made(ganmut)
    assert (frames.shape, frames.dtype) == ((FRAMES, 128, 128, 3), np.uint8)
    grey = GREY + STEP * np.arange(FRAMES)
    expected = np.stack([grey, grey, grey + 0.25 * 255], 1)
    assert np.abs(frames[:, 64, 64] - expected).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("model", ["gaussian", "linear"])
def test_neutral_is_the_origin(ganmut: Bench, source: JobClip, foreign_python: Path, model: str) -> None:
    ganmut.options = {"model": model}
    result = ganmut.run(foreign_python, [(TRIAL, source, Condition("neutral", label="neutral"))])[0]
    assert result.failed is None
    assert _made(ganmut)[:, 0, 0, 2].tolist() == [GREY + STEP * i for i in range(FRAMES)]


def test_other_sizes_are_refused(ganmut: Bench, foreign_python: Path, tmp_path: Path) -> None:
    small = clip_of(tmp_path / "small", 2, size=(96, 64), pngs=True)
    good = clip_of(tmp_path / "good", 2, size=(128, 128), pngs=True)
    happy = Condition("happy", label="happy")
    first, second = ganmut.run(foreign_python, [(TRIAL, small, happy), (TRIAL + "2", good, happy)])
    assert first.failed == "000000.png is of 96 x 64 pixels, not 128"
    assert second.failed is None


def test_whole_path_keeps_every_frame(
    ganmut: Bench, foreign_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "find_face", lambda _: (16, 0, 80, 64))
    rate = Fraction(30000, 1001)
    path = make_clip(tmp_path / "source.mp4", greys(FRAMES), rate, options={"crf": "1"})
    wrapped = adapter("ganmut", ganmut.checkout, foreign_python)
    names = ["a", "b", "c"]
    emotions = {"a": "happy", "b": "contempt", "c": "neutral"}
    requests = [Request(name, open_clip(path), emotions[name], seed=SEED) for name in names]
    with wrapped.generate_many(requests) as outcomes:
        assert isinstance(outcomes["b"], CannotGenerateError)
        happy, neutral = outcomes["a"], outcomes["c"]
        assert isinstance(happy, Output)
        assert isinstance(neutral, Output)
        assert happy.fps == neutral.fps == rate
        lifted = frames_of(happy)[:, 64, 64].astype(int) - frames_of(neutral)[:, 64, 64]
    assert lifted.shape == (FRAMES, 3)
    assert np.abs(lifted - [0, 0, 64]).max() <= 1

"""``paired@1`` on recordings of unequal length and pace, aligned by their sound.

What a picture says at an instant is its brightness, so that alignment can be seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from spfem_bench.testing.trees import Frames, Samples, Utterance, make_ravdess_tree
from tests.support.command import done, scores_of, trials_of
from tests.support.worlds import TINY

NEUTRAL_FRAMES, HAPPY_FRAMES = 30, 40


def gray_of(phase: np.ndarray) -> np.ndarray:
    return 40 + 160 * phase


class Gliding:
    """One glide in pitch from 300 to 3000 Hz; the picture's brightness is how far it has come.

    Happy takes are longer and start slowly, so that equal frame numbers do not say the same.
    """

    def __call__(self, said: Utterance) -> tuple[Frames, Samples]:
        happy = said.emotion == "happy"
        frames = HAPPY_FRAMES if happy else NEUTRAL_FRAMES
        at = np.arange(frames) / (frames - 1)
        level = np.rint(gray_of(self.phase(at, happy)))
        video = np.broadcast_to(level[:, None, None, None], (frames, 32, 32, 3)).astype(np.uint8)
        seconds = float(frames / said.fps)
        time = np.linspace(0, 1, int(seconds * said.rate))
        pitch = 300 * 10 ** self.phase(time, happy)
        return video, (0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / said.rate)).astype(np.float32)

    @staticmethod
    def phase(at: np.ndarray, happy: bool) -> np.ndarray:
        return at**1.6 if happy else at


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("paired")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPFEM_BENCH_CACHE_DIR", str(folder / "cache"))
        _score(folder)
        yield folder


def _score(folder: Path) -> None:
    make_ravdess_tree(
        folder / "data", (1, 2), ("neutral", "happy"), statements=(1,), repetitions=(1, 2), render=Gliding()
    )
    suite = folder / "suite.yaml"
    suite.write_text(
        Path(TINY).read_text().replace("name: tiny", "name: tiny-paired")
        + '  - {factory: "spfem_metrics.metrics.paired:SSIM"}\n'
        + '  - {factory: "spfem_metrics.metrics.paired:PSNR"}\n'
        + 'pairs:\n  image-quality: {factory: "spfem_metrics.pairs.image_quality:image_quality"}\n'
    )
    done(
        "run", "--dataset", f"ravdess:{folder / 'data'}", "--protocol", "paired@1", "--suite", suite,
        "--keep-bounds", "-o", folder / "out",
    )  # fmt: skip


def brightness(video: Path) -> np.ndarray:
    with av.open(str(video)) as container:
        return np.array([f.to_ndarray(format="rgb24").mean() for f in container.decode(video=0)])


def test_paired_trials_join_the_same_words_by_the_same_person(paired: Path) -> None:
    trials = trials_of(paired / "out")
    assert len(trials) == 4  # two actors, two repetitions of one statement
    for trial in trials:
        source, truth, reference = (
            trial["clips"][side].split("/")[-1].split("-") for side in ("source", "truth", "reference")
        )
        assert source[2:4] == ["01", "01"]
        assert truth[2:4] == reference[2:4] == ["03", "02"]
        assert truth[4:] == source[4:]  # statement, repetition, actor
        assert reference[6] != source[6]


def test_the_oracle_shows_at_every_instant_what_the_truth_shows_when_saying_that(paired: Path) -> None:
    out = paired / "out" / "outputs"
    for trial in trials_of(paired / "out"):
        source = brightness(out / "copy-source" / f"{trial['id']}.mkv")
        oracle = brightness(out / "oracle" / f"{trial['id']}.mkv")
        record = json.loads((out / "oracle" / f"{trial['id']}.json").read_text())
        assert len(source) == len(oracle) == record["frame_count"] == NEUTRAL_FRAMES
        assert (np.diff(oracle) >= -2).all()
        step = 160 / (NEUTRAL_FRAMES - 1)
        assert np.abs(oracle - source).mean() < 1.0 * step
        assert np.abs(oracle - source).max() < 2.5 * step
        # taking frames by number, as if the takes were equally long and even, would be far off
        even = gray_of(Gliding.phase(np.arange(NEUTRAL_FRAMES) / (HAPPY_FRAMES - 1), happy=True))
        assert np.abs(even - source).mean() > 5 * step


def test_the_oracle_is_scored_against_the_truth_it_is(paired: Path) -> None:
    systems = {s["name"]: s["scores"] for s in scores_of(paired / "out")["systems"]}
    ssim = {name: scores["ssim"]["average"] for name, scores in systems.items()}
    assert ssim["oracle"]["value"] == pytest.approx(1.0, abs=1e-6)
    assert all(score["scored"] == score["total"] == 4 for score in ssim.values())
    psnr = {name: scores["psnr"]["average"]["value"] for name, scores in systems.items()}
    assert psnr["oracle"] == 100.0  # its cap: equal frames
    # the source differs from the aligned truth by no more than the alignment is off: 2.5 steps at most
    assert psnr["copy-source"] > 20 * np.log10(255 / (2.5 * 160 / (NEUTRAL_FRAMES - 1)))
    assert psnr["noise"] < 10

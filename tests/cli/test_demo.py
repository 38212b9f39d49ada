"""``spfem-bench demo``: a whole leaderboard with nothing downloaded, and the order its bounds must have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from spfem_bench.synthetic.dataset import write
from tests.support.command import done, hashed, scores_of, trials_of

pytestmark = pytest.mark.slow

SPEAKERS = 3
EMOTIONS = 6  # all but neutral


@dataclass(frozen=True)
class Demo:
    """A finished demo."""

    folder: Path
    table: str

    def values(self, metric: str) -> dict[str, float | None]:
        """System -> the metric's average, None where there is none."""
        systems = scores_of(self.folder / "bundle")["systems"]
        return {system["name"]: system["scores"][metric]["average"]["value"] for system in systems}


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Demo:
    """With one sentence a person instead of two, to halve the time."""
    patch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    patch.setenv("SPFEM_BENCH_OFFLINE", "1")
    patch.setattr("spfem_bench.synthetic.dataset.write", partial(write, sentences=1))
    folder = tmp_path_factory.mktemp("demo")
    return Demo(folder, done("demo", "--speakers", SPEAKERS, "-o", folder))


def test_the_demo_ends_in_a_table_of_every_system(demo: Demo) -> None:
    assert demo.table.startswith("synthetic-v1 on synthetic, paired@1\n")
    rows = [line.split()[0] for line in demo.table.splitlines() if line]
    for name in ("linear-shift", "copy-source", "copy-reference", "oracle", "random-speaker", "noise"):
        assert name in rows
    assert demo.table == done("table", demo.folder / "bundle")
    assert len(trials_of(demo.folder / "bundle")) == SPEAKERS * EMOTIONS
    for system in scores_of(demo.folder / "bundle")["systems"]:
        assert system["generated"] == system["trials"] == SPEAKERS * EMOTIONS


def test_the_oracle_is_the_ceiling_of_likeness_to_the_truth(demo: Demo) -> None:
    for metric, ceiling in (("ssim", 1.0), ("psnr", 100.0)):
        values = demo.values(metric)
        assert values.pop("oracle") == pytest.approx(ceiling)
        assert all(value is not None and value < ceiling for value in values.values())
        assert min(values, key=lambda name: values[name] or 0) == "noise"


def test_copying_the_source_keeps_person_words_and_pose_and_no_emotion(demo: Demo) -> None:
    for metric, best in (("identity-similarity", 1.0), ("mouth-correlation", 1.0), ("head-pose-drift", 0.0)):
        values = demo.values(metric)
        assert values["copy-source"] == pytest.approx(best, abs=1e-6)
        others = [value for name, value in values.items() if name != "copy-source" and value is not None]
        assert len(others) == 4
        assert all(value < best if best else value > best for value in others)
    accuracy = demo.values("emotion-accuracy")
    assert (accuracy["copy-source"] or 0) < 1 / 7  # chance; a neutral face may read as angry
    assert accuracy["oracle"] == accuracy["copy-reference"] == 1


def test_noise_has_no_face_to_score(demo: Demo) -> None:
    (noise,) = (s for s in scores_of(demo.folder / "bundle")["systems"] if s["name"] == "noise")
    for metric in ("identity-similarity", "emotion-accuracy", "mouth-correlation", "frechet-identity"):
        score = noise["scores"][metric]["average"]
        assert score["state"] == "unscored"
        assert "no face in any of the 50 output frames" in score["reason"]
        assert (score["scored"], score["total"]) == (0, SPEAKERS * EMOTIONS)


def test_the_simple_model_stands_between_floor_and_ceiling(demo: Demo) -> None:
    """It moves the face towards the emotion; its warp costs picture quality, which it does not claim."""
    for metric in ("expression-similarity", "text-alignment", "landmark-distance"):
        values = demo.values(metric)
        low, value, high = (values[name] for name in ("copy-source", "linear-shift", "oracle"))
        assert low is not None
        assert value is not None
        assert high is not None
        assert low < value < high or low > value > high, metric
    read = demo.values("emotion-accuracy")
    assert (read["copy-source"] or 0) <= (read["linear-shift"] or 0) < (read["oracle"] or 0)
    kept = demo.values("mouth-correlation")
    assert (kept["copy-reference"] or 0) < 0.8
    assert (kept["linear-shift"] or 0) > 0.9


def test_another_sentence_is_out_of_sync_and_the_source_is_not(demo: Demo) -> None:
    offsets = demo.values("sync-offset")
    assert offsets["copy-source"] == offsets["oracle"] == 0
    distances = demo.values("lse-d-at-zero")
    assert (distances["random-speaker"] or 0) > (distances["oracle"] or 0) + 0.1


def test_the_second_time_everything_is_in_the_cache(demo: Demo, patch: pytest.MonkeyPatch) -> None:
    def touched(*_args: object, **_options: object) -> None:
        raise AssertionError("work was done again")

    for work in (
        "spfem_bench.synthetic.dataset.write_lossless",
        "spfem_bench.stages.generate._attempt",
        "spfem_bench.stages.features.extract",
        "spfem_bench.clips.clip.Clip.batches",
    ):
        patch.setattr(work, touched)
    before = hashed(demo.folder / "bundle")
    assert done("demo", "--speakers", SPEAKERS, "-o", demo.folder) == demo.table
    assert hashed(demo.folder / "bundle") == before

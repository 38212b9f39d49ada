"""``run`` with the suite portable-v1 on a handful of real clips, faceless ones among them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import done, rows_of, scores_of, trials_of
from tests.support.real import FACES, linked

pytestmark = [pytest.mark.real, pytest.mark.slow]

FACELESS = ("edge-no_face", "edge-face_noface")
KEPT = {"identity-similarity": 1.0, "mouth-correlation": 1.0, "head-pose-drift": 0.0}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def bounds(tmp_path_factory: pytest.TempPathFactory, fixtures_dir: Path, weights_dir: Path) -> Path:
    """A bundle of all bounds and metrics on three clips."""
    folder = tmp_path_factory.mktemp("bounds")
    given = linked(folder / "clips", fixtures_dir, FACES)
    done("run", "--dataset", given, "--protocol", "open/cross-id@1", "-o", folder / "bundle")
    return folder / "bundle"


@pytest.fixture(scope="module")
def faceless(
    tmp_path_factory: pytest.TempPathFactory, fixtures_dir: Path, weights_dir: Path
) -> tuple[Path, str]:
    """A bundle of copies of clips, two of them without a face to speak of, and its printed table."""
    folder = tmp_path_factory.mktemp("faceless")
    linked(folder / "clips", fixtures_dir, {**FACES, **dict.fromkeys(FACELESS)})
    return folder / "bundle", done(*copying(folder, "bundle"))


def copying(folder: Path, out: str) -> list[str]:
    """The command that scores copies of the sources."""
    metrics = [part for name in KEPT for part in ("--metric", name)]
    return [
        "run", "--dataset", f"folder:{folder / 'clips'}", "--protocol", "open/cross-id@1", "--device", "cpu",
        "--no-bounds", "--adapter", "copy-source", *metrics, "-o", str(folder / out),
    ]  # fmt: skip


def averages(bundle: Path, metric: str) -> dict[str, dict[str, Any]]:
    """System -> average score."""
    return {s["name"]: s["scores"][metric]["average"] for s in scores_of(bundle)["systems"]}


def test_clips_without_a_face_are_unscored_with_the_frames_named(faceless: tuple[Path, str]) -> None:
    bundle, said = faceless
    source = {trial["id"]: trial["clips"]["source"] for trial in trials_of(bundle)}
    assert sorted(source.values()) == sorted([*FACES, *FACELESS])
    wanted = {
        "edge-no_face": r"no face in any of the 95 (output|source) frames",
        "edge-face_noface": r"face found in 72 of 169 (output|source) frames \(43%\), 50% needed",
    }
    for row in rows_of(bundle):
        clip = source[row["trial"]]
        if clip in FACES:
            assert row["state"] == "scored"
            assert row["value"] == pytest.approx(KEPT[row["metric"]], abs=1e-5)
        else:
            assert (row["state"], row["value"]) == ("unscored", None)
            assert re.fullmatch(wanted[clip], row["reason"])  # of a copy, both sides lack the face
    for metric in KEPT:
        score = averages(bundle, metric)["copy-source"]
        assert (score["scored"], score["total"]) == (3, 5)
    assert "(3/5)" in said
    assert all(re.search(reason, said) for reason in wanted.values())


def test_a_copy_of_the_source_keeps_identity_mouth_and_pose(bounds: Path) -> None:
    for metric, value in KEPT.items():
        score = averages(bounds, metric)["copy-source"]
        assert (score["scored"], score["total"]) == (3, 3)
        assert score["value"] == pytest.approx(value, abs=1e-5)


def test_the_bounds_stand_in_the_order_every_metric_states(bounds: Path) -> None:
    """Of trials; the real set of the open protocol holds other people, so set metrics order otherwise."""
    compared = []
    for column in scores_of(bounds)["columns"]:
        scores = averages(bounds, column["name"])
        values = [scores[name]["value"] for name in column["order"] if scores[name]["scored"]]
        if len(values) < 2 or column["of_sets"]:
            continue
        best_first = sorted(values, reverse=column["direction"] == "higher")
        assert values == best_first, column["name"]
        assert values[0] != values[-1], column["name"]
        compared.append(column["name"])
    assert set(compared) >= {
        "identity-similarity",
        "emotion-accuracy",
        "expression-similarity",
        "mouth-correlation",
        "mouth-distance",
        "head-pose-drift",
        "gaze-drift",
    }


def test_what_cannot_be_measured_says_why(bounds: Path) -> None:
    noise, oracle = (averages(bounds, "identity-similarity")[name] for name in ("noise", "oracle"))
    assert noise["state"] == oracle["state"] == "unscored"
    assert "no face in any of the" in noise["reason"]
    assert oracle["reason"] == "no true pair (3x)"
    for metric in ("ssim", "psnr"):
        assert {score["scored"] for score in averages(bounds, metric).values()} == {0}


def test_every_number_travels_with_the_network_that_made_it(bounds: Path) -> None:
    table = done("table", bounds)
    for part in ("mobilefacenet@90a00ba1", "mediapipe-landmarker@64184e22", "mini-xception@59534287"):
        assert part in table
    assert "left out of portable-v1: lip-sync" in table


def test_a_second_scoring_loads_no_network_and_prints_the_same(faceless: tuple[Path, str]) -> None:
    bundle, said = faceless
    code = """if True:
        import sys
        from spfem_bench.cli import main
        try:
            main()
        finally:
            print({"torch", "mediapipe", "onnxruntime"} & set(sys.modules), file=sys.stderr)
    """
    command = [sys.executable, "-c", code, *copying(bundle.parent, "again")]
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout == said
    assert again.stderr.splitlines()[-1] == "set()"

"""Outputs that show a crop of their source's frame: told, kept, and not compared with whole frames."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spfem_baselines import SPACES, Frames, Output, Request, Space
from spfem_bench.clips import open_clip, write_lossless, write_preview
from spfem_bench.registry import resolve
from spfem_bench.stages.answering import same_aspect
from spfem_bench.stages.render import leaderboard_of
from spfem_bench.stages.run import run
from spfem_bench.stages.spec import RunSpec
from spfem_bench.store.bundle import write_manifest
from spfem_bench.suites import load_suite
from spfem_bench.synthetic.dataset import write
from spfem_bench.tables import render
from spfem_bench.tables.model import Leaderboard, PictureNote, SystemRow
from spfem_bench.verifying import verify_bundle
from spfem_metrics import MetricInfo, Score, Scored, Unscored
from tests.support.adapters import Made
from tests.support.command import done, rows_of, scores_of
from tests.support.worlds import TINY, make_folder, tiny_spec

HERE = "tests.unit.test_output_space"
WHOLE = {
    "standard-v1": {"fid", "kid", "fvd", "lpips-alex", "ssim", "ssim-skimage", "psnr"},
    "spfem-papers-v1": {"fad-arcface18-gray", "csim-expr"},
    "portable-v1": {"ssim", "psnr"},
    "synthetic-v1": {"frechet-perceptual", "kid-perceptual", "perceptual-distance", "ssim", "psnr"},
}
COMPARED = ("psnr", "perceptual-distance", "frechet-perceptual")
SEEN = ("identity-similarity", "head-pose-drift")
REASON = "the output shows {} of its source's frame, and this metric compares whole frames"
SIZE, EDGE = 64, 8
"""Pixels a side of a rendered frame, and of those that a crop leaves out on each side."""


def _cut(request: Request, rows: slice, columns: slice = slice(None)) -> Iterator[Frames]:
    for chunk in request.source.frames():
        yield np.ascontiguousarray(chunk[:, rows, columns])


INSIDE = slice(EDGE, SIZE - EDGE)


def told_crop() -> Made:
    """The middle of the source's very frames, told as what it is."""
    return Made("told-crop", lambda r: Output(_cut(r, INSIDE, INSIDE), r.source.fps, space="crop"))


def untold_crop() -> Made:
    """The same without a word."""
    return Made("untold-crop", lambda r: Output(_cut(r, INSIDE, INSIDE), r.source.fps))


def strip() -> Made:
    """A strip of the frames, without a word."""
    return Made("strip", lambda r: Output(_cut(r, slice(4, 28)), r.source.fps))


def mixed() -> Made:
    """Whole frames of neutral trials, aligned crops of happy ones."""

    def work(request: Request) -> Output:
        space: Space = "aligned-crop" if request.emotion == "happy" else "frame"
        return Output(request.source.frames(), request.source.fps, space=space)

    return Made("mixed", work)


def odd() -> Made:
    """A space that nobody knows."""
    return Made("odd", lambda r: Output(r.source.frames(), r.source.fps, space="face"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the rendered suite, whose metrics are the real ones, on true pairs."""
    root = tmp_path_factory.mktemp("rendered")
    write(root / "clips", speakers=2, sentences=1, emotions=("neutral", "happy"), size=SIZE, seconds=0.4)
    spec = RunSpec(
        dataset=f"synthetic:{root / 'clips'}",
        protocol="paired@1",
        suite="synthetic-v1",
        adapters=(f"{HERE}:told_crop", f"{HERE}:untold_crop"),
        cache=root / "cache",
        metrics=(*SEEN, *COMPARED),
        threads=1,
        bounds=False,
    )
    made = run(spec, root / "run")
    assert made is not None
    return made


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tiny")
    adapters = [f"{HERE}:{name}" for name in ("mixed", "strip")]
    data = make_folder(root / "data", speakers=2)
    made = run(tiny_spec(data, root / "cache", *adapters, "brighten"), root / "run")
    assert made is not None
    return made


def _system(board: Leaderboard, name: str) -> SystemRow:
    return next(system for system in board.systems if system.name == name)


def _average(bundle: Path, system: str, metric: str) -> Score:
    return _system(leaderboard_of(bundle), system).scores[metric]["average"]


def test_a_perfect_crop_has_no_value_against_whole_frames_but_its_face_has(rendered: Path) -> None:
    for metric in COMPARED:
        score = _average(rendered, "told-crop", metric)
        assert isinstance(score.outcome, Unscored), metric
        assert REASON.format("a crop") in score.outcome.reason
        assert (score.scored, score.total) == (0, 2)
    for metric in SEEN:
        score = _average(rendered, "told-crop", metric)
        assert isinstance(score.outcome, Scored), metric
        assert (score.scored, score.total) == (2, 2)


def test_a_crop_without_a_word_is_stretched_as_ever(rendered: Path) -> None:
    for metric in COMPARED:
        assert isinstance(_average(rendered, "untold-crop", metric).outcome, Scored), metric
    board = leaderboard_of(rendered)
    told, untold = (_system(board, name) for name in ("told-crop", "untold-crop"))
    assert told.scores["identity-similarity"] == untold.scores["identity-similarity"]
    assert untold.picture is None  # of one aspect ratio: nobody can tell


def test_rows_say_one_reason_for_all_such_metrics(rendered: Path) -> None:
    rows = [row for row in rows_of(rendered) if row["system"] == "told-crop"]
    whole = set(COMPARED)
    assert {row["metric"] for row in rows if row["state"] == "unscored"} == whole
    assert {row["reason"] for row in rows if row["metric"] in whole} == {REASON.format("a crop")}
    columns = {column["name"]: column["whole_frames"] for column in scores_of(rendered)["columns"]}
    assert {name for name, is_whole in columns.items() if is_whole} == whole


def test_a_bundle_with_crops_verifies_and_an_edited_column_does_not(rendered: Path, tmp_path: Path) -> None:
    assert [problem for check in verify_bundle(rendered).checks for problem in check.problems] == []
    edited = Path(shutil.copytree(rendered, tmp_path / "edited"))
    scores = json.loads((edited / "scores.json").read_text())
    scores["columns"][0]["whole_frames"] = not scores["columns"][0]["whole_frames"]
    (edited / "scores.json").unlink()
    (edited / "scores.json").write_text(json.dumps(scores))
    told = [problem.detail for check in verify_bundle(edited).checks for problem in check.problems]
    assert any("the whole_frames of identity-similarity" in detail for detail in told), told


def test_readings_of_whole_frames_that_a_crop_cannot_have_are_seen(tiny: Path, tmp_path: Path) -> None:
    edited = Path(shutil.copytree(tiny, tmp_path / "edited"))
    record = next((edited / "outputs" / "brighten").glob("*.json"))
    told = json.loads(record.read_text()) | {"space": "crop"}
    record.unlink()
    record.write_text(json.dumps(told, sort_keys=True) + "\n")
    write_manifest(edited)
    clips = next(check for check in verify_bundle(edited, suite=TINY).checks if check.name == "clips")
    assert [(problem.subject, problem.detail) for problem in clips.problems] == [
        (
            str(record.relative_to(edited)),
            "says that it is a crop, though whole frames were compared with it",
        )
    ]


def test_only_the_outputs_that_are_crops_go_without_a_value(tiny: Path) -> None:
    rows = [row for row in rows_of(tiny) if row["system"] == "mixed"]
    states = Counter((row["metric"], row["emotion"], row["state"]) for row in rows)
    emotions = Counter(row["emotion"] for row in rows if row["metric"] == "luma-set")
    assert set(emotions) == {"neutral", "happy", "sad"}
    for emotion, count in emotions.items():
        assert states["luma-drift", emotion, "scored"] == count
        wanted = "unscored" if emotion == "happy" else "scored"
        assert states["luma-set", emotion, wanted] == count
    reasons = {row["reason"] for row in rows if row["state"] == "unscored"}
    assert reasons == {REASON.format("an aligned crop")}


def test_the_table_tells_crops_and_other_aspect_ratios(tiny: Path) -> None:
    board = leaderboard_of(tiny)
    crops = _system(board, "mixed").picture
    assert crops is not None
    assert set(crops.spaces) == {"aligned-crop"}
    assert crops.aspects == {}
    trials = _system(board, "strip").trials
    assert _system(board, "strip").picture == PictureNote({}, {"32x24 for 32x32": trials})
    assert _system(board, "brighten").picture is None
    count = crops.spaces["aligned-crop"]
    crop_line = f"mixed: its outputs show an aligned crop of the source's frame ({count})"
    sizes = f"32x24 for 32x32 ({trials})"
    aspect_line = f"strip: its outputs have another aspect ratio than their sources, {sizes};"
    for form in ("text", "markdown"):
        drawn = " ".join(render(board, form).split())
        assert crop_line in drawn, form
        assert aspect_line in drawn, form
        assert "brighten: its outputs" not in drawn, form
    pictures = {system["name"]: system["picture"] for system in json.loads(render(board, "json"))["systems"]}
    assert pictures["strip"]["aspects"] == {"32x24 for 32x32": trials}
    assert pictures["brighten"] is None


def test_an_unknown_space_fails_its_trials_with_a_sentence(tmp_path: Path) -> None:
    made = run(tiny_spec(make_folder(tmp_path / "data"), tmp_path / "cache", f"{HERE}:odd"), tmp_path / "run")
    assert made is not None
    (system,) = scores_of(made)["systems"]
    assert system["generated"] == 0
    assert list(system["failures"]) == ["space is 'face'; frame, crop, aligned-crop are known"]


def test_what_generate_wrote_is_scored_as_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a folder, by record; through viewing copies, by the line of their list."""
    monkeypatch.setenv("SPFEM_BENCH_CACHE_DIR", str(tmp_path / "cache"))
    data = make_folder(tmp_path / "data", speakers=2)
    world = ("--dataset", f"folder:{data}", "--protocol", "open/cross-id@1")
    done("generate", f"{HERE}:mixed", *world, "-o", tmp_path / "made")
    copies = tmp_path / "copies"
    copies.mkdir()
    lines = []
    for clip in sorted((tmp_path / "made").glob("*.mkv")):
        write_preview(copies / f"{clip.stem}.mp4", open_clip(clip))
        line = {"trial": clip.stem, "file": f"{clip.stem}.mp4"}
        stored = open_clip(clip).stored
        assert stored is not None
        lines.append(line if stored.space == "frame" else {**line, "space": stored.space})
    (copies / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for folder in (tmp_path / "made", copies):
        out = tmp_path / f"{folder.name}-run"
        done("score", folder, *world, "--suite", TINY, "--no-bounds", "-o", out)
        lost = [row for row in rows_of(out) if row["state"] == "unscored"]
        assert {(row["metric"], row["emotion"]) for row in lost} == {("luma-set", "happy")}, folder.name
        assert _system(leaderboard_of(out), folder.name).picture is not None


@pytest.mark.parametrize("suite", WHOLE)
def test_metrics_that_compare_whole_frames_say_so(suite: str) -> None:
    infos = [
        resolve("spfem_bench.metrics", part.factory, {})(**part.options).info
        for part in load_suite(suite).metrics
    ]
    whole = {info.name.removesuffix("-between-speakers") for info in infos if info.whole_frames}
    assert whole == WHOLE[suite]


def _info(factory: str, **options: object) -> MetricInfo:
    found: Callable[..., object] = resolve("spfem_bench.metrics", f"spfem_metrics.metrics.{factory}", {})
    info: MetricInfo = found(**options).info  # type: ignore[attr-defined]
    return info


def test_options_decide_whether_whole_frames_are_compared() -> None:
    assert _info("fid:fid").whole_frames
    assert not _info("fid:fid", crop="face").whole_frames
    assert not _info("fid:kid", crop="face").whole_frames
    assert not _info("sets:frechet_identity").whole_frames
    assert not _info("landmarks:LandmarkDistance").whole_frames
    assert _info("landmarks:LandmarkDistance", removed="nothing").whole_frames
    assert _info("landmarks:PixelLandmarkDistance").whole_frames


@pytest.mark.parametrize("space", SPACES)
def test_a_stored_clip_keeps_what_it_shows(space: Space, tmp_path: Path) -> None:
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    write_lossless(tmp_path / "a.mkv", [frames], fps=Fraction(25), space=space)
    stored = open_clip(tmp_path / "a.mkv").stored
    assert stored is not None
    assert stored.space == space


SIDES = st.integers(16, 4000)


@given(SIDES, SIDES, st.floats(0.1, 4), st.sampled_from([1, 2]))
def test_rounding_and_evening_are_no_other_aspect(width: int, height: int, scale: float, step: int) -> None:
    made = tuple(max(step, step * round(side * scale / step)) for side in (width, height))
    assert same_aspect((made[0], made[1]), (width, height))


@given(SIDES, SIDES)
def test_a_tenth_more_is_another_aspect(width: int, height: int) -> None:
    """Of sides of 64 px and more: below, a pixel either way is a tenth itself."""
    wide, high = max(64, width), max(64, height)
    assert not same_aspect((round(wide * 1.1), high), (wide, high))
    assert not same_aspect((wide, round(high * 1.1)), (wide, high))

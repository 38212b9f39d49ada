"""The rendered dataset on disk: complete, resumable, true to its manifest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spfem_bench.clips import content_digest, open_clip
from spfem_bench.errors import DatasetError, IntegrityError, UsageError
from spfem_bench.synthetic import dataset
from spfem_bench.synthetic.clip import ClipSpec, render_clip, truth
from spfem_bench.synthetic.recipe import RENDERER, Recipe
from spfem_bench.synthetic.truths import read_curves

SMALL = {"speakers": 2, "sentences": 1, "emotions": ("neutral", "happy"), "seconds": 0.4, "size": 48}
HAPPY = ClipSpec(1, 0, "happy", 3, 48, seconds=0.4)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rendered") / "set"
    dataset.write(root, truths=True, **SMALL)
    return root


def test_records_pair_up(written: Path) -> None:
    data = dataset.read(written)
    assert (data.name, data.kind, len(data.records)) == ("synthetic", "rendered", 4)
    assert [record.id for record in data.records] == sorted(record.id for record in data.records)
    assert {record.speaker for record in data.records} == {"S001", "S002"}
    assert {(r.emotion, r.intensity) for r in data.records} == {("neutral", 1), ("happy", 3)}
    assert len({record.sentence for record in data.records}) == 1
    assert len({record.extra["text"] for record in data.records}) == 1


def test_clips_hold_exactly_what_was_rendered(written: Path) -> None:
    data = dataset.read(written)
    record = next(r for r in data.records if r.speaker == "S002" and r.emotion == "happy")
    clip, expected = open_clip(data.file(record)), render_clip(HAPPY)
    np.testing.assert_array_equal(np.concatenate(list(clip.frames())), expected.frames)
    sound = clip.audio(16_000)
    assert sound is not None
    np.testing.assert_allclose(sound, expected.audio, atol=1e-4)
    digest = content_digest(clip)
    assert dataset.digests(written)[record.id] == (digest.video, digest.audio)


def test_true_pairs_are_in_step_and_sound_like_their_emotion(written: Path) -> None:
    data = dataset.read(written)
    pair = [record for record in data.records if record.speaker == "S001"]
    sounds = [open_clip(data.file(record)).audio(16_000) for record in pair]
    truths = [read_curves(data.file(record).with_suffix(".npz")) for record in pair]
    assert sounds[0] is not None
    assert sounds[1] is not None
    assert len(sounds[0]) == len(sounds[1])
    assert np.abs(sounds[0] - sounds[1]).max() > 0
    for name in ("phonemes", "spans", "blink", "gaze", "angles", "times"):
        np.testing.assert_array_equal(truths[0][name], truths[1][name], err_msg=name)
    assert np.abs(truths[0]["units"] - truths[1]["units"]).max() > 0.3


def test_the_truth_beside_a_clip_is_that_of_its_frames(written: Path) -> None:
    stored, known = read_curves(written / "S002/happy/level_3/001.npz"), truth(HAPPY)
    count = HAPPY.frame_count
    assert stored["landmarks"].shape == (count, 68, 2)
    assert stored["units"].shape == (count, 16)
    for name in ("landmarks", "units", "mouth_opening", "mouth_width", "blink", "gaze", "angles"):
        np.testing.assert_allclose(stored[name], getattr(known, name), rtol=1e-6, err_msg=name)
    assert stored["phonemes"].tolist() == known.phonemes.tolist()
    assert stored["sounds"].tolist() == [segment.phoneme for segment in known.timeline.segments]
    np.testing.assert_allclose(stored["spans"][1:, 0], stored["spans"][:-1, 1], rtol=1e-6)


def test_truth_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "001.npz"
    path.write_bytes(b"PK not a zip")
    for candidate in (path, tmp_path / "none.npz"):
        with pytest.raises(DatasetError, match=candidate.name):
            read_curves(candidate)


def test_writing_again_renders_only_what_is_missing(written: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    dataset.write(root, **SMALL)
    before = (root / "manifest.json").read_bytes()
    assert before == (written / "manifest.json").read_bytes()
    lost = root / dataset.read(root).records[0].path
    kept = root / dataset.read(root).records[1].path
    stamp = kept.stat().st_mtime_ns
    lost.unlink()
    part = lost.with_name(f".{lost.name}.0a1b2c3d.part")
    part.write_bytes(b"half")
    (root / "manifest.json").unlink()
    with pytest.raises(DatasetError, match="no finished rendered dataset"):
        dataset.read(root)
    dataset.write(root, **SMALL)
    assert lost.is_file()
    assert not part.exists()
    assert kept.stat().st_mtime_ns == stamp
    assert (root / "manifest.json").read_bytes() == before


def test_truth_can_be_added_to_a_finished_set(tmp_path: Path) -> None:
    root = tmp_path / "set"
    small = {**SMALL, "speakers": 1}
    before = dataset.write(root, **small)
    stamps = [before.file(record).stat().st_mtime_ns for record in before.records]
    after = dataset.write(root, truths=True, **small)
    assert [after.file(record).stat().st_mtime_ns for record in after.records] == stamps
    assert all(after.file(record).with_suffix(".npz").is_file() for record in after.records)


def test_several_processes_write_the_same_bytes(written: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    dataset.write(root, workers=2, truths=True, **{**SMALL, "speakers": 1})
    files = sorted(path.relative_to(root) for path in root.glob("S001/**/*.*"))
    assert len(files) == 2 * len((".mkv", ".json", ".npz"))
    for name in files:
        assert (root / name).read_bytes() == (written / name).read_bytes(), name


def test_levels_and_natural_lengths() -> None:
    recipe = Recipe(1, 2, ("neutral", "sad"), (3, 1, 3), seconds=None)
    wanted = dataset.rows(recipe)
    assert [record.id for record, _ in wanted] == [
        "S001/neutral/level_1/001",
        "S001/neutral/level_1/002",
        "S001/sad/level_1/001",
        "S001/sad/level_1/002",
        "S001/sad/level_3/001",
        "S001/sad/level_3/002",
    ]
    lengths = {record.sentence: set() for record, _ in wanted}
    for record, spec in wanted:
        lengths[record.sentence].add(spec.frame_count)
    assert [len(found) for found in lengths.values()] == [1, 1]
    assert len({min(found) for found in lengths.values()}) == 2


def test_the_same_recipe_in_another_order_is_the_same(written: Path) -> None:
    assert Recipe(emotions=("sad", "happy"), intensities=(3, 1)).as_json() == (
        Recipe(emotions=("happy", "sad"), intensities=(1, 3)).as_json()
    )
    assert Recipe().as_json()["renderer"] == RENDERER
    dataset.write(written, **{**SMALL, "emotions": ("happy", "neutral")})


def test_other_parameters_and_other_files_are_refused(written: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"other parameters \(speakers\)"):
        dataset.write(written, **{**SMALL, "speakers": 3})
    (tmp_path / "holiday.mp4").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"holiday\.mp4"):
        dataset.write(tmp_path, **SMALL)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"emotions": ("contempt",)}, UsageError, "contempt"),
        ({"intensities": (4,)}, UsageError, "intensities up to 3"),
        ({"intensities": (0,)}, UsageError, "from 1"),
        ({"sentences": 10_000}, UsageError, "sentences up to"),
        ({"size": 8}, UsageError, "8 px"),
        ({"speakers": 0}, DatasetError, "nothing to render"),
    ],
)
def test_what_cannot_be_rendered_is_said_before_anything_is_written(
    tmp_path: Path, change: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        dataset.write(tmp_path / "set", **{**SMALL, **change})
    assert not (tmp_path / "set").exists()


def test_a_missing_clip_or_a_foreign_manifest_is_named(tmp_path: Path) -> None:
    root = tmp_path / "set"
    data = dataset.write(root, **{**SMALL, "speakers": 1})
    data.file(data.records[0]).unlink()
    with pytest.raises(DatasetError, match=r"happy.*is missing"):
        dataset.read(root)
    (root / "manifest.json").write_text(json.dumps({"clips": [{"id": 1}]}))
    with pytest.raises(IntegrityError, match="manifest"):
        dataset.read(root)

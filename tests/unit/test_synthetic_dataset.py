"""The rendered dataset on disk: complete, resumable, true to its manifest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spfem_bench.clips import content_digest, open_clip
from spfem_bench.errors import DatasetError, IntegrityError, UsageError
from spfem_bench.synthetic import ClipSpec, dataset, render_clip

SMALL = {"speakers": 2, "sentences": 1, "emotions": ("neutral", "happy"), "seconds": 0.4, "size": 48}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rendered") / "set"
    dataset.write(root, **SMALL)
    return root


def test_records_pair_up(written: Path) -> None:
    data = dataset.read(written)
    assert (data.name, data.kind, len(data.records)) == ("synthetic", "rendered", 4)
    assert [record.id for record in data.records] == sorted(record.id for record in data.records)
    assert {record.speaker for record in data.records} == {"S001", "S002"}
    assert {(r.emotion, r.intensity) for r in data.records} == {("neutral", 1), ("happy", 3)}
    assert len({record.sentence for record in data.records}) == 1


def test_clips_hold_exactly_what_was_rendered(written: Path) -> None:
    data = dataset.read(written)
    record = next(r for r in data.records if r.speaker == "S002" and r.emotion == "happy")
    clip, expected = open_clip(data.file(record)), render_clip(ClipSpec(1, 0, "happy", seconds=0.4, size=48))
    np.testing.assert_array_equal(np.concatenate(list(clip.frames())), expected.frames)
    sound = clip.audio(16_000)
    assert sound is not None
    np.testing.assert_allclose(sound, expected.audio, atol=1e-4)
    digest = content_digest(clip)
    assert dataset.digests(written)[record.id] == (digest.video, digest.audio)


def test_true_pairs_carry_the_same_sound(written: Path) -> None:
    by_speaker: dict[str, set[str]] = {}
    for clip_id, (_, audio) in dataset.digests(written).items():
        by_speaker.setdefault(clip_id.split("/")[0], set()).add(audio)
    assert [len(sounds) for sounds in by_speaker.values()] == [1, 1]


def test_writing_again_renders_only_what_is_missing(written: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    dataset.write(root, **SMALL)
    before = (root / "manifest.json").read_bytes()
    assert before == (written / "manifest.json").read_bytes()
    lost = root / dataset.read(root).records[0].path
    kept = root / dataset.read(root).records[1].path
    stamp = kept.stat().st_mtime_ns
    lost.unlink()
    (root / "manifest.json").unlink()
    with pytest.raises(DatasetError, match="no finished rendered dataset"):
        dataset.read(root)
    dataset.write(root, **SMALL)
    assert lost.is_file()
    assert kept.stat().st_mtime_ns == stamp
    assert (root / "manifest.json").read_bytes() == before


def test_other_parameters_are_refused(written: Path) -> None:
    with pytest.raises(DatasetError, match="other parameters"):
        dataset.write(written, **{**SMALL, "speakers": 3})


def test_an_emotion_that_cannot_be_rendered(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="contempt"):
        dataset.write(tmp_path / "set", **{**SMALL, "emotions": ("contempt",)})
    with pytest.raises(DatasetError, match="nothing to render"):
        dataset.write(tmp_path / "none", **{**SMALL, "speakers": 0})


def test_a_missing_clip_or_a_foreign_manifest_is_named(tmp_path: Path) -> None:
    root = tmp_path / "set"
    data = dataset.write(root, **{**SMALL, "speakers": 1})
    data.file(data.records[0]).unlink()
    with pytest.raises(DatasetError, match=r"happy.*is missing"):
        dataset.read(root)
    (root / "manifest.json").write_text(json.dumps({"clips": [{"id": 1}]}))
    with pytest.raises(IntegrityError, match="manifest"):
        dataset.read(root)

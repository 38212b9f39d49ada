from __future__ import annotations

from pathlib import Path

import pytest

from spfem_bench.datasets.ravdess import read, speech_trials
from spfem_bench.errors import DatasetError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def complete(root: Path, actor: str) -> Path:
    return touch(root, *(f"{actor}/{trial}.mp4" for trial in speech_trials(actor)))


def test_an_actor_has_sixty_speech_trials_and_no_gap_when_all_are_there(tmp_path: Path) -> None:
    dataset = read(complete(tmp_path, "Actor_03"))
    assert len(dataset.records) == 60  # Livingstone & Russo 2018: 60 trials per actor and modality
    assert dataset.notes == ()
    assert dataset.licence == "CC BY-NC-SA 4.0"


def test_the_seven_codes_are_read(tmp_path: Path) -> None:
    record = read(touch(tmp_path, "Actor_12/01-01-06-02-02-01-12.mp4")).records[0]
    assert record.id == "Actor_12/01-01-06-02-02-01-12"
    assert (record.speaker, record.emotion, record.intensity, record.take) == ("Actor_12", "fear", 2, 1)
    assert record.sentence == "dogs-are-sitting-by-the-door"
    assert record.audio is None
    assert record.extra["statement"] == "02"


def test_statements_are_shared_words_across_speakers_and_emotions(tmp_path: Path) -> None:
    names = ["Actor_01/01-01-01-01-01-01-01.mp4", "Actor_02/01-01-05-02-01-02-02.mp4"]
    first, second = read(touch(tmp_path, *names)).records
    assert first.sentence == second.sentence == "kids-are-talking-by-the-door"


def test_calm_has_no_label_of_the_field(tmp_path: Path) -> None:
    record = read(touch(tmp_path, "Actor_01/01-01-02-01-01-01-01.mp4")).records[0]
    assert record.emotion is None
    assert record.extra["label"] == "calm"


def test_what_is_not_a_spoken_clip_with_sound_is_noted(tmp_path: Path) -> None:
    complete(tmp_path, "Actor_01")
    touch(
        tmp_path,
        "Actor_01/02-01-03-01-01-01-01.mp4",
        "Actor_01/03-01-03-01-01-01-01.wav",
        "Actor_01/01-02-03-01-01-01-01.mp4",
        "Actor_01/01-01-03-01-01-01-02.mp4",
        "Actor_01/01-01-09-01-01-01-01.mp4",
        "Actor_01/01-01-01-02-01-01-01.mp4",
        "Actor_01/._01-01-03-01-01-01-01.mp4",
        "Actor_01/notes.txt",
        "Video_Speech_Actor_02.zip",
    )
    dataset = read(tmp_path)
    assert len(dataset.records) == 60
    notes = "\n".join(dataset.notes)
    for part in (
        "silent duplicate",
        "sound only",
        "sung",
        "not the folder's",
        "01-01-09",
        "no strong",
        "hidden",
    ):
        assert part in notes
    assert f"unzip {tmp_path}/Video_Speech_Actor_02.zip -d {tmp_path}" in notes
    assert len(read(tmp_path, song=True).records) == 61


def test_gaps_are_named(tmp_path: Path) -> None:
    complete(tmp_path, "Actor_07")
    (tmp_path / "Actor_07/01-01-05-02-01-02-07.mp4").unlink()
    assert read(tmp_path).notes == ("Actor_07 has 59 of 60 speech trials; missing are 01-01-05-02-01-02-07.",)


def test_extensions_in_capitals_are_read(tmp_path: Path) -> None:
    assert read(touch(tmp_path, "Actor_01/01-01-03-01-01-01-01.MP4")).records[0].path.endswith(".MP4")


def test_a_tree_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no spoken RAVDESS clip"):
        read(touch(tmp_path, "Actor_01/02-01-03-01-01-01-01.mp4"))

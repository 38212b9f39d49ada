from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from spfem_bench.datasets.folder import read
from spfem_bench.datasets.labels import ALIASES, canonical_emotion
from spfem_bench.datasets.records import EMOTIONS
from spfem_bench.errors import DatasetError, UsageError

GOOD = {"id": "a", "file": "a.mp4", "speaker": "s1", "emotion": "happy"}


def folder(root: Path, *lines: object, files: tuple[str, ...] = ("a.mp4", "b.mp4")) -> Path:
    for name in files:
        (root / name).write_bytes(b"x")
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (root / "clips.jsonl").write_text(text + "\n")
    return root


def test_fields_are_read_and_the_rest_is_kept_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    line = {**GOOD, "intensity": 2, "sentence": "s", "take": 3, "audio": "a.wav", "width": 640, "ok": True}
    (record,) = read(folder(tmp_path, line)).records
    assert (record.id, record.path, record.speaker, record.emotion) == ("a", "a.mp4", "s1", "happy")
    assert (record.intensity, record.sentence, record.audio) == (2, "s", "a.wav")
    assert record.extra["width"] == "640"
    assert record.extra["ok"] == "true"


def test_csv_and_jsonl_say_the_same(tmp_path: Path) -> None:
    jsonl = read(folder(tmp_path, {**GOOD, "intensity": 1}, {"file": "b.mp4", "speaker": "s2"})).records
    (tmp_path / "m.csv").write_text("id,file,speaker,emotion,intensity\na,a.mp4,s1,happy,1\n,b.mp4,s2,,\n")
    assert list(read(tmp_path / "m.csv").records) == list(jsonl)
    assert jsonl[1].id == "b"


def test_a_field_can_be_read_from_another_key(tmp_path: Path) -> None:
    root = folder(tmp_path, {"id": "a", "file": "a.mp4", "who": "s1", "expression_seen": "anger"})
    (record,) = read(root, {"speaker": "who", "emotion": "expression_seen"}).records
    assert (record.speaker, record.emotion) == ("s1", "angry")
    with pytest.raises(UsageError, match=r"no field 'emotoin'. Did you mean 'emotion'\?"):
        read(root, {"emotoin": "expression_seen"})


def test_true_and_false_for_audio_name_no_file(tmp_path: Path) -> None:
    (record,) = read(folder(tmp_path, {**GOOD, "audio": True})).records
    assert record.audio is None
    assert record.extra["audio"] == "true"


def test_takes_are_numbered_within_speaker_emotion_and_sentence(tmp_path: Path) -> None:
    lines = [{**GOOD, "sentence": "x"}, {**GOOD, "id": "b", "file": "b.mp4", "sentence": "x"}]
    assert [r.take for r in read(folder(tmp_path, *lines)).records] == [1, 2]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({**GOOD, "file": "../a.mp4"}, r"line 2: file '../a.mp4' leaves the folder"),
        ({**GOOD, "file": "/etc/passwd"}, "leaves the folder"),
        ({**GOOD, "file": "C:\\clips\\a.mp4"}, "leaves the folder"),
        ({**GOOD, "file": "none.mp4"}, r"line 2: file 'none.mp4' is not a file in"),
        ({**GOOD, "audio": "../a.wav"}, "audio '../a.wav' leaves the folder"),
        ({**GOOD, "id": "b"}, r"line 2: line 1 has the id 'b' too"),
        ({**GOOD, "emotion": "hapy"}, r"line 2, emotion: 'hapy' .* Did you mean 'happy'\?"),
        ({**GOOD, "intensity": 7}, "line 2, intensity: '7' is not 1, 2 or 3"),
        ({**GOOD, "take": 0}, "line 2, take: '0' is not a count"),
        ({"file": "a.mp4", "spaeker": "s1"}, r"line 2 has no speaker; .*Did you mean 'spaeker'\?"),
        ("{not json", "line 2 is not JSON"),
        ("[1, 2]", "line 2 is not a JSON object"),
    ],
)
def test_a_wrong_line_is_one_sentence_with_its_number(tmp_path: Path, line: object, said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        read(folder(tmp_path, {"id": "b", "file": "b.mp4", "speaker": "s2"}, line))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "lists no clip"),
        (b"\n\n", "lists no clip"),
        (b"\xff\xfe\x00", "is not UTF-8"),
    ],
)
def test_an_empty_or_binary_manifest_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "clips.jsonl").write_bytes(content)
    with pytest.raises(DatasetError, match=said):
        read(tmp_path)


def test_csv_with_more_cells_than_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("file,speaker\na.mp4,s1,x\n")
    with pytest.raises(DatasetError, match="line 2 has more cells"):
        read(tmp_path)


def test_no_manifest_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"has no manifest; write one of clips\.jsonl"):
        read(tmp_path)


def test_unlabelled_clips_point_to_the_option(tmp_path: Path) -> None:
    line = {"id": "a", "file": "a.mp4", "speaker": "s1", "expression_seen": "happy"}
    (note,) = read(folder(tmp_path, line)).notes
    assert "--field emotion=KEY" in note
    assert "expression_seen" in note


def test_every_spelling_maps_to_a_label_and_labels_to_themselves() -> None:
    assert set(ALIASES.values()) == set(EMOTIONS)
    assert all(canonical_emotion(name.upper()) == name for name in EMOTIONS)
    eat = ("ang", "con", "dis", "fea", "hap", "neu", "sad", "sur")  # EAT's eight codes
    assert {canonical_emotion(code) for code in eat} == set(EMOTIONS)
    with pytest.raises(ValueError, match="calm"):
        canonical_emotion("calm")


@pytest.mark.real
def test_the_real_fixtures_are_indexed(fixtures_dir: Path) -> None:
    dataset = read(fixtures_dir, {"emotion": "expression_seen"})
    assert len(dataset.records) == 43
    assert Counter(r.emotion for r in dataset.records) == {None: 35, "happy": 5, "sad": 2, "angry": 1}
    assert all(dataset.file(record).is_file() for record in dataset.records)

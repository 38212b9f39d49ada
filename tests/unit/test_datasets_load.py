from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from spfem_bench.clips.types import AudioInfo, ClipInfo
from spfem_bench.datasets import ClipRecord, Dataset, dataset_digest, load_dataset
from spfem_bench.datasets.cards import card
from spfem_bench.datasets.index import compare, read_index, write_index
from spfem_bench.datasets.load import split_spec
from spfem_bench.datasets.summary import count_table, counts
from spfem_bench.datasets.verify import verify
from spfem_bench.errors import ClipError, DatasetError, IntegrityError, PluginError
from spfem_bench.resources import list_configs

RECORDS = (
    ClipRecord("a/1", "a/1.mp4", "a", "happy", 3, "x", audio="a/1.m4a", extra={"view": "front"}),
    ClipRecord("b/1", "b/1.mp4", "b", None),
)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    for name in ("a/1.mp4", "a/1.m4a", "b/1.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"clip")
    return Dataset("folder", tmp_path, RECORDS)


def test_the_digest_covers_labels_and_paths_but_neither_root_nor_order(dataset: Dataset) -> None:
    digest = dataset_digest(dataset)
    assert digest == dataset_digest(replace(dataset, root=Path("/elsewhere"), notes=("x",)))
    assert digest == dataset_digest(replace(dataset, records=RECORDS[::-1]))
    changed = [
        replace(RECORDS[0], emotion="sad"),
        replace(RECORDS[0], path="a/2.mp4"),
        replace(RECORDS[0], sentence=None),
        replace(RECORDS[0], take=2),
        replace(RECORDS[0], audio=None),
        replace(RECORDS[0], intensity=None),
        replace(RECORDS[0], speaker="b"),
    ]
    digests = {dataset_digest(replace(dataset, records=(record, RECORDS[1]))) for record in changed}
    assert len(digests | {digest}) == len(changed) + 1


def test_an_index_comes_back_as_it_was_written(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "out" / "index.jsonl"
    digest = write_index(dataset, path)
    index = read_index(path)
    assert index.records == RECORDS
    assert index.header["digest"] == digest == dataset_digest(dataset)
    assert index.sizes == {"a/1": (4, 4), "b/1": (4, None)}
    difference = compare(dataset, index)
    assert not any(vars(difference).values())
    first = path.read_bytes()
    write_index(dataset, path)
    assert path.read_bytes() == first


def test_every_kind_of_change_is_told_apart(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "index.jsonl"
    write_index(dataset, path)
    index = read_index(path)
    dataset.file(RECORDS[0]).write_bytes(b"longer clip")
    assert compare(dataset, index).resized == ("a/1",)
    assert compare(replace(dataset, records=RECORDS[1:]), index).missing == ("a/1",)
    relabelled = replace(RECORDS[1], emotion="sad")
    assert compare(replace(dataset, records=(RECORDS[0], relabelled)), index).relabelled == ("b/1",)
    added = ClipRecord("c/1", "c/1.mp4", "c", "sad")
    assert compare(replace(dataset, records=(*RECORDS, added)), index).added == ("c/1",)


def test_a_changed_index_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "index.jsonl"
    write_index(dataset, path)
    path.write_text(path.read_text().replace('"happy"', '"sad"'))
    with pytest.raises(IntegrityError, match="was changed after it was written"):
        read_index(path)


@pytest.mark.parametrize("line", ['{"schema_version": 99}', '{"id": "a"}'])
def test_an_index_of_another_kind_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "index.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DatasetError, match="is not an index of version 1"):
        read_index(path)


class FakeClip:
    def __init__(self, path: Path, frames: int, said: int, sound: bool) -> None:
        self.path, self.frames = path, frames
        audio = AudioInfo(48000, 1, 100) if sound else None
        self.info = ClipInfo((64, 64), said, Fraction(30000, 1001), False, Fraction(frames, 30), audio)

    def batches(self) -> list[object]:
        return [type("Batch", (), {"images": range(self.frames)})]


def test_verify_finds_missing_empty_and_undecodable_clips(dataset: Dataset) -> None:
    assert verify(dataset).ok
    dataset.file(RECORDS[0]).write_bytes(b"")
    dataset.file(RECORDS[1]).unlink()
    problems = verify(dataset).problems
    assert [(p.clip, p.kind) for p in problems] == [("a/1", "empty"), ("b/1", "missing")]


def test_a_missing_separate_sound_is_a_missing_clip(dataset: Dataset) -> None:
    (dataset.root / "a/1.m4a").unlink()
    assert [(p.clip, p.kind) for p in verify(dataset).problems] == [("a/1", "missing")]


def test_deep_verification_decodes_and_adds_up(dataset: Dataset) -> None:
    seen: list[str] = []

    def opener(path: Path, *, audio_path: Path | None) -> FakeClip:
        return FakeClip(path, 10, 10, sound=audio_path is not None)

    report = verify(dataset, deep=True, open_clip=opener, on_clip=seen.append)
    assert report.ok
    assert (report.frames, report.seconds) == (20, Fraction(20, 30))
    assert report.rates == {"30000/1001": 2}
    assert report.silent == ("b/1",)
    assert seen == ["a/1", "b/1"]


def test_deep_verification_reports_what_does_not_decode(dataset: Dataset) -> None:
    def opener(path: Path, *, audio_path: Path | None) -> FakeClip:
        if path.match("a/*"):
            raise ClipError(f"{path} is truncated")
        return FakeClip(path, 9, 10, sound=True)

    report = verify(dataset, deep=True, open_clip=opener)
    assert [(p.clip, p.kind) for p in report.problems] == [("a/1", "undecodable"), ("b/1", "undecodable")]
    assert "says 10 frames and decodes to 9" in report.problems[1].reason


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("mead:/data/MEAD", ("mead", "/data/MEAD")),
        ("folder:a:b", ("folder", "a:b")),
        ("package.module:reader:/data", ("package.module:reader", "/data")),
        ("plug:/data", ("plug", "/data")),
    ],
)
def test_specs(spec: str, expected: tuple[str, str]) -> None:
    name, root = split_spec(spec)
    assert (name, str(root)) == expected


def test_a_reader_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_reader_h.py").write_text(
        "from spfem_bench.datasets import ClipRecord, Dataset\n"
        "def read(root):\n"
        "    return Dataset('own', root, [ClipRecord('x', 'x.mp4', 's', 'sad')])\n"
        "def unsorted(root):\n"
        "    return Dataset('own', root, [ClipRecord('x', 'x.mp4', 's', 'sad')] * 2)\n"
        "def wrong(root):\n"
        "    return []\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert load_dataset(f"own_reader_h:read:{tmp_path}").records[0].id == "x"
    with pytest.raises(DatasetError, match="not sorted by unique ids"):
        load_dataset(f"own_reader_h:unsorted:{tmp_path}")
    with pytest.raises(DatasetError, match="returned a list, not a Dataset"):
        load_dataset(f"own_reader_h:wrong:{tmp_path}")


def test_an_unknown_reader_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="Did you mean 'ravdess'"):
        load_dataset(f"ravdes:{tmp_path}")


def test_counts_and_table(dataset: Dataset) -> None:
    assert counts(dataset) == {"a": {"happy": {"3": 1}}, "b": {"unlabelled": {"-": 1}}}
    assert [line.split() for line in count_table(dataset)] == [
        ["speaker", "happy.3", "unlabelled", "all"],
        ["a", "1", ".", "1"],
        ["b", ".", "1", "1"],
        ["all", "1", "1", "2"],
    ]
    json.dumps(counts(dataset))


def test_every_dataset_has_a_readable_card() -> None:
    assert {"mead", "ravdess", "folder", "synthetic"} <= set(list_configs("datasets"))
    for name in list_configs("datasets"):
        assert card(name).name == name
        assert card(name).licence

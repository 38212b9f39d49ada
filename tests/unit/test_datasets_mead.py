from __future__ import annotations

from pathlib import Path

import pytest

from spfem_bench.datasets import EMOTIONS, load_dataset
from spfem_bench.datasets.cards import card
from spfem_bench.datasets.mead import documented_sentence, read
from spfem_bench.errors import DatasetError, UsageError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def test_records_say_what_the_names_say(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "M003/video/front/happy/level_3/025.mp4",
        "M003/video/left_30/happy/level_3/025.mp4",
        "M003/audio/happy/level_3/025.m4a",
        "M003/video/front/contempt/level_2/007.mp4",
    )
    dataset = read(tmp_path)
    assert [r.id for r in dataset.records] == [
        "M003/front/contempt/level_2/007",
        "M003/front/happy/level_3/025",
        "M003/left_30/happy/level_3/025",
    ]
    happy = dataset.records[1]
    assert (happy.speaker, happy.emotion, happy.intensity) == ("M003", "happy", 3)
    assert happy.path == "M003/video/front/happy/level_3/025.mp4"
    assert happy.audio == "M003/audio/happy/level_3/025.m4a"
    assert dataset.records[0].audio is None
    assert dataset.audio_file(happy) == tmp_path / "M003/audio/happy/level_3/025.m4a"
    assert "no redistribution" in dataset.licence


def test_a_rank_counts_over_views_and_is_not_the_number(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "W029/video/front/sad/level_3/007.mp4",
        "W029/video/front/sad/level_3/057.mp4",
        "W029/video/top/sad/level_3/003.mp4",
    )
    ranks = {r.id: r.extra["rank"] for r in read(tmp_path).records}
    assert ranks == {
        "W029/front/sad/level_3/007": "2",
        "W029/front/sad/level_3/057": "3",
        "W029/top/sad/level_3/003": "1",
    }


@pytest.mark.parametrize(
    ("actor", "emotion", "level", "number", "sentence"),
    [
        ("M005", "neutral", 1, 1, "M005-common-1"),
        ("M005", "disgusted", 3, 28, "M005-common-1"),  # disgust's shared sentences come last for M005
        ("M005", "disgusted", 3, 1, None),
        ("W023", "disgusted", 3, 1, "W023-common-1"),  # and first for W023
        ("W023", "disgusted", 3, 28, None),
        ("M005", "happy", 3, 3, "M005-common-3"),
        ("M005", "happy", 3, 4, None),
        ("M005", "happy", 2, 3, None),  # the published pairs are of level 3 only
        ("M005", "contempt", 3, 1, None),
        ("M003", "happy", 3, 1, None),  # a test actor: not among the 36 of the pair list
        ("W029", "neutral", 1, 1, None),
    ],
)
def test_a_number_is_a_sentence_only_where_the_published_pairs_say_so(
    actor: str, emotion: str, level: int, number: int, sentence: str | None
) -> None:
    assert documented_sentence(actor, emotion, level, number) == sentence


def test_the_pair_list_has_36_released_actors_and_none_of_the_six_test_actors() -> None:
    shared = card("mead").shared
    listed = [*shared["disgusted-first"], *shared["disgusted-last"]]
    assert len(listed) == len(set(listed)) == 36
    assert not {"M003", "M009", "M012", "M030", "W015", "W029"} & set(listed)
    assert set(listed) <= set(card("mead").speakers)
    assert len(card("mead").speakers) == 48


def test_a_transcript_tells_the_words_of_any_actor(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "M003/video/front/neutral/level_1/031.mp4",
        "M003/video/front/disgusted/level_3/004.mp4",
        "M003/video/front/disgusted/level_3/005.mp4",
    )
    (tmp_path / "transcripts.csv").write_text(
        "speaker,emotion,level,number,text\n"
        'M003,neutral,level_1,031,"She had your dark suit."\n'
        "M003,disgust,3,4,she had  your DARK suit\n"
        "M003,disgust,3,5,She had your light suit\n"
    )
    sentences = {r.id: r.sentence for r in read(tmp_path).records}
    assert sentences["M003/front/neutral/level_1/031"] == sentences["M003/front/disgusted/level_3/004"]
    assert sentences["M003/front/disgusted/level_3/005"] not in {
        None,
        sentences["M003/front/disgusted/level_3/004"],
    }


def test_a_bad_transcript_is_named_with_its_line(tmp_path: Path) -> None:
    touch(tmp_path, "M003/video/front/neutral/level_1/031.mp4")
    (tmp_path / "transcripts.csv").write_text("speaker,emotion,level,number,text\nM003,hapy,3,1,words\n")
    with pytest.raises(DatasetError, match=r"transcripts.csv, line 2: 'hapy' .* Did you mean 'happy'\?"):
        read(tmp_path)


def test_stray_entries_become_notes(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "M003/video/front/happy/level_3/025.MP4",
        "M003/video/front/happy/level_3/._025.mp4",
        "M003/video/front/happy/level_3/25.mp4",
        "M003/video/front/happy/level_4/025.mp4",
        "M003/video/front/neutral/level_2/001.mp4",
        "M003/video/front/joyful/level_1/001.mp4",
        "M003/video/behind/happy/level_1/001.mp4",
        ".DS_Store",
        "README.txt",
        "X001/video/front/happy/level_1/001.mp4",
        "W015/video.tar",
    )
    (tmp_path / "M003/video/front/happy/level_3/026.mp4").symlink_to(tmp_path / "gone.mp4")
    dataset = read(tmp_path)
    assert [r.id for r in dataset.records] == ["M003/front/happy/level_3/025"]
    notes = "\n".join(dataset.notes)
    for part in ("level_3/._025.mp4", "level_3/25.mp4", "level_4", "neutral/level_2", "joyful", "behind"):
        assert part in notes
    for part in (".DS_Store", "README.txt", "X001", "broken link", f"tar -xf {tmp_path}/W015/video.tar"):
        assert part in notes


def test_undecodable_names_are_noted_and_printable(tmp_path: Path) -> None:
    touch(tmp_path, "M003/video/front/happy/level_3/025.mp4")
    try:
        (tmp_path / "M003/video/front/happy/level_3/0\udcff1.mp4").write_bytes(b"x")
    except OSError:
        pytest.skip("this file system refuses names that are not UTF-8")
    notes = "\n".join(read(tmp_path).notes)
    assert "name is not UTF-8" in notes
    notes.encode("utf-8")


def test_linked_actors_are_followed(tmp_path: Path) -> None:
    store = touch(tmp_path / "store", "M003/video/front/happy/level_3/025.mp4")
    root = tmp_path / "root"
    root.mkdir()
    (root / "M003").symlink_to(store / "M003")
    assert len(read(root).records) == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["M003/video.tar"], r"tar -xf .*M003/video.tar -C .*M003"),
        (["readme.txt"], "holds no MEAD clip at <ID>/video/<view>"),
    ],
)
def test_a_tree_without_clips_is_refused_with_the_mend(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        read(touch(tmp_path, *names))


def test_a_spec_needs_an_existing_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        load_dataset(f"mead:{tmp_path / 'none'}")
    with pytest.raises(UsageError, match="names no folder"):
        load_dataset("mead")
    with pytest.raises(UsageError, match="--field maps"):
        load_dataset(f"mead:{tmp_path}", {"emotion": "x"})


def test_every_label_is_one_of_the_fields_eight(tmp_path: Path) -> None:
    touch(tmp_path, *(f"M003/video/front/{e}/level_1/001.mp4" for e in EMOTIONS))
    assert {r.emotion for r in read(tmp_path).records} == set(EMOTIONS)

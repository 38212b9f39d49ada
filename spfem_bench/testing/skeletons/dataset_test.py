"""The reader keeps the harness's rules, and reads what is there."""

from pathlib import Path

import pytest

from spfem_bench.testing import check_dataset
from spfem_bench.testing.skeletons.dataset import my_dataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of three clips and a stray file; indexing reads names only, so the files are empty."""
    for name in ("anna_happy_01", "anna_neutral_01", "ben_sad_02", "notes"):
        (tmp_path / f"{name}.mp4").touch()
    return tmp_path


def test_dataset_keeps_the_rules(root: Path) -> None:
    """Unique sorted ids, files that are there, known emotions."""
    check_dataset(my_dataset, root)


def test_dataset_reads_names(root: Path) -> None:
    """Speaker, emotion and sentence come from the name; the stray file is noted."""
    dataset = my_dataset(root)
    assert [(r.speaker, r.emotion, r.sentence) for r in dataset.records] == [
        ("anna", "happy", "01"),
        ("anna", "neutral", "01"),
        ("ben", "sad", "02"),
    ]
    assert "notes.mp4" in dataset.notes[0]

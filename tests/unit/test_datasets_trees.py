from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from spfem_bench.datasets import load_dataset
from spfem_bench.datasets.mead_numbers import SCHEME_A, SCHEME_B, mead_numbers, mead_sentence
from spfem_bench.datasets.verify import verify
from spfem_bench.testing.trees import Pattern, Utterance, make_mead_tree, make_ravdess_tree


def test_numberings_are_those_recorded_for_mead() -> None:
    assert mead_numbers(SCHEME_A, "happy") == list(range(1, 31))
    assert mead_numbers(SCHEME_A, "neutral") == list(range(1, 41))
    gappy, neutral = mead_numbers(SCHEME_B, "happy"), mead_numbers(SCHEME_B, "neutral")
    assert (gappy[:4], gappy[-1], len(set(gappy))) == ([1, 2, 3, 7], 57, 30)
    assert (neutral[:3], neutral[-1], len(set(neutral))) == ([1, 2, 3], 77, 40)
    disgust = [
        n
        for rank, n in enumerate(mead_numbers(SCHEME_A, "disgusted"), 1)
        if mead_sentence(SCHEME_A, "disgusted", rank) < 3
    ]
    assert disgust == [28, 29, 30]


def test_a_mead_tree_decodes_at_mead_s_rate_with_sound_apart(tmp_path: Path) -> None:
    make_mead_tree(tmp_path, {"M005": SCHEME_A}, ["neutral", "disgusted"], render=Pattern(32, 8))
    dataset = load_dataset(f"mead:{tmp_path}")
    assert [r.id for r in dataset.records if r.emotion == "disgusted"] == [
        f"M005/front/disgusted/level_3/{n:03d}" for n in (28, 29, 30)
    ]
    report = verify(dataset, deep=True)
    assert report.ok
    assert report.rates == {"30": len(dataset.records)}
    assert report.frames == 8 * len(dataset.records)
    assert report.silent == ()
    assert any("M005 has 8 of 670 nominal front clips" in gap for gap in report.gaps)


def test_what_a_tree_pairs_is_what_the_reader_knows(tmp_path: Path) -> None:
    """Two numberings, one truth: clips that share a sentence key were drawn with the same words."""
    drawn: dict[tuple[str, str, int], int] = {}

    class Spy(Pattern):
        def __call__(self, said: Utterance) -> tuple[np.ndarray, np.ndarray]:
            drawn[said.speaker, said.emotion, said.sentence] = said.sentence
            return super().__call__(said)

    make_mead_tree(tmp_path, {"M005": SCHEME_A, "W023": SCHEME_B}, render=Spy(16, 2))
    dataset = load_dataset(f"mead:{tmp_path}")
    for actor in ("M005", "W023"):
        known = [r for r in dataset.records if r.speaker == actor and r.sentence]
        assert len(known) == 7 * 3
        assert {r.sentence for r in known} == {f"{actor}-common-{k}" for k in (1, 2, 3)}
        assert sum(1 for a, _, sentence in drawn if a == actor and sentence < 3) == 21


def test_a_ravdess_tree_decodes_at_its_rate_with_sound_within(tmp_path: Path) -> None:
    make_ravdess_tree(tmp_path, (1,), ["neutral", "calm", "happy"], statements=(2,), render=Pattern(32, 8))
    dataset = load_dataset(f"ravdess:{tmp_path}")
    assert len(dataset.records) == 2 + 4 + 4
    report = verify(dataset, deep=True)
    assert report.ok
    assert set(report.rates) == {str(Fraction(30000, 1001))}
    assert report.silent == ()


def test_a_truncated_clip_is_undecodable(tmp_path: Path) -> None:
    make_ravdess_tree(tmp_path, (1,), ["happy"], statements=(1,), repetitions=(1,), render=Pattern(32, 8))
    dataset = load_dataset(f"ravdess:{tmp_path}")
    clip = dataset.file(dataset.records[0])
    clip.write_bytes(clip.read_bytes()[:300])
    (problem,) = verify(dataset, deep=True).problems
    assert problem.kind == "undecodable"


@pytest.mark.parametrize("words", [0, 1])
def test_the_same_words_sound_the_same_whatever_the_emotion(words: int) -> None:
    def said(emotion: str, sentence: int) -> Utterance:
        return Utterance("M005", emotion, 3, sentence, 1, Fraction(30), 16000)

    happy, sad, other = (
        Pattern()(said(e, s))[1] for e, s in (("happy", words), ("sad", words), ("sad", words + 1))
    )
    np.testing.assert_array_equal(happy, sad)
    assert not np.array_equal(sad, other)

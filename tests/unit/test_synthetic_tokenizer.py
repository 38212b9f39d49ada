"""Words to numbers for both CLIPs, and the captions' vocabulary frozen beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spfem_baselines.supervisors import clip as supervisor_clip
from spfem_baselines.supervisors import tokenizer as supervisor
from spfem_bench.synthetic.captions import PROMPTS, vocabulary
from spfem_bench.training.captioning import write_words
from spfem_metrics.errors import WeightsError
from spfem_metrics.synthetic.nets import clip as judge_clip
from spfem_metrics.synthetic.nets import tokenizer as judge

WORDS = ("a", "happy", "person")


def test_golden_tokens() -> None:
    row = judge.Tokenizer(WORDS).encode(["A happy, purple person!"])[0]
    assert row[:7].tolist() == [judge.START, 4, 5, judge.UNKNOWN, 6, judge.END, judge.PAD]
    assert len(row) == judge.CONTEXT
    assert not row[6:].any()


def test_both_sets_number_words_alike_but_for_their_length() -> None:
    texts = ["a happy person", "an odd person", ""]
    one, other = judge.Tokenizer(WORDS).encode(texts), supervisor.Tokenizer(WORDS)(texts).numpy()
    np.testing.assert_array_equal(one[:, : supervisor.CONTEXT], other)


@given(st.text(max_size=400))
def test_any_text_has_one_start_and_one_end(text: str) -> None:
    row = judge.Tokenizer(WORDS).encode([text])[0]
    assert row[0] == judge.START
    assert (row == judge.START).sum() == 1
    assert (row == judge.END).sum() == 1
    assert not row[int(np.flatnonzero(row == judge.END)[0]) + 1 :].any()


def test_unknown_words_are_counted_in_order() -> None:
    assert judge.Tokenizer(WORDS).unknown("A weird person, weird and old") == ["weird", "weird", "and", "old"]
    assert supervisor.Tokenizer(WORDS).unknown("a happy person") == []


def test_the_frozen_vocabulary_knows_every_prompt(tmp_path: Path) -> None:
    write_words(tmp_path / "words.txt")
    tokens = judge.Tokenizer.load(tmp_path / "words.txt")
    assert tokens.words == vocabulary()
    assert len(tokens.words) <= 1024
    assert not [word for texts in PROMPTS.values() for text in texts for word in tokens.unknown(text)]
    assert supervisor.Tokenizer.load(tmp_path / "words.txt").unknown("a person who looks sad") == []


@pytest.mark.parametrize("content", ["a a", " ".join(f"w{i}" for i in range(judge.ENTRIES))])
def test_a_list_with_a_word_twice_or_too_many_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "words.txt").write_text(content)
    with pytest.raises(WeightsError, match="each once"):
        judge.Tokenizer.load(tmp_path / "words.txt")
    with pytest.raises(ValueError, match="each once"):
        supervisor.Tokenizer.load(tmp_path / "words.txt")


def test_a_missing_list_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="train metrics"):
        judge.Tokenizer.load(tmp_path / "words.txt")


def test_the_clips_are_open_clips_own_classes_of_two_families() -> None:
    from open_clip.model import CLIP
    from open_clip.modified_resnet import ModifiedResNet
    from open_clip.transformer import VisionTransformer

    one, other = judge_clip.build(), supervisor_clip.build()
    assert isinstance(one, CLIP)
    assert isinstance(other, CLIP)
    assert isinstance(one.visual, VisionTransformer)
    assert isinstance(other.visual, ModifiedResNet)
    for network in (one, other):
        assert sum(p.numel() for p in network.parameters()) <= 750_000


def test_padding_after_the_end_does_not_move_a_text() -> None:
    torch.manual_seed(0)
    network = judge_clip.build().eval()
    tokens = torch.from_numpy(judge.Tokenizer(WORDS).encode(["a happy person"]))
    other = tokens.clone()
    other[0, 20:] = 7
    with torch.inference_mode():
        torch.testing.assert_close(judge_clip.texts(network, tokens), judge_clip.texts(network, other))

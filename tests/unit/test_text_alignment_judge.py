"""The text side of the judge: unit embeddings, words it does not know, texts it would cut, missing files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spfem_bench.registry import resolve
from spfem_bench.synthetic.captions import vocabulary
from spfem_metrics import WeightsError
from spfem_metrics.metrics import TextEncoder
from spfem_metrics.metrics.text import CAPTIONS
from spfem_metrics.synthetic.text_alignment import JudgeTexts, text_alignment


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network of the judge's shape, in half precision as it ships, and the captions' words."""
    pytest.importorskip("open_clip")
    import torch
    from safetensors.torch import save_file

    from spfem_metrics.synthetic.nets.clip import build

    torch.manual_seed(0)
    made = tmp_path_factory.mktemp("judge")
    tensors = {name: t.half().clone() for name, t in build().state_dict().items() if t.is_floating_point()}
    save_file(tensors, made / "clip.safetensors")
    (made / "words.txt").write_text("\n".join(vocabulary()))
    return made


def test_every_caption_has_its_own_embedding_of_unit_length(folder: Path) -> None:
    encoder = JudgeTexts(folder)
    checked: TextEncoder = encoder
    texts = [text for own in CAPTIONS.values() for text in own]
    assert not any(map(checked.refusal, texts))
    rows = np.stack([checked.embed(text) for text in texts])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert len(np.unique(rows.round(5), axis=0)) == len(texts)


def test_a_text_does_not_depend_on_those_read_before_it(folder: Path) -> None:
    first, second = JudgeTexts(folder), JudgeTexts(folder)
    second.embed("an expression of fear")
    np.testing.assert_array_equal(first.embed("a happy person"), second.embed("a happy person"))
    np.testing.assert_array_equal(first.embed("a happy person"), first.embed("a happy person"))


def test_what_it_would_not_read_whole_it_refuses(folder: Path) -> None:
    encoder = JudgeTexts(folder)
    assert encoder.refusal("a Happy, smiling zygomatic smiling person") == (
        "the text network does not know: smiling, zygomatic"
    )
    many = " ".join(f"strange{index}" for index in range(7))
    assert encoder.refusal(many).endswith("strange4 and 2 more")
    assert encoder.refusal("happy " * 38) == ""
    assert encoder.refusal("happy " * 39) == "the prompt has 39 words, the text network reads 38"


def test_the_definition_moves_with_either_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.safetensors").write_bytes((folder / "clip.safetensors").read_bytes())
    (tmp_path / "words.txt").write_text((folder / "words.txt").read_text() + "\nzygomatic")
    one, other = JudgeTexts(folder).definition, JudgeTexts(tmp_path).definition
    assert one.split(",")[0] == other.split(",")[0]
    assert one != other
    assert not any(mark in one for mark in " |")


def test_missing_files_are_named_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="spfem-bench train metrics --only clip"):
        _ = JudgeTexts(tmp_path).definition
    (tmp_path / "words.txt").write_text("happy")
    with pytest.raises(WeightsError, match=r"clip\.safetensors"):
        _ = JudgeTexts(tmp_path).definition


def test_the_suite_can_name_the_metric_without_opening_a_file() -> None:
    factory = resolve("spfem_bench.metrics", "spfem_metrics.synthetic.text_alignment:text_alignment", {})
    assert factory is text_alignment
    assert factory().info.name == "text-alignment"

"""Both sides of CLIP: the text side entered with embeddings, the picture side with any size, real weights."""

from __future__ import annotations

import open_clip
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from spfem_baselines.supervision import EMOTIONS
from spfem_baselines.supervision.encoders import (
    Encoders,
    Prompts,
    openai_encoders,
    supervisor_encoders,
    with_context,
)
from spfem_baselines.supervision.prompting import CONTEXT, DESCRIPTIONS, EmotionPrompts
from tests.support.encoders import random_clip

TEXTS = ["lips pressed thin", "eyes wide open, jaw dropped"]


def test_texts_entered_as_embeddings_give_what_open_clip_gives() -> None:
    encoders = random_clip()
    assert isinstance(encoders, Encoders)
    expected = encoders.network.encode_text(encoders.tokenizer(TEXTS))
    torch.testing.assert_close(encoders.text_features(encoders.embed(TEXTS)), expected)


def test_without_positions_the_text_side_is_told_none() -> None:
    encoders = random_clip()
    told = encoders.text_features(encoders.embed(TEXTS), positions=False)
    encoders.network.positional_embedding.data.zero_()
    torch.testing.assert_close(told, encoders.network.encode_text(encoders.tokenizer(TEXTS)))


def test_what_follows_the_end_is_not_read() -> None:
    encoders = random_clip()
    embeddings, end = encoders.embed(TEXTS)
    assert end.tolist() == [4, 6]
    changed = embeddings.clone()
    changed[0, 5:] = 7.0
    torch.testing.assert_close(
        encoders.text_features(Prompts(changed, end)), encoders.text_features(Prompts(embeddings, end))
    )


def test_learnt_vectors_stand_between_the_start_and_the_words() -> None:
    encoders = random_clip()
    words, whole = encoders.embed(["pressed thin"]), encoders.embed(["lips pressed thin"])
    context = whole.embeddings[None, :, 1:2]  # one variant of one prompt: the vector of "lips"
    made = with_context(words, context, encoders.length)
    torch.testing.assert_close(encoders.text_features(made), encoders.text_features(whole))


def test_variants_come_one_after_the_other() -> None:
    encoders = random_clip()
    written = encoders.embed(TEXTS)
    context = torch.arange(3.0)[:, None, None, None].expand(3, 2, 4, encoders.token_width)
    made = with_context(written, context, encoders.length)
    assert made.embeddings.shape == (6, written.embeddings.shape[1] + 4, encoders.token_width)
    assert made.embeddings[:, 1, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert made.end.tolist() == (written.end + 4).repeat(3).tolist()


def test_prompts_beyond_the_networks_length_are_refused() -> None:
    encoders = random_clip()
    with pytest.raises(ValueError, match="a prompt of 47 tokens with its learnt ones; this CLIP reads 36"):
        with_context(encoders.embed(TEXTS), torch.zeros(2, 40, encoders.token_width), encoders.length)
    with pytest.raises(ValueError, match="a prompt of 37 tokens; this CLIP reads 36"):
        encoders.text_features(Prompts(torch.zeros(1, 37, encoders.token_width), torch.tensor([36])))


def test_pictures_of_any_size_are_brought_to_the_networks() -> None:
    encoders = random_clip()
    small = torch.rand(2, 3, 64, 64) * 2 - 1
    large = F.interpolate(small, scale_factor=2, mode="nearest")
    own = encoders.image_features(small)
    torch.testing.assert_close(own, encoders.network.encode_image(small), rtol=1e-4, atol=1e-5)
    assert encoders.image_features(large).shape == (2, encoders.width)
    with pytest.raises(ValueError, match="square pictures of a face, not 64 x 32"):
        encoders.image_features(small[..., :32])


def test_gradients_reach_pictures_and_embeddings_but_no_weight() -> None:
    encoders = random_clip().train()
    pictures = torch.rand(1, 3, 64, 64, requires_grad=True)
    written = encoders.embed(TEXTS[:1])
    embeddings = written.embeddings.clone().requires_grad_()
    both = encoders.image_features(pictures) @ encoders.text_features(Prompts(embeddings, written.end)).T
    both.sum().backward()
    assert pictures.grad is not None
    assert float(pictures.grad.abs().sum()) > 0
    assert embeddings.grad is not None
    assert float(embeddings.grad.abs().sum()) > 0
    assert not any(p.requires_grad for p in encoders.parameters())
    assert not any(module.training for module in encoders.modules())


def test_openai_weights_are_loaded_strictly_and_their_pictures_normalised(tmp_path, monkeypatch) -> None:
    small = {
        "embed_dim": 16,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
    }
    monkeypatch.setattr(open_clip, "get_model_config", lambda name: small if name == "small" else None)
    torch.manual_seed(0)
    network = open_clip.model.CLIP(**small).eval()
    state = network.state_dict()
    save_file(state, tmp_path / "clip.safetensors")
    encoders = openai_encoders(tmp_path / "clip.safetensors", "small")
    mean, std = (
        torch.tensor(v).view(3, 1, 1) for v in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    )
    pictures = torch.rand(2, 3, 32, 32)
    # The values go to -1..1 and back in float32, so they differ by an ulp or so before four layers of sums.
    torch.testing.assert_close(
        encoders.image_features(pictures * 2 - 1),
        network.encode_image((pictures - mean) / std),
        rtol=1e-3,
        atol=1e-4,
    )
    texts = ["an angry face", "a happy face with glasses"]
    tokens = open_clip.tokenizer.SimpleTokenizer()(texts)
    torch.testing.assert_close(encoders.text_features(encoders.embed(texts)), network.encode_text(tokens))
    save_file({k: v for k, v in state.items() if k != "logit_scale"}, tmp_path / "less.safetensors")
    with pytest.raises(RuntimeError, match="logit_scale"):
        openai_encoders(tmp_path / "less.safetensors", "small")
    with pytest.raises(ValueError, match="no architecture 'large'"):
        openai_encoders(tmp_path / "clip.safetensors", "large")


def test_the_shipped_network_knows_every_word_of_the_descriptions() -> None:
    encoders = supervisor_encoders()
    assert set(DESCRIPTIONS) == set(EMOTIONS)
    assert [encoders.tokenizer.unknown(text) for text in DESCRIPTIONS.values()] == [[]] * 7  # type: ignore[attr-defined]
    written = encoders.embed([DESCRIPTIONS[name] for name in EMOTIONS])
    assert int(written.end.max()) + 1 + CONTEXT <= encoders.length


def test_prompts_are_moved_together_by_what_is_added() -> None:
    encoders = random_clip()
    torch.manual_seed(0)
    prompts = EmotionPrompts(encoders)
    added = torch.stack([torch.zeros(encoders.token_width), torch.ones(encoders.token_width)])
    plain, moved = prompts(encoders), prompts(encoders, added)
    assert moved.shape == (2, 7, encoders.width)
    torch.testing.assert_close(moved[0], plain)
    prompts.context.data += 1
    torch.testing.assert_close(moved[1], prompts(encoders))


def test_shared_prompts_have_one_context() -> None:
    encoders = random_clip()
    prompts = EmotionPrompts(encoders, shared=True)
    assert prompts.context.shape == (1, CONTEXT, encoders.token_width)
    assert prompts(encoders).shape == (7, encoders.width)

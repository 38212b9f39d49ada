"""wav2vec 2.0 as the sound of CCRL: what is taken, where, and that CCRL reads it; networks are random."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spfem_baselines.supervision import ccrl
from spfem_baselines.supervision.interface import PairBatch
from spfem_baselines.supervision.pyramid import SupervisorPyramid
from spfem_baselines.supervision.wav2vec import RATE, Wav2Vec
from spfem_baselines.supervisors.blocks import Trunk

transformers = pytest.importorskip("transformers", reason="the extra wav2vec is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of XLSR-53's kind (normalised first) with four layers of 32."""
    made = tmp_path_factory.mktemp("wav2vec")
    config = transformers.Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=48,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        do_stable_layer_norm=True,
        feat_extract_norm="layer",
        conv_bias=True,
    )
    torch.manual_seed(0)
    transformers.Wav2Vec2Model(config).save_pretrained(made)
    return made


def _speech(seconds: float) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randn(round(seconds * RATE), generator=draw) * 0.1


def test_features_are_those_behind_the_layer_at_the_instants_of_the_convolutions(folder: Path) -> None:
    hear, wave = Wav2Vec(folder, layer=2), _speech(1.0)
    network = transformers.Wav2Vec2Model.from_pretrained(folder).eval()
    level = (wave - wave.mean()) / (wave.var(unbiased=False) + 1e-5).sqrt()
    with torch.no_grad():
        all_layers = network(level[None], output_hidden_states=True).hidden_states
    behind = network.encoder.layers[1]  # the second layer's own output, taken from inside it
    caught: list[torch.Tensor] = []
    handle = behind.register_forward_hook(
        lambda _m, _i, out: caught.append(out[0] if isinstance(out, tuple) else out)
    )
    with torch.no_grad():
        network(level[None])
    handle.remove()
    assert torch.equal(all_layers[2], caught[0].view_as(all_layers[2]))
    times = (torch.arange(len(caught[0].view(-1, 32)), dtype=torch.float64) * 320 + 200) / RATE
    # float32 sums of the same numbers in the same order: equal but for the interpolation's two products
    torch.testing.assert_close(hear(wave, times)[:, :, 0], caught[0].view(-1, 32), rtol=1e-5, atol=1e-6)


def test_between_two_features_lies_their_mean_and_the_ends_hold(folder: Path) -> None:
    hear, wave = Wav2Vec(folder, layer=2), _speech(0.5)
    at = torch.tensor([200.0, 520.0, 360.0, 0.0, 9e6], dtype=torch.float64) / RATE
    first, second, between, before, after = hear(wave, at)[:, :, 0]
    torch.testing.assert_close(between, (first + second) / 2, rtol=1e-5, atol=1e-6)
    assert torch.equal(before, first)
    torch.testing.assert_close(after, hear(wave, torch.tensor([0.5]))[0, :, 0], rtol=1e-6, atol=1e-7)


def test_long_sound_is_heard_in_windows_without_gap_or_repetition(folder: Path) -> None:
    hear, wave = Wav2Vec(folder, layer=2), _speech(9.0)
    times = torch.arange(270, dtype=torch.float64) / 30
    whole = hear(wave, times)
    assert whole.shape == (270, 32, 1)
    # what comes after a window's end cannot move the half of the shared stretch that the window keeps
    changed = wave.clone()
    changed[round(5.0 * RATE) :] = 0
    again = hear(changed, times)
    early = times < (128 - 15 / 2) / 30 - 0.05
    assert torch.equal(again[early], whole[early])
    assert not torch.equal(again[~early], whole[~early])


def test_a_syllable_of_sound_is_enough(folder: Path) -> None:
    assert Wav2Vec(folder, layer=1)(_speech(0.01), torch.tensor([0.0, 0.04])).shape == (2, 32, 1)


def test_ccrl_learns_and_supervises_with_it(folder: Path) -> None:
    hear, draw = Wav2Vec(folder, layer=2), torch.Generator().manual_seed(2)
    torch.manual_seed(3)
    pyramid = SupervisorPyramid(Trunk())
    sound = hear(_speech(1.0), torch.arange(4) / 25)
    clips = torch.rand(3, 2, 2, 3, 64, 64, generator=draw) * 2 - 1
    heard = sound.view(2, 2, 32, 1)
    batch = PairBatch(clips[0], clips[1], heard, heard, torch.tensor([1, 2]), clips[2], heard.flip(0))
    state = ccrl.pretrain([batch], pyramid)
    generated = clips[1].clone().requires_grad_()
    ccrl.CCRL(pyramid, state)(generated, clips[0], audio=heard).total.backward()
    assert generated.grad is not None
    assert generated.grad.abs().max() > 0


def test_the_layer_that_a_further_normalisation_follows_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="4 layers, of which 4 cannot"):
        Wav2Vec(folder, layer=4)


def test_nothing_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"wav2vec|config|local|file"):
        Wav2Vec(tmp_path / "wav2vec2-large-xlsr-53")

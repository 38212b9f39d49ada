"""ExpCLIP: its terms by hand, its augmentation, what its loss teaches, and coefficients from prompts."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from spfem_baselines.supervision import Supervision
from spfem_baselines.supervision.expclip import ActionUnits, ExpCLIP
from spfem_baselines.supervision.expressions import (
    Augmentation,
    ExpressionCoder,
    Expressions,
    Sizes,
    Weights,
    augmented,
    learner,
    pretrain,
    pretraining_loss,
    restored,
)

K, W = 3, 4
WORDS = {"smile": 0, "frown": 1, "gape": 2}


class Words(nn.Module):
    """Features of captions: one axis for each word that is in it."""

    def text_features(self, texts):
        return torch.tensor([[float(word in text) for word in WORDS] + [0.1] for text in texts])


class Means(nn.Module):
    """Reads the mean of each colour as a coefficient."""

    def forward(self, faces):
        return faces.mean(dim=(2, 3))


class Fixed(nn.Module):
    """A coder whose halves are what they are told to be; its unit is its own."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = lambda code: code[:, :2]

    def scaled(self, coefficients):
        return coefficients

    def encode(self, coefficients):
        return torch.cat([coefficients, torch.zeros(len(coefficients), 1)], dim=1)

    def project(self, texts):
        return texts


def spoken(count: int = 64, seed: int = 0) -> Expressions:
    """Expressions of one muscle each, named by their word."""
    which = torch.randint(K, (count,), generator=torch.Generator().manual_seed(seed))
    names = list(WORDS)
    return Expressions(
        nn.functional.one_hot(which, K).float(), Words().text_features([names[i] for i in which])
    )


@pytest.fixture(scope="module")
def state():
    return taught()


def taught(steps: int = 150, seed: int = 3):
    return pretrain((spoken(seed=i) for i in range(steps)), seed=seed)


@pytest.fixture(scope="module")
def supervision(state):
    return ExpCLIP(state, reader=Means(), texts=Words())


def test_the_terms_by_hand():
    """E(b) = (1, 0, 0) and P(t) = (0.6, 0.8, 0): a cosine of 0.6; D takes the first two."""
    batch = Expressions(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8, 0.0]]))
    said = pretraining_loss(Fixed(), batch, Weights(1.0, 10.0, 10.0))
    translation = ((0.6 - 1) ** 2 + 0.8**2) / 2
    assert float(said.parts["reconstruction"]) == 0
    assert float(said.parts["alignment"]) == pytest.approx(0.4, abs=1e-6)
    assert float(said.parts["translation"]) == pytest.approx(translation, abs=1e-6)
    assert float(said.total) == pytest.approx(10 * 0.4 + 10 * translation, abs=1e-5)


def test_coefficients_count_in_their_spreads():
    coder = learner(Expressions(torch.tensor([[0.0, 5.0], [2.0, 5.0]]), torch.zeros(2, W)))
    assert coder.mean.tolist() == [1.0, 5.0]
    # The second never varies: its spread is the least there is, so that noise in it is not blown up.
    assert coder.spread.tolist() == pytest.approx([1.0, 0.05])
    assert coder.scaled(torch.tensor([[3.0, 5.1]])).flatten().tolist() == pytest.approx([2.0, 2.0], abs=1e-4)
    with pytest.raises(ValueError, match="5 coefficients where 2"):
        coder.standardise(torch.zeros(2, 5))


def test_augmentation_mixes_prompts_as_it_mixes_expressions():
    batch = Expressions(torch.eye(2), torch.eye(2))
    how = Augmentation(share=1.0, noise=0.0, text_noise=0.0)
    for seed in range(8):
        mixed = augmented(batch, torch.ones(2), torch.Generator().manual_seed(seed), how)
        # Coefficients and features began as the same rows, so they must stay parallel.
        assert torch.allclose(nn.functional.normalize(mixed.coefficients, dim=1), mixed.texts, atol=1e-6)
        assert (mixed.coefficients.diagonal() >= 0.5).all()
        assert torch.allclose(mixed.coefficients.sum(dim=1), torch.ones(2))


def test_augmentation_off_and_its_noise():
    batch, draw = spoken(2000), torch.Generator().manual_seed(0)
    still = augmented(batch, torch.ones(K), draw, Augmentation(share=0.0, noise=0.0, text_noise=0.0))
    assert torch.equal(still.coefficients, batch.coefficients)
    shaken = augmented(batch, torch.tensor([1.0, 2.0, 4.0]), draw, Augmentation(share=0.0, noise=0.1))
    spread = (shaken.coefficients - batch.coefficients).std(dim=0)
    # 2000 draws: the standard error of a standard deviation is 1 / sqrt(4000), 1.6%; five of them.
    assert torch.allclose(spread, torch.tensor([0.1, 0.2, 0.4]), rtol=0.08)


def test_the_same_seed_gives_the_same_bits_and_no_batches_are_refused():
    one, again, other = (taught(3, seed) for seed in (1, 1, 2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["projector.0.weight"], other["projector.0.weight"])
    with pytest.raises(ValueError, match="no expressions"):
        pretrain([])


def test_first_weights_leave_torchs_own_stream_alone():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    learner(spoken())
    assert torch.equal(torch.rand(3), wanted)


def test_prompts_become_their_coefficients_and_align_with_them(supervision):
    prompts = list(WORDS)
    told = supervision.coefficients(prompts)
    # Coefficients are 0 or 1: whatever is on the right side of a half is understood.
    assert torch.equal(told > 0.5, torch.eye(K, dtype=torch.bool))
    aligned = supervision.alignment(prompts, torch.eye(K))
    assert torch.equal(aligned.argmax(dim=1), torch.arange(K))
    assert float(aligned.abs().max()) <= 1 + 1e-5
    assert supervision.style(prompts).shape == (K, Sizes().code)


def faces(*colours, frames: int = 2):
    """Clips of one colour, which `Means` reads as coefficients."""
    rows = torch.tensor(colours)[:, None, :, None, None]
    return rows.expand(-1, frames, -1, 8, 8).clone()


def test_the_loss_is_smallest_where_the_face_does_what_the_prompt_says(supervision):
    source = faces([0.0, 0.0, 0.0])
    said = {
        name: float(supervision(faces(row.tolist()), source, text=["smile"]).total)
        for name, row in zip(WORDS, torch.eye(K), strict=True)
    }
    assert min(said, key=said.get) == "smile"
    ideal = faces(supervision.coefficients(["smile"])[0].tolist())
    # What the prompt decodes to is read back to within float32's rounding, far from any other expression.
    assert float(supervision(ideal, source, text=["smile"]).parts["coefficients"]) < 1e-9


def test_the_parts_by_hand(supervision):
    shown, prompt = [0.2, 0.4, 0.1], ["frown"]
    said = supervision(faces(shown), faces(shown), text=prompt)
    coder = supervision.coder
    told, code = supervision.style(prompt)[0], coder.encode(torch.tensor([shown]))[0]
    cosine = float(told @ code) / (float(told.norm()) * float(code.norm()))
    off = (torch.tensor([shown]) - supervision.coefficients(prompt)) / coder.spread
    assert float(said.parts["alignment"]) == pytest.approx(1 - cosine, abs=1e-5)
    assert float(said.parts["coefficients"]) == pytest.approx(float(off.square().mean()), rel=1e-4)
    expected = float(said.parts["alignment"]) + 0.1 * float(said.parts["coefficients"])
    assert float(said.total) == pytest.approx(expected, rel=1e-5)
    assert math.isfinite(expected)


def test_the_gradient_reaches_the_generated_faces_and_nothing_else(supervision):
    generated, source = faces([0.3, 0.3, 0.3]).requires_grad_(), faces([0.1, 0.1, 0.1]).requires_grad_()
    said = supervision(generated, source, text=["smile"])
    said.total.backward()
    assert generated.grad is not None
    assert float(generated.grad.abs().max()) > 0
    assert source.grad is None
    assert all(parameter.grad is None for parameter in supervision.parameters())
    assert not any(part.requires_grad for part in said.parts.values())


def test_a_step_down_the_gradient_follows_the_prompt_better(supervision):
    generated = faces([0.3, 0.3, 0.3]).requires_grad_()
    said = supervision(generated, faces([0.0, 0.0, 0.0]), text=["smile"])
    (slope,) = torch.autograd.grad(said.total, generated)
    better = generated.detach() - 0.05 * slope / slope.abs().max()
    assert float(supervision(better, better, text=["smile"]).total) < float(said.total.detach())


def test_a_clip_is_judged_by_its_mean(supervision):
    ideal = supervision.coefficients(["smile"])[0]
    away = torch.tensor([0.2, -0.1, 0.1])
    swaying = torch.cat(
        [faces((ideal + away).tolist(), frames=1), faces((ideal - away).tolist(), frames=1)], 1
    )
    still = faces(ideal.tolist())
    said, wanted = (float(supervision(clip, clip, text=["smile"]).total) for clip in (swaying, still))
    assert said == pytest.approx(wanted, abs=1e-5)


def test_it_stays_frozen_in_a_model_in_training(supervision):
    model = nn.ModuleList([supervision]).train()
    assert not any(module.training for module in supervision.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    before = {name: value.clone() for name, value in supervision.coder.state_dict().items()}
    supervision(faces([0.3, 0.1, 0.2]), faces([0.3, 0.1, 0.2]), text=["smile"])
    assert all(torch.equal(value, before[name]) for name, value in supervision.coder.state_dict().items())


def test_it_is_a_supervision_and_says_what_it_lacks(supervision):
    assert isinstance(supervision, Supervision)
    clip = faces([0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="expclip needs text"):
        supervision(clip, clip)
    with pytest.raises(ValueError, match="2 captions for 1 clips"):
        supervision(clip, clip, text=["smile", "frown"])


def test_a_state_of_something_else_is_refused(state):
    with pytest.raises(ValueError, match="not the state of an expression coder"):
        restored({"weight": torch.zeros(2)})
    with pytest.raises(ValueError, match="not the state of an expression coder"):
        restored({**state, "more": torch.zeros(1)})
    sizes = Sizes(5, 7, 8, 16)
    assert restored(ExpressionCoder(sizes).state_dict()).sizes == sizes


def test_action_units_are_the_columns_behind_the_classes():
    class Columns(nn.Module):
        def forward(self, faces):
            assert faces.shape[-2:] == (64, 64)
            return torch.arange(23.0).expand(len(faces), -1)

    read = ActionUnits(Columns())
    assert read(torch.zeros(2, 3, 32, 32)).tolist() == [list(range(7, 23))] * 2

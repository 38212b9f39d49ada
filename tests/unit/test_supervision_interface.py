"""What every supervision must keep: the shapes it takes, who gets a gradient, and what stays frozen."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from spfem_baselines.supervision import ASCCL, EMOTIONS, STCCL, Supervision
from spfem_baselines.supervision.interface import Frozen, require_given, views
from spfem_baselines.supervision.stccl import Options
from tests.support.pyramids import TinyPyramid, clips

MAKERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "asccl": ASCCL,
    "asccl as released": lambda pyramid: ASCCL(pyramid, as_released=True),
    "stccl vd": STCCL,
    "stccl cm frobenius": lambda pyramid: STCCL(pyramid, options=Options("cm", "frobenius")),
    "stccl cm cosine": lambda pyramid: STCCL(pyramid, options=Options("cm", "cosine")),
    "stccl cm kl": lambda pyramid: STCCL(pyramid, options=Options("cm", "kl")),
    "stccl cm contrast": lambda pyramid: STCCL(pyramid, options=Options("cm", "contrast")),
}
RELEASED_STCCL = "stccl as released"


def made(name: str, pyramid: nn.Module) -> nn.Module:
    if name == RELEASED_STCCL:
        return STCCL(pyramid, options=Options(as_released=True, centres=(4, 2, 2, 1)))
    return MAKERS[name](pyramid)


every = pytest.mark.parametrize("name", [*MAKERS, RELEASED_STCCL])


@every
def test_gradient_reaches_the_generated_pictures_and_only_them(name: str) -> None:
    pyramid = TinyPyramid()
    supervision = made(name, pyramid)
    generated, source = clips(0).requires_grad_(), clips(1).requires_grad_()
    said = supervision(generated, source)
    said.total.backward()
    assert said.total.ndim == 0
    assert torch.isfinite(generated.grad).all()
    assert (generated.grad.flatten(2).abs().sum(-1) > 0).all()  # every frame is told something
    assert source.grad is None
    assert all(p.grad is None for p in pyramid.parameters())
    assert not any(part.requires_grad for part in said.parts.values())


@every
def test_is_a_supervision_that_needs_nothing_else(name: str) -> None:
    supervision = made(name, TinyPyramid())
    assert isinstance(supervision, Supervision)
    assert supervision.needs == frozenset()


@every
def test_stays_frozen_and_in_eval_mode_inside_a_model_in_training(name: str) -> None:
    supervision = made(name, TinyPyramid())
    model = nn.Sequential(nn.Linear(1, 1), supervision)
    model.train()
    before = copy.deepcopy(supervision.state_dict())
    supervision(clips(0), clips(1))
    assert model.training
    assert not any(m.training for m in supervision.modules())
    assert not any(p.requires_grad for p in supervision.parameters())
    after = supervision.state_dict()
    assert all(torch.equal(after[k], before[k]) for k in before)  # running statistics too


@every
def test_same_seed_same_bits(name: str) -> None:
    """Two steps of a picture by gradient descent, twice over: equal to the last bit on one processor."""

    def steps() -> torch.Tensor:
        supervision = made(name, TinyPyramid())
        generated = clips(0)
        for _ in range(2):
            generated = generated.detach().requires_grad_()
            supervision(generated, clips(1)).total.backward()
            generated = generated - 0.1 * generated.grad
        return generated.detach()

    assert torch.equal(steps(), steps())


@every
def test_places_are_drawn_anew_and_can_be_resumed(name: str) -> None:
    supervision = made(name, TinyPyramid())
    state = supervision.generator.get_state()
    first = supervision(clips(0), clips(1)).total
    second = supervision(clips(0), clips(1)).total
    supervision.generator.set_state(state)
    assert torch.equal(supervision(clips(0), clips(1)).total, first)
    assert not torch.equal(first, second)


@every
def test_leaves_torchs_own_generator_alone(name: str) -> None:
    before = torch.get_rng_state()
    made(name, TinyPyramid())(clips(0), clips(1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", MAKERS)
def test_smallest_at_the_source_itself(name: str) -> None:
    """Against noise, against the frames of another clip, and against flat grey; over four draws of places."""
    source = clips(1)
    noise = 0.5 * torch.randn(source.shape, generator=torch.Generator().manual_seed(3))
    supervision = made(name, TinyPyramid())

    def mean_loss(generated: torch.Tensor) -> float:
        supervision.generator.manual_seed(7)
        return sum(supervision(generated, source).total.item() for _ in range(4)) / 4

    ideal = mean_loss(source)
    for worse in (source + noise, clips(2), torch.zeros_like(source)):
        assert mean_loss(worse) > ideal + 1e-3  # rounding is 1e-6 of sums near 1


def test_a_supervision_improves_pictures_given_to_it() -> None:
    """Three lines in anybody's loop: descending the loss makes the generated clip agree with its source."""
    supervision = ASCCL(TinyPyramid(), seed=1)
    source = clips(1)
    generated = nn.Parameter(clips(2))
    optimiser = torch.optim.Adam([generated], lr=0.05)
    before = supervision.similarities(generated, source)["spatial"].same_before
    for _ in range(15):
        optimiser.zero_grad()
        supervision(generated, source).total.backward()
        optimiser.step()
    assert supervision.similarities(generated, source)["spatial"].same_before > before + 0.2


@every
def test_half_precision_ends_at_the_pyramid(name: str) -> None:
    """Cosines over 0.07 want more than bfloat16's eight bits: relations are compared in float32."""
    supervision = made(name, TinyPyramid())
    generated = clips(0).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        said = supervision(generated, clips(1))
    said.total.backward()
    assert said.total.dtype == torch.float32
    assert torch.isfinite(generated.grad).all()


@every
def test_views_of_other_shapes_are_refused(name: str) -> None:
    supervision = made(name, TinyPyramid())
    with pytest.raises(ValueError, match="must have one shape"):
        supervision(clips(0), clips(1)[:, :1])


def test_frames_without_time_are_taken_by_spatial_losses_alone() -> None:
    generated, source = clips(0).flatten(0, 1), clips(1).flatten(0, 1)
    assert ASCCL(TinyPyramid())(generated, source).total > 0
    with pytest.raises(ValueError, match="two or more"):
        STCCL(TinyPyramid())(generated, source)


def test_views_cut_the_source_off_and_refuse_what_is_not_a_picture() -> None:
    generated, source = clips(0).requires_grad_(), clips(1).requires_grad_()
    q, k = views(generated, source)
    assert q.shape == (6, 3, 16, 16)
    assert torch.equal(q[4], generated[1, 1])
    assert q.requires_grad
    assert not k.requires_grad
    with pytest.raises(ValueError, match="pictures are"):
        views(torch.zeros(2, 4, 8, 8), torch.zeros(2, 4, 8, 8))


def test_what_is_missing_is_named() -> None:
    needs = frozenset({"audio", "emotion"})
    require_given("ccrl", needs, audio=torch.zeros(1), emotion=torch.zeros(1))
    with pytest.raises(ValueError, match="ccrl needs audio beside"):
        require_given("ccrl", needs, emotion=torch.zeros(1))


def test_a_frozen_module_has_no_way_into_training_mode() -> None:
    class Net(Frozen):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
            self.freeze()

    net = Net()
    assert not net.train().training
    assert not net.inner[1].training
    assert not any(p.requires_grad for p in net.parameters())


def test_emotions_are_the_seven_of_the_field_in_their_order() -> None:
    assert EMOTIONS == ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")

"""CCRL against its formulas: attention, content map, triplet, plug-in loss, and the loss as released."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from spfem_baselines.supervision import PairBatch, Supervised, Supervision, ccrl
from spfem_baselines.supervision.ccrl import CCRL, SEEN, Contrast, agreement_loss, cosines, triplet
from spfem_baselines.supervision.content import ContentNet
from tests.support.pyramids import TinyPyramid, clips


def sounds(seed: int, batch: int = 2, frames: int = 3) -> torch.Tensor:
    return torch.randn(batch, frames, 4, 5, generator=torch.Generator().manual_seed(seed))


def pair(seed: int) -> PairBatch:
    return PairBatch(
        clips(seed),
        0.8 * clips(seed).flip(2),
        audio_neutral=sounds(seed),
        audio_emotional=sounds(seed + 200),
        other=clips(seed + 100),
        audio_other=sounds(seed + 100),
    )


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return ccrl.pretrain([pair(0)], TinyPyramid().eval(), rate=1e-3)


def test_the_attention_is_the_softmax_of_queries_of_sound_and_keys_of_the_picture() -> None:
    torch.manual_seed(0)
    network = ContentNet(channels=6, places=12, sound=20)
    features, sound = torch.randn(2, 6, 3, 4), torch.randn(2, 4, 5)
    heard = network.listen(network.prior(sound.flatten(1))[:, None])
    repeated = network.place(heard).expand(-1, 6, -1)  # the map of the sound in each of the 6 channels
    query, key = network.query(repeated), network.key(network.look(features).flatten(2))
    where = (query.transpose(1, 2) @ key / math.sqrt(12)).softmax(dim=-1)
    torch.testing.assert_close(network.attention(features, sound), where)
    value = network.value(features.flatten(2))
    expected = (value @ where.transpose(1, 2)).view(2, 6, 3, 4)
    torch.testing.assert_close(network(features, sound), expected)


def test_each_place_gathers_with_weights_that_sum_to_one_and_depend_on_the_sound() -> None:
    torch.manual_seed(0)
    network = ContentNet(channels=6, places=12, sound=20)
    features = torch.randn(1, 6, 3, 4)
    one, two = (network.attention(features, torch.randn(1, 4, 5)) for _ in range(2))
    torch.testing.assert_close(one.sum(dim=-1), torch.ones(1, 12))
    assert (one - two).abs().max() > 1e-6


@pytest.mark.parametrize("seed", range(8))
def test_an_untrained_network_hears(seed: int) -> None:
    torch.manual_seed(seed)
    network = ContentNet(channels=6, places=12, sound=640)
    heard = network.listen(network.prior(torch.randn(8, 640))[:, None])
    # A rectifier that is shut for all sounds has no gradient, and would stay shut whatever is learnt.
    assert float((heard > 0).float().mean()) > 0.5


def test_the_loudness_of_a_frame_changes_nothing() -> None:
    torch.manual_seed(0)
    network = ContentNet(channels=6, places=12, sound=20)
    features, sound = torch.randn(1, 6, 3, 4), torch.randn(1, 4, 5)
    # LayerNorm adds 1e-5 to a variance of about 1, so the two differ by about that.
    louder = network(features, 3 * sound + 2)
    torch.testing.assert_close(louder, network(features, sound), rtol=1e-3, atol=1e-4)


def test_the_agreement_loss_is_minus_the_logarithm_of_the_cosine() -> None:
    cosine = torch.tensor([1.0, 0.5, 0.25])
    for as_released in (False, True):
        expected = torch.tensor((math.log(2) + math.log(4)) / 3)
        torch.testing.assert_close(agreement_loss(cosine, as_released=as_released), expected)


def test_a_lost_content_costs_a_hundred_as_released_and_teaches_nothing() -> None:
    cosine = torch.tensor([-0.5], requires_grad=True)
    loss = agreement_loss(cosine, as_released=True)
    loss.backward()
    assert float(loss.detach()) == 100
    assert float(cosine.grad) == 0


def test_a_lost_content_teaches_the_way_back_by_default() -> None:
    cosine = torch.tensor([-0.5], requires_grad=True)
    loss = agreement_loss(cosine)
    loss.backward()
    # The tangent of -log at 0.05: value log 20, slope -20.
    assert float(loss.detach()) == pytest.approx(math.log(20) + 20 * 0.55, rel=1e-5)
    assert float(cosine.grad) == pytest.approx(-20)


def test_the_loss_falls_with_the_cosine_without_a_step_at_the_floor() -> None:
    grid = torch.linspace(-1, 1, 401)
    values = torch.stack([agreement_loss(one[None]) for one in grid])
    falls = values[:-1] - values[1:]
    assert (falls > 0).all()
    assert float(falls.max()) <= 20 * 0.005 * 1.01  # slope at most 20, grid of 0.005, and float32's rounding


def test_the_triplet_by_hand() -> None:
    anchor = torch.tensor([[1.0, 0.0]]).view(1, 2, 1, 1)
    same = torch.tensor([[3.0, 4.0]]).view(1, 2, 1, 1)  # cosine 0.6
    other = torch.tensor([[4.0, -3.0]]).view(1, 2, 1, 1)  # cosine 0.8
    said = triplet(anchor, same, other)
    assert float(said.total) == pytest.approx(1 - 0.6 + 0.8)
    assert {name: pytest.approx(float(part)) for name, part in said.parts.items()} == {
        "same": 0.6,
        "other": 0.8,
    }


def test_negative_cosines_count_as_none_in_the_triplet() -> None:
    anchor = torch.ones(1, 2, 1, 1)
    assert float(triplet(anchor, anchor, -anchor).total) == pytest.approx(0, abs=1e-6)
    assert float(triplet(anchor, -anchor, anchor).total) == pytest.approx(2, abs=1e-6)


def test_the_sound_of_the_neutral_frame_guides_both_of_its_pair(state: dict[str, torch.Tensor]) -> None:
    pyramid, network, batch = TinyPyramid().eval(), ContentNet.of_state(state), pair(3)
    maps = [
        network(pyramid(clip.flatten(0, 1))[2], sound.flatten(0, 1))
        for clip, sound in (
            (batch.neutral, batch.audio_neutral),
            (batch.emotional, batch.audio_neutral),
            (batch.other, batch.audio_other),
        )
    ]
    said = ccrl.pretraining_loss(network, pyramid, batch)
    torch.testing.assert_close(said.total, triplet(*maps).total)


def test_the_sound_of_an_anchor_guides_its_whole_triplet_where_words_must_be_seen(
    state: dict[str, torch.Tensor],
) -> None:
    pyramid, network, batch = TinyPyramid().eval(), ContentNet.of_state(state), pair(3)

    def held(anchor: torch.Tensor, same: torch.Tensor, sound: torch.Tensor) -> Supervised:
        pictures = [pyramid(clip.flatten(0, 1))[2] for clip in (anchor, same, batch.other)]
        return triplet(*(network(each, sound.flatten(0, 1)) for each in pictures))

    there = held(batch.neutral, batch.emotional, batch.audio_neutral)
    back = held(batch.emotional, batch.neutral, batch.audio_emotional)
    one_way = ccrl.pretraining_loss(network, pyramid, batch, Contrast("anchor"))
    both = ccrl.pretraining_loss(network, pyramid, batch, SEEN)
    torch.testing.assert_close(one_way.total, there.total)
    torch.testing.assert_close(both.total, (there.total + back.total) / 2)
    expected = {**there.parts, "same/emotional": back.parts["same"], "other/emotional": back.parts["other"]}
    torch.testing.assert_close(dict(both.parts), expected)


def test_sound_alone_fulfils_the_released_contrast_and_not_ours() -> None:
    speechless = replace(pair(0), other=pair(0).emotional)  # the frame of other words shows the same mouth
    last = {}
    for contrast in (ccrl.RELEASED, SEEN):
        said: list[float] = []
        ccrl.pretrain(
            [speechless] * 60,
            TinyPyramid().eval(),
            contrast=contrast,
            rate=3e-3,
            watch=lambda step, one, said=said: said.append(float(one.total.detach())),
        )
        last[contrast] = said[-1]
    assert last[ccrl.RELEASED] < 0.5
    # From the neutral frame both cosines are of the same maps; the emotional one lies nearest itself.
    assert last[SEEN] >= 1 - 1e-6


@pytest.mark.parametrize("as_released", [False, True])
def test_the_loss_is_that_of_the_content_maps_of_both_clips(
    state: dict[str, torch.Tensor], as_released: bool
) -> None:
    pyramid, network = TinyPyramid().eval(), ContentNet.of_state(state)
    made, given, sound = clips(1), clips(2), sounds(3)
    scale = math.sqrt(16) if as_released else math.sqrt(8 * 8)  # channels, or places, of the third map
    maps = [network(pyramid(c.flatten(0, 1))[2], sound.flatten(0, 1), scale) for c in (made, given)]
    expected = agreement_loss(cosines(*maps), as_released=as_released)
    said = CCRL(pyramid, state, as_released=as_released)(made, given, audio=sound)
    torch.testing.assert_close(said.total, expected)
    torch.testing.assert_close(said.parts["content/cosine"], cosines(*maps).mean())


def test_the_released_scale_is_another_number(state: dict[str, torch.Tensor]) -> None:
    pyramid = TinyPyramid().eval()
    said = [
        CCRL(pyramid, state, as_released=how)(clips(1), clips(2), audio=sounds(3)).parts["content/cosine"]
        for how in (False, True)
    ]
    assert float(said[0]) != float(said[1])


def test_it_is_a_supervision_with_gradient_to_the_generated_alone(state: dict[str, torch.Tensor]) -> None:
    loss = CCRL(TinyPyramid(), state).train()
    made, given, sound = (each.requires_grad_() for each in (clips(1), clips(2), sounds(3)))
    loss(made, given, audio=sound).total.backward()
    assert isinstance(loss, Supervision)
    assert made.grad is not None
    assert float(made.grad.abs().sum()) > 0
    assert given.grad is None
    assert sound.grad is None
    assert all(not p.requires_grad and p.grad is None for p in loss.parameters())
    assert not any(module.training for module in loss.modules())


def test_nothing_is_better_than_the_source_itself(state: dict[str, torch.Tensor]) -> None:
    loss, given, sound = CCRL(TinyPyramid(), state), clips(2), sounds(3)
    ideal = float(loss(given, given, audio=sound).total)
    # A cosine of 16 x 64 products in float32 is 1 to within 1024 roundings of 6e-8 at the very most.
    assert 0 <= ideal < 1e-4
    assert all(float(loss(clips(seed), given, audio=sound).total) > ideal for seed in range(5, 9))


def test_pre_training_is_reproducible_and_lowers_the_loss() -> None:
    told: list[list[float]] = []
    states = []
    for _ in range(2):
        said: list[float] = []
        states.append(
            ccrl.pretrain(
                [pair(0)] * 12,
                TinyPyramid().eval(),
                rate=1e-3,
                watch=lambda step, one, said=said: said.append(float(one.total.detach())),
            )
        )
        told.append(said)
    assert told[0] == told[1]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert told[0][-1] < 0.9 * told[0][0]


def test_pre_training_leaves_the_pyramid_alone() -> None:
    pyramid = TinyPyramid().eval()
    before = {name: tensor.clone() for name, tensor in pyramid.state_dict().items()}
    ccrl.pretrain([pair(0)], pyramid)
    assert all(torch.equal(before[name], tensor) for name, tensor in pyramid.state_dict().items())


def test_what_is_missing_or_does_not_fit_is_named(state: dict[str, torch.Tensor]) -> None:
    loss = CCRL(TinyPyramid(), state)
    with pytest.raises(ValueError, match="ccrl needs audio"):
        loss(clips(1), clips(2))
    with pytest.raises(ValueError, match=r"sound must be \(2, 3\) times"):
        loss(clips(1), clips(2), audio=sounds(0, frames=4))
    with pytest.raises(ValueError, match="sounds of 20 numbers, not 12"):
        loss(clips(1), clips(2), audio=torch.zeros(2, 3, 4, 3))
    with pytest.raises(ValueError, match="maps of 64 places, not 256"):
        loss(clips(1, side=32), clips(2, side=32), audio=sounds(0))
    with pytest.raises(ValueError, match="no pairs to learn from"):
        ccrl.pretrain([], TinyPyramid())
    with pytest.raises(ValueError, match="no `other`"):
        ccrl.pretrain([replace(pair(0), other=None)], TinyPyramid())
    with pytest.raises(ValueError, match="not a state of CCRL"):
        CCRL(TinyPyramid(), {"priors": torch.zeros(7, 3)})


def test_single_frames_have_single_sounds(state: dict[str, torch.Tensor]) -> None:
    loss = CCRL(TinyPyramid(), state)
    frames = loss(clips(1)[:, 0], clips(2)[:, 0], audio=sounds(3)[:, 0])
    clip = loss(clips(1)[:, :1], clips(2)[:, :1], audio=sounds(3)[:, :1])
    torch.testing.assert_close(frames.total, clip.total)

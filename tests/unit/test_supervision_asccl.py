"""ASCCL against its formulas: places, disparities, InfoNCE, the weight, as described and as released."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spfem_baselines.supervision import ASCCL, asccl
from spfem_baselines.supervision.contrast import agreement, disparity_weight, info_nce, unit
from spfem_baselines.supervision.locations import NEIGHBOURS, around, central_span, draw_centres, features_at
from spfem_baselines.supervision.relations import spatial_disparities
from tests.support.pyramids import TinyPyramid, aligned_pairs, clips

CENTRES = (4, 3, 2, 2)


@pytest.mark.parametrize(
    ("side", "inside", "released"),
    [  # int(side // 2 + 0.45 side) in the middle: 106 of 112, 53 of 56, 26 of 28, 13 of 14, 15 of 16
        (112, (3, 109), (3, 109)),
        (56, (1, 54), (1, 54)),
        (28, (1, 27), (1, 27)),
        (14, (1, 13), (0, 13)),
        (16, (1, 15), (0, 15)),
        (4, (1, 3), (0, 3)),
    ],
)
def test_centres_come_from_the_middle_of_the_map(
    side: int, inside: tuple[int, int], released: tuple[int, int]
) -> None:
    assert central_span(side) == inside
    assert central_span(side, wrap=True) == released


@given(st.integers(4, 40), st.integers(4, 40), st.integers(0, 2**31))
def test_centres_are_distinct_and_all_their_neighbours_lie_inside(height: int, width: int, seed: int) -> None:
    drawn = draw_centres(height, width, 4, torch.Generator().manual_seed(seed))
    assert len({tuple(place) for place in drawn.tolist()}) == 4
    assert drawn.min() >= 1
    assert drawn[:, 0].max() <= height - 2
    assert drawn[:, 1].max() <= width - 2


def test_every_place_of_the_middle_is_drawn() -> None:
    drawn = draw_centres(4, 6, 8, torch.Generator().manual_seed(0))
    assert sorted(map(tuple, drawn.tolist())) == [(r, c) for r in (1, 2) for c in (1, 2, 3, 4)]


def test_a_map_too_small_for_its_centres_is_refused() -> None:
    with pytest.raises(ValueError, match="a map of 3x4 has 2 places"):
        draw_centres(3, 4, 3, torch.Generator())


def test_neighbours_outside_the_map_come_in_at_the_opposite_edge() -> None:
    places = around(torch.tensor([[0, 0]]), 3, 4)[0].tolist()
    assert places[:3] == [2 * 4 + 3, 2 * 4 + 0, 2 * 4 + 1]  # the row above the first is the last
    assert places[3:] == [3, 1, 4 + 3, 4 + 0, 4 + 1]


def test_disparities_of_a_ramp_are_its_steps() -> None:
    """F = 10 row + column in one channel and twice that in another: F(p) - F(p + o) = -(10 dr + dc)."""
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(5.0), indexing="ij")
    ramp = 10 * rows + columns
    found = spatial_disparities(torch.stack((ramp, 2 * ramp))[None], torch.tensor([[2, 3], [4, 1]]))
    steps = torch.tensor([-(10.0 * r + c) for r, c in NEIGHBOURS])
    assert torch.equal(found, torch.stack((steps, 2 * steps), dim=1).repeat(2, 1)[None])


def test_features_are_those_at_the_place() -> None:
    maps = torch.arange(2 * 3 * 4 * 5.0).view(2, 3, 4, 5)
    assert torch.equal(features_at(maps, torch.tensor([7]))[:, 0], maps[:, :, 1, 2])


def test_info_nce_by_hand() -> None:
    """Two places with orthogonal keys, one found and one mistaken for the other."""
    key = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    query = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    right, wrong = math.log1p(math.exp(-1 / 0.07)), math.log1p(math.exp(1 / 0.07))
    assert info_nce(query, key)[0].tolist() == pytest.approx([right, wrong], rel=1e-6, abs=1e-6)


def test_info_nce_of_places_that_all_look_alike_is_the_logarithm_of_their_number() -> None:
    same = torch.ones(2, 5, 3) / math.sqrt(3)
    assert torch.allclose(info_nce(same, same), torch.full((2, 5), math.log(5)))


def test_weight_is_one_below_the_threshold_and_two_t_squared_above() -> None:
    """t = 0.8 at |d| = log 4 = 1.386."""
    below, above = math.log(4) - 1e-3, math.log(4) + 1e-3
    found = disparity_weight(torch.tensor([0.0, below, above, -above, 3.0, 100.0]))
    expected = [1, 1, 2 * 0.8**2, 2 * 0.8**2, 2 * (1 / (1 + math.exp(-3))) ** 2, 2]
    # the weight's slope at the threshold, 4 t t (1 - t) = 0.512, moves it by 5e-4 over the 1e-3 beside it
    assert found.tolist() == pytest.approx(expected, abs=6e-4)


def test_a_zero_vector_stays_zero_and_breaks_no_gradient() -> None:
    vectors = torch.zeros(2, 3, requires_grad=True)
    unit(vectors).sum().backward()
    assert torch.equal(unit(vectors), torch.zeros(2, 3))
    assert torch.isfinite(vectors.grad).all()


def test_agreement_by_hand() -> None:
    """Key rows are the query's swapped: corresponding 0, others 1; lengths do not matter."""
    query = torch.tensor([[[2.0, 0.0], [0.0, 3.0]]])
    same, other = agreement(query, query.flip(1))
    assert (same.item(), other.item()) == pytest.approx((0, 1), abs=1e-6)


def by_the_loop(
    supervision: ASCCL, generated: torch.Tensor, source: torch.Tensor, *, as_released: bool
) -> torch.Tensor:
    """The loss place by place, as the descriptions write it, without the module's own vectorised steps."""
    coherence, draw = supervision.coherence, torch.Generator().manual_seed(0)
    heads = coherence.relations["spatial"].heads
    total = torch.zeros(())
    for level, (q, k) in enumerate(zip(coherence.pyramid(generated), coherence.pyramid(source), strict=True)):
        side = q.shape[-1]
        centres = draw_centres(side, side, CENTRES[level], draw, wrap=as_released).tolist()
        pairs = [((r, c), (r + a, c + b)) for r, c in centres for a, b in NEIGHBOURS]
        for b in range(len(q)):
            dq = [q[b, :, r, c] - q[b, :, y % side, x % side] for (r, c), (y, x) in pairs]
            dk = [k[b, :, r, c] - k[b, :, y % side, x % side] for (r, c), (y, x) in pairs]
            u = [torch.nn.functional.normalize(heads[level](d), dim=0) for d in dq]
            v = [torch.nn.functional.normalize(heads[level](d), dim=0).detach() for d in dk]
            entropy, weight = [], []
            for i in range(len(pairs)):
                logits = torch.stack([u[i] @ other / 0.07 for other in v])
                entropy.append(torch.logsumexp(logits, 0) - logits[i])
                t = torch.sigmoid(dq[i].abs())
                weight.append(torch.where(t > 0.8, 2 * t * t, torch.ones_like(t)).mean())
            entropies, weights = torch.stack(entropy), torch.stack(weight)
            if as_released:  # one weight for the map: its mean over the batch is taken outside, alike here
                total = total + 0.3 * weights.mean() * entropies.mean() / len(q)
            else:
                total = total + (weights.detach() * entropies).mean() / len(q)
    return total


@pytest.mark.parametrize("as_released", [False, True])
@pytest.mark.parametrize("with_heads", [False, True])
def test_the_vectorised_loss_and_its_gradient_are_those_of_the_loop(
    as_released: bool, with_heads: bool
) -> None:
    """One picture, so that a map's mean weight is that of the picture; features scaled past the threshold.

    Float32 cosines carry a few 1e-7 and are divided by 0.07, so entropies agree to some 1e-5.
    """
    pyramid = TinyPyramid()
    with torch.no_grad():
        pyramid.first.weight *= 8
    heads = asccl.learner(TinyPyramid(), centres=CENTRES, seed=1).learnt() if with_heads else None
    supervision = ASCCL(pyramid, heads, as_released=as_released, centres=CENTRES, seed=0)
    generated, source = clips(0, 1, 1)[0], clips(1, 1, 1)[0]
    vectorised, looped = generated.clone().requires_grad_(), generated.clone().requires_grad_()
    said = supervision(vectorised, source)
    expected = by_the_loop(supervision, looped, source, as_released=as_released)
    said.total.backward()
    expected.backward()
    assert said.parts["spatial/weight"] > 1.01
    assert said.total.item() == pytest.approx(expected.item(), rel=1e-4)
    assert torch.allclose(vectorised.grad, looped.grad, atol=1e-4 * float(looped.grad.abs().max()))


def test_parts_add_up_to_the_total() -> None:
    said = ASCCL(TinyPyramid())(clips(0), clips(1))
    maps = [said.parts[f"spatial/{i}"] for i in range(1, 5)]
    assert said.total.item() == pytest.approx(torch.stack(maps).sum().item(), rel=1e-6)
    assert said.parts["spatial"].item() == pytest.approx(said.total.item(), rel=1e-6)


def test_metric_learning_brings_corresponding_places_together() -> None:
    """Exchanged colours turn raw differences about; learnt heads see through it on unseen clips."""
    losses: list[float] = []
    heads = asccl.pretrain(
        aligned_pairs(10, 60),
        TinyPyramid(),
        rate=3e-3,
        watch=lambda _, said: losses.append(said.total.item()),
    )
    (held,) = aligned_pairs(99, 1)
    learnt = ASCCL(TinyPyramid(), heads).similarities(held.neutral, held.emotional)["spatial"]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    assert learnt.same_after - learnt.other_after > learnt.same_before - learnt.other_before + 0.1


def test_metric_learning_is_reproducible_and_leaves_a_frozen_pyramid_as_it_was() -> None:
    pyramid = TinyPyramid()
    before = {k: v.clone() for k, v in pyramid.state_dict().items()}
    first, second = (
        asccl.pretrain(aligned_pairs(10, 3), pyramid),
        asccl.pretrain(aligned_pairs(10, 3), TinyPyramid()),
    )
    other = asccl.pretrain(aligned_pairs(10, 3), TinyPyramid(), seed=1)
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert not any(torch.equal(first[k], other[k]) for k in first)
    assert all(k.startswith("relations.spatial.heads.") for k in first)
    assert all(torch.equal(v, before[k]) for k, v in pyramid.state_dict().items())


def test_a_trained_pyramid_travels_in_the_state() -> None:
    """As released, all parameters learn: the supervision made of the state is that of the trained pyramid."""
    trained = TinyPyramid()
    state = asccl.pretrain(aligned_pairs(10, 2), trained, as_released=True, train_pyramid=True)
    assert not torch.equal(state["pyramid.first.weight"], TinyPyramid().first.weight)
    assert not torch.equal(state["pyramid.second.0.running_mean"], TinyPyramid().second[0].running_mean)
    fresh = ASCCL(TinyPyramid(), state)(clips(0), clips(1)).total
    assert torch.equal(fresh, ASCCL(trained, state)(clips(0), clips(1)).total)


def test_heads_of_another_pyramid_are_refused() -> None:
    heads = asccl.learner(TinyPyramid()).learnt()
    heads["relations.spatial.heads.3.0.weight"] = torch.zeros(5, 5)
    with pytest.raises(ValueError, match="1 tensors of this state do not fit"):
        ASCCL(TinyPyramid(), heads)
    del heads["relations.spatial.heads.3.0.weight"]
    with pytest.raises(ValueError, match=r"first: relations\.spatial\.heads\.3\.0\.weight"):
        ASCCL(TinyPyramid(), heads)


def test_centres_must_be_as_many_as_maps() -> None:
    with pytest.raises(ValueError, match="4 maps, but centres names 2"):
        ASCCL(TinyPyramid(), centres=(3, 2))

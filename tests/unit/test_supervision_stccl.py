"""STCCL against its formulas: differences over time, correlation matrices, the repository's loss."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spfem_baselines.supervision import ASCCL, STCCL, asccl, stccl
from spfem_baselines.supervision.locations import draw_centres, draw_cycle
from spfem_baselines.supervision.matrices import (
    DISTANCES,
    correlations,
    cosine,
    frobenius,
    kl,
    patches,
    tracks,
)
from spfem_baselines.supervision.relations import temporal_disparities
from spfem_baselines.supervision.released import TEMPORAL_FACTOR, ReleasedTemporal
from spfem_baselines.supervision.stccl import Options
from tests.support.pyramids import TinyPyramid, aligned_pairs, clips

CENTRES = (4, 3, 2, 2)


@given(st.integers(2, 30), st.integers(0, 2**31))
def test_a_shuffled_order_has_every_frame_once_and_none_in_its_place(count: int, seed: int) -> None:
    order = draw_cycle(count, torch.Generator().manual_seed(seed))
    assert sorted(order.tolist()) == list(range(count))
    assert (order != torch.arange(count)).all()


def test_one_frame_has_no_order() -> None:
    with pytest.raises(ValueError, match="two or more"):
        draw_cycle(1, torch.Generator())


def test_disparities_over_time_are_frames_less_shuffled_frames() -> None:
    """F = t^2 at the one place and 10 + t at the other, frames in the order 2, 0, 1."""
    maps = torch.zeros(1, 3, 1, 2, 2)
    maps[0, :, 0, 0, 1] = torch.tensor([0.0, 1.0, 4.0])
    maps[0, :, 0, 1, 0] = torch.tensor([10.0, 11.0, 12.0])
    places, order = torch.tensor([[0, 1], [1, 0]]), torch.tensor([2, 0, 1])
    found = temporal_disparities(maps, places, order)
    assert found[0, :, 0].tolist() == [0 - 4, 10 - 12, 1 - 0, 11 - 10, 4 - 1, 12 - 11]


def temporal_by_the_loop(supervision: STCCL, generated: torch.Tensor, source: torch.Tensor) -> float:
    """The temporal part of one clip, relation by relation."""
    pyramid = supervision.coherence.pyramid
    draw = torch.Generator().manual_seed(0)
    maps_q, maps_k = pyramid(generated[0]), pyramid(source[0])
    for count, q in zip(CENTRES, maps_q, strict=True):  # the spatial part draws first
        draw_centres(q.shape[-2], q.shape[-1], count, draw)
    order = draw_cycle(generated.shape[1], draw).tolist()
    total = 0.0
    for count, q, k in zip(CENTRES, maps_q, maps_k, strict=True):
        centres = draw_centres(q.shape[-2], q.shape[-1], count, draw).tolist()
        index = [(t, r, c) for t in range(len(order)) for r, c in centres]
        dq = [q[t, :, r, c] - q[order[t], :, r, c] for t, r, c in index]
        dk = [k[t, :, r, c] - k[order[t], :, r, c] for t, r, c in index]
        losses = []
        for i, d in enumerate(dq):
            logits = torch.stack([torch.cosine_similarity(d, other, dim=0) / 0.07 for other in dk])
            t = torch.sigmoid(d.abs())
            weight = torch.where(t > 0.8, 2 * t * t, torch.ones_like(t)).mean()
            losses.append(weight * (torch.logsumexp(logits, 0) - logits[i]))
        total += torch.stack(losses).mean().item()
    return total


def test_the_vectorised_temporal_part_is_that_of_the_loop() -> None:
    """Float32 cosines carry a few 1e-7 and are divided by 0.07, so entropies agree to some 1e-5."""
    supervision = STCCL(TinyPyramid(), options=Options(centres=CENTRES), seed=0)
    generated, source = clips(0, batch=1), clips(1, batch=1)
    with torch.no_grad():
        found = supervision(generated, source).parts["temporal"].item()
    assert found == pytest.approx(temporal_by_the_loop(supervision, generated, source), rel=1e-4)


def test_the_spatial_part_is_asccl_of_every_frame() -> None:
    """The same seed draws the same places, and the spatial part draws first."""
    spatial = STCCL(TinyPyramid(), seed=5)(clips(0), clips(1)).parts["spatial"]
    assert torch.equal(spatial, ASCCL(TinyPyramid(), seed=5)(clips(0), clips(1)).total)


def test_the_temporal_weight_scales_the_temporal_part_alone() -> None:
    once = STCCL(TinyPyramid())(clips(0), clips(1))
    thrice = STCCL(TinyPyramid(), options=Options(temporal_weight=3))(clips(0), clips(1))
    assert thrice.parts["spatial"] == once.parts["spatial"]
    assert thrice.parts["temporal"].item() == pytest.approx(3 * once.parts["temporal"].item(), rel=1e-6)
    assert thrice.total.item() == pytest.approx(
        (thrice.parts["spatial"] + thrice.parts["temporal"]).item(), rel=1e-6
    )


@pytest.mark.parametrize("form", ["vd", "cm"])
def test_frames_in_another_order_are_noticed_by_the_temporal_part_alone(form: stccl.Form) -> None:
    """A clip against itself reversed in time."""
    source = clips(1, batch=1, frames=5)
    supervision = STCCL(TinyPyramid(), options=Options(form))

    def temporal(generated: torch.Tensor) -> float:
        supervision.generator.manual_seed(0)
        return supervision(generated, source).parts["temporal"].item()

    assert temporal(source) < temporal(source.flip(1)) - 1e-3


def test_correlations_by_hand() -> None:
    """Vectors along x, along y and between: cosines 0 and 1 / sqrt 2, whatever their lengths."""
    half = math.sqrt(0.5)
    vectors = torch.tensor([[3.0, 0.0], [0.0, 0.5], [2.0, 2.0]])
    found = correlations(vectors, centred=False)
    assert found.flatten().tolist() == pytest.approx([0, half, 0, half, half, half], abs=1e-6)


def test_centred_correlations_by_hand() -> None:
    """About their mean, the corners of an equilateral triangle are 120 degrees apart, wherever it lies."""
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]]) + 100
    # float32 holds coordinates near 100 to 4e-6
    assert correlations(corners).flatten().tolist() == pytest.approx(6 * [-0.5], abs=1e-4)


def test_distances_of_matrices_by_hand() -> None:
    """Three vectors' correlations: three rows of two."""
    query = torch.tensor([[0.0, 0.07], [0.0, 0.0], [0.07, 0.0]])
    key = torch.zeros(3, 2)
    assert frobenius(query, key).item() == pytest.approx(2 * 0.07**2 / 6, rel=1e-6)
    # rows (0, 0.07) and (0.07, 0) over 0.07 become p = 1 / (1 + e) and 1 - p, the key's halves
    p = 1 / (1 + math.e)
    row = 0.5 * (math.log(0.5 / p) + math.log(0.5 / (1 - p)))
    assert kl(query, key).item() == pytest.approx(2 * row / 3, rel=1e-4)
    # the 1e-7 added to a length of 0.1 takes 1e-6 off a cosine, at either side
    assert cosine(query, 5 * query).item() == pytest.approx(0, abs=5e-6)
    assert cosine(query, -query).item() == pytest.approx(2, abs=5e-6)


@pytest.mark.parametrize("name", ["frobenius", "cosine", "kl"])
def test_distances_are_nought_for_equal_matrices_and_never_below(name: str) -> None:
    draw = torch.Generator().manual_seed(0)
    query, key = (correlations(torch.randn(50, 6, 5, generator=draw)) for _ in range(2))
    apart = DISTANCES[name](query, key)
    assert apart.shape == (50,)
    assert (apart > 0).all()
    assert DISTANCES[name](query, query).abs().max() < 1e-5  # rounding of float32 sums near 1


def test_patches_and_tracks_are_those_around_the_place() -> None:
    maps = torch.arange(1 * 3 * 2 * 5 * 5.0).view(1, 3, 2, 5, 5)
    places = torch.tensor([[2, 3]])
    found = patches(maps, places)
    assert found.shape == (3, 1, 9, 2)
    assert sorted(found[1, 0, :, 1].tolist()) == maps[0, 1, 1, 1:4, 2:5].flatten().tolist()
    assert torch.equal(tracks(maps, places)[0, 0], maps[0, :, :, 2, 3])


def test_correlation_matrices_do_not_see_the_scale_of_the_features() -> None:
    pyramid, louder = TinyPyramid(), TinyPyramid()
    with torch.no_grad():
        louder.fourth.weight *= 3
        louder.fourth.bias *= 3
    found, scaled = (
        STCCL(p, options=Options("cm", "cosine")).similarities(clips(0), clips(1)) for p in (pyramid, louder)
    )
    assert found["spatial/4"].same_before == pytest.approx(scaled["spatial/4"].same_before, abs=1e-5)


def test_two_frames_are_too_few_for_correlations_over_time() -> None:
    with pytest.raises(ValueError, match="need 3 frames or more, not 2"):
        STCCL(TinyPyramid(), options=Options("cm"))(clips(0, frames=2), clips(1, frames=2))


def test_released_total_is_asccl_without_its_factor_and_the_temporal_entropy_times_035() -> None:
    options = Options(as_released=True, centres=CENTRES)
    said = STCCL(TinyPyramid(), options=options, seed=3)(clips(0), clips(1))
    spatial = ASCCL(TinyPyramid(), as_released=True, centres=CENTRES, seed=3)(clips(0), clips(1)).total
    assert said.parts["spatial"].item() == pytest.approx(spatial.item() / 0.3, rel=1e-5)
    assert pytest.approx(0.35) == TEMPORAL_FACTOR
    assert said.total.item() == pytest.approx(
        (said.parts["spatial"] + said.parts["temporal"]).item(), rel=1e-6
    )


def test_released_temporal_loss_is_the_mean_entropy_over_pixels() -> None:
    term = ReleasedTemporal((4,), (2,), seed=0)
    draw = torch.Generator().manual_seed(0)
    query, key = (torch.randn(2, 3, 4, 8, 8, generator=draw) for _ in range(2))
    (found,) = term([query], [key], torch.Generator().manual_seed(1))
    u, v = found.after
    assert u.shape == (6, 16, 4)
    logits = u @ v.transpose(1, 2) / 0.07
    expected = (logits.logsumexp(-1) - logits.diagonal(dim1=1, dim2=2)).mean()
    assert found.loss.mean().item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.equal(found.weight, torch.ones(6, 16))


def test_released_temporal_term_mixes_clips_and_frames() -> None:
    """Row t of its sequences is not frame t: a frame of the second clip changes the output of the first."""
    term = ReleasedTemporal((4,), (2,), seed=0)
    maps = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    changed = maps.clone()
    changed[1, 2] += 1
    outs = [term([m], [m], torch.Generator().manual_seed(1))[0].after[0] for m in (maps, changed)]
    assert not torch.allclose(outs[0][:3], outs[1][:3])


def test_released_transformers_are_never_trained_nor_saved() -> None:
    learner = stccl.learner(TinyPyramid(), Options(as_released=True, centres=CENTRES))
    assert not any("transformer" in name for name in learner.state_dict())
    assert all(name.startswith("relations.spatial.heads.") for name in learner.learnt())


@pytest.mark.parametrize("form", ["vd", "cm"])
def test_metric_learning_finds_the_corresponding_relations_of_unseen_clips(form: stccl.Form) -> None:
    """Both parts' InfoNCE on a clip never trained on, under untrained and trained heads."""
    options = Options(form, "contrast")
    trained = stccl.pretrain(aligned_pairs(10, 40), TinyPyramid(), options, rate=3e-3)
    untrained = stccl.learner(TinyPyramid(), options).learnt()
    (held,) = aligned_pairs(99, 1)
    before, after = (
        STCCL(TinyPyramid(), heads, options)(held.neutral, held.emotional).parts
        for heads in (untrained, trained)
    )
    for name in ("spatial", "temporal"):
        assert after[name] < 0.9 * before[name], name


def test_matrices_are_learnt_under_the_contrast_whatever_their_distance() -> None:
    first, second = (
        stccl.pretrain(aligned_pairs(10, 2), TinyPyramid(), Options("cm", distance))
        for distance in ("kl", "contrast")
    )
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_a_trained_pyramid_travels_in_the_state() -> None:
    state = stccl.pretrain(aligned_pairs(10, 2), TinyPyramid(), train_pyramid=True)
    assert not torch.equal(state["pyramid.first.weight"], TinyPyramid().first.weight)
    supervision = STCCL(TinyPyramid(), state)
    assert torch.equal(supervision.coherence.pyramid.first.weight, state["pyramid.first.weight"])


def test_heads_of_asccl_lack_the_temporal_ones() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        STCCL(TinyPyramid(), asccl.learner(TinyPyramid()).learnt())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"form": "xy"}, "forms vd and cm, not 'xy'"),
        ({"form": "cm", "distance": "manhattan"}, "no distance 'manhattan'"),
        ({"form": "cm", "as_released": True}, "no code of the form cm"),
    ],
)
def test_options_that_do_not_exist_are_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Options(**options)

"""CERL against its formulas: heads, tuples, priors, plug-in loss; and the sum that CDRL is."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from spfem_baselines.supervision import EMOTIONS, Supervision, ccrl, cerl
from spfem_baselines.supervision.ccrl import CCRL
from spfem_baselines.supervision.cdrl import CDRL
from spfem_baselines.supervision.cerl import CERL, PerEmotion, Schedule, tuple_contrast
from spfem_baselines.supervision.features import FeaturePool, labels
from tests.support.encoders import Colours, coloured, coloured_pairs, random_clip
from tests.support.pyramids import TinyPyramid

SHORT = Schedule(milestones=(6,), tuples=4, steps_per_batch=4)
TARGETS = torch.tensor([4, 1])


def plain(*colours: tuple[float, float, float]) -> torch.Tensor:
    """(1, T, 3, 2, 2): frames of one colour."""
    return torch.tensor(colours)[None, :, :, None, None].expand(-1, -1, -1, 2, 2).clone()


def priors(*rows: tuple[float, float, float]) -> dict[str, torch.Tensor]:
    return {"priors": torch.tensor([*rows] + [(0.0, 0.0, 1.0)] * (7 - len(rows)))}


def test_each_emotion_has_its_own_mlp_of_two_hidden_layers() -> None:
    torch.manual_seed(0)
    heads = PerEmotion(8)
    features = torch.randn(5, 7, 8)
    found = heads(features)
    for place in range(7):
        x = features[:, place]
        for depth, (weight, bias) in enumerate(zip(heads.weights, heads.biases, strict=True)):
            x = (F.relu(x) if depth else x) @ weight[place] + bias[place]
        torch.testing.assert_close(found[:, place], F.normalize(x, dim=-1))
    assert [tuple(weight.shape) for weight in heads.weights] == [(7, 8, 4), (7, 4, 4), (7, 4, 8)]
    assert sum(p.numel() for p in PerEmotion(8, shared=True).parameters()) * 7 == sum(
        p.numel() for p in heads.parameters()
    )


def test_heads_begin_as_linear_layers_do() -> None:
    torch.manual_seed(0)
    heads = PerEmotion(512)
    # torch's Linear draws uniformly within 1 / sqrt(fan in), the same for weights and biases.
    for weight, bias in zip(heads.weights, heads.biases, strict=True):
        bound = 1 / math.sqrt(weight.shape[1])
        assert 0.9 * bound < float(bias.detach().abs().max()) <= bound
        assert 0.99 * bound < float(weight.detach().abs().max()) <= bound


def test_the_contrast_asks_each_text_for_its_picture_among_seven() -> None:
    torch.manual_seed(0)
    texts, pictures = F.normalize(torch.randn(7, 5), dim=-1), F.normalize(torch.randn(2, 7, 5), dim=-1)
    losses = []
    for one in pictures:
        for place in range(7):
            scores = [math.exp(float(texts[place] @ one[j]) / 0.07) for j in range(7)]
            losses.append(-math.log(scores[place] / sum(scores)))
    assert float(tuple_contrast(texts, pictures).total) == pytest.approx(sum(losses) / 14, rel=1e-4)


def test_the_contrast_is_smallest_where_texts_are_their_pictures() -> None:
    texts = torch.eye(7)
    said = tuple_contrast(texts, texts[None])
    assert float(said.total) == pytest.approx(math.log1p(6 * math.exp(-1 / 0.07)), abs=1e-6)
    assert float(said.parts["accuracy"]) == 1
    assert float(tuple_contrast(texts, texts[None].roll(1, dims=1)).parts["accuracy"]) == 0
    alike = tuple_contrast(texts, torch.full((1, 7, 7), 7**-0.5))
    assert float(alike.total) == pytest.approx(math.log(7), rel=1e-5)


def test_the_plug_in_loss_by_hand() -> None:
    loss = CERL(Colours(), priors((1.0, 0.0, 0.0), (3.0, 1.0, 0.0)))
    made, shown = plain((1.0, 0.0, 0.5)), plain((1.0, 1.0, -0.5))
    said = loss(made, made, reference=shown, emotion=torch.tensor([1]))
    # Products with the prior: (3, 0, 0) and (3, 1, 0), whose cosine is 3 / sqrt 10.
    assert float(said.total) == pytest.approx(1 - 3 / math.sqrt(10), rel=1e-5)
    neutral = loss(made, made, reference=shown, emotion=torch.tensor([0]))
    assert float(neutral.total) == pytest.approx(0, abs=1e-6)


def test_frames_are_held_against_those_of_the_reference_at_the_same_share_of_the_clip() -> None:
    loss = CERL(Colours(), priors((1.0, 1.0, 1.0)))
    red, green, blue = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
    neutral = torch.tensor([0])
    four, two = plain(red, red, green, green), plain(red, green)
    assert float(loss(four, four, reference=two, emotion=neutral).total) == pytest.approx(0, abs=1e-6)
    assert float(loss(two, two, reference=four, emotion=neutral).total) == pytest.approx(0, abs=1e-6)
    three = plain(red, blue, green)
    assert float(loss(three, three, reference=two, emotion=neutral).total) == pytest.approx(1 / 3, rel=1e-5)


def test_the_priors_are_the_prompts_read_with_positions_or_as_released_without() -> None:
    encoders = random_clip()
    said = {}
    for as_released in (False, True):
        learning = cerl.learner(encoders, as_released=as_released)
        said[as_released] = learning.learnt(encoders)["priors"]
        expected = F.normalize(learning.prompts(encoders), dim=-1)
        torch.testing.assert_close(said[as_released], expected.detach())
    assert (said[False] - said[True]).abs().max() > 1e-3
    encoders.network.positional_embedding.data.zero_()
    torch.testing.assert_close(cerl.learner(encoders).learnt(encoders)["priors"], said[True])


def test_it_is_a_supervision_with_gradient_to_the_generated_alone() -> None:
    encoders = random_clip()
    loss = CERL(encoders, cerl.learner(encoders).learnt(encoders)).train()
    made, shown = (coloured(TARGETS, side=64, seed=seed).requires_grad_() for seed in (1, 2))
    source = coloured(torch.zeros_like(TARGETS), side=64, seed=3).requires_grad_()
    loss(made, source, reference=shown, emotion=TARGETS).total.backward()
    assert isinstance(loss, Supervision)
    assert made.grad is not None
    assert float(made.grad.abs().sum()) > 0
    assert shown.grad is None
    assert source.grad is None
    assert all(not p.requires_grad and p.grad is None for p in loss.parameters())
    assert not any(module.training for module in loss.modules())


def test_nothing_is_better_than_the_reference_itself() -> None:
    encoders = random_clip()
    loss = CERL(encoders, cerl.learner(encoders).learnt(encoders))
    shown = coloured(TARGETS, side=64)
    source = coloured(torch.zeros_like(TARGETS), side=64, seed=1)
    ideal = float(loss(shown, source, reference=shown, emotion=TARGETS).total)
    # 96 products in float32: a cosine of 1 to within 96 roundings of 6e-8 at the very most.
    assert abs(ideal) < 1e-5
    assert float(loss(source, source, reference=shown, emotion=TARGETS).total) > ideal


def test_pre_training_finds_the_colours_of_the_emotions_and_is_reproducible() -> None:
    told: list[list[float]] = []
    states = []
    for _ in range(2):
        said: list[float] = []
        states.append(
            cerl.pretrain(
                coloured_pairs(3, side=64),
                random_clip(),
                schedule=SHORT,
                watch=lambda step, one, said=said: said.append(float(one.total.detach())),
            )
        )
        told.append(said)
    assert len(told[0]) == 12
    assert told[0] == told[1]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert told[0][-1] < 0.5 * told[0][0]


def test_pre_training_changes_no_encoder() -> None:
    encoders = random_clip()
    before = {name: tensor.clone() for name, tensor in encoders.state_dict().items()}
    cerl.pretrain(coloured_pairs(1, side=64), encoders, schedule=SHORT)
    assert all(torch.equal(before[name], tensor) for name, tensor in encoders.state_dict().items())


def test_the_rate_falls_at_the_milestones() -> None:
    learnt = [
        cerl.pretrain(coloured_pairs(2), Colours(), schedule=replace(SHORT, milestones=when, rate=rate))
        for when, rate in (((4,), 0.1), ((4,), 0.1), ((8,), 0.1))
    ]
    context = [state["prompts.context"] for state in learnt]
    assert torch.equal(context[0], context[1])
    assert not torch.equal(context[0], context[2])


def test_no_step_is_taken_before_all_emotions_were_seen() -> None:
    batch = coloured_pairs(1)[0]
    few = replace(batch, neutral=batch.neutral[:2], emotional=batch.emotional[:2], emotion=batch.emotion[:2])
    steps: list[int] = []
    watch = lambda step, said: steps.append(step)  # noqa: E731
    with pytest.raises(ValueError, match="never seen: fear, happy, sad, surprised"):
        cerl.pretrain([few], Colours(), schedule=SHORT, watch=watch)
    assert steps == []
    cerl.pretrain([few, batch], Colours(), schedule=SHORT, watch=watch)
    assert steps == [0, 1, 2, 3]


def test_the_pool_keeps_the_latest_and_draws_each_emotion_into_its_place() -> None:
    pool = FeaturePool(capacity=2)
    assert pool.missing == list(EMOTIONS)
    for turn in range(3):
        pool.add(torch.arange(7.0)[:, None] + turn / 10, torch.arange(7))
    drawn = pool.draw(50, torch.Generator().manual_seed(0))[..., 0]
    assert pool.missing == []
    torch.testing.assert_close(drawn.unique(), torch.tensor([p + t for p in range(7) for t in (0.1, 0.2)]))
    assert drawn.floor().long().tolist() == [list(range(7))] * 50


@pytest.mark.parametrize(
    ("emotion", "says"),
    [
        (None, "must hold 2 indices into neutral"),
        (torch.tensor([1]), "must hold 2 indices"),
        (torch.tensor([1, 7]), "an index from 0 to 6, not"),
        (torch.tensor([-1, 2]), "an index from 0 to 6, not"),
    ],
)
def test_emotions_that_are_none_are_refused(emotion: torch.Tensor | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        labels(emotion, torch.zeros(2, 1, 3, 4, 4))


def test_what_is_missing_or_does_not_fit_is_named() -> None:
    loss, made = CERL(Colours(), priors()), plain((1.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="cerl needs emotion, reference"):
        loss(made, made)
    with pytest.raises(ValueError, match="must be 1 clips"):
        loss(made, made, reference=made.expand(2, -1, -1, -1, -1), emotion=torch.tensor([1]))
    with pytest.raises(ValueError, match=r"priors of shape \(7, 96\), the state has \(7, 3\)"):
        CERL(random_clip(), priors())
    with pytest.raises(ValueError, match="the state has None"):
        CERL(Colours(), {})


def test_cdrl_is_the_weighted_sum_of_both() -> None:
    pyramid, made, given = TinyPyramid().eval(), coloured(TARGETS, side=16), coloured(TARGETS * 0, side=16)
    sound, shown = (
        torch.randn(2, 2, 4, 5, generator=torch.Generator().manual_seed(0)),
        coloured(TARGETS, 2, 16, 5),
    )
    network = ccrl.ContentNet(channels=16, places=64, sound=20)
    content = CCRL(pyramid, network.state_dict())
    emotional = CERL(Colours(), priors((1.0, 0.5, 0.2), (0.3, 1.0, 0.2)))
    own = content(made, given, audio=sound), emotional(made, given, reference=shown, emotion=TARGETS)
    said = CDRL(content, emotional)(made, given, audio=sound, reference=shown, emotion=TARGETS)
    torch.testing.assert_close(said.total, 10 * own[0].total + 50 * own[1].total)
    assert set(said.parts) == {"content", "content/cosine", "emotion"}
    weights = {"content_weight": 2.0, "emotion_weight": 0.5}
    other = CDRL(content, emotional, **weights)(made, given, audio=sound, reference=shown, emotion=TARGETS)
    torch.testing.assert_close(other.total, 2 * own[0].total + 0.5 * own[1].total)


def test_cdrl_needs_what_both_need() -> None:
    network = ccrl.ContentNet(channels=16, places=64, sound=20)
    loss = CDRL(CCRL(TinyPyramid(), network.state_dict()), CERL(Colours(), priors())).train()
    assert isinstance(loss, Supervision)
    assert loss.needs == {"audio", "reference", "emotion"}
    assert not any(module.training for module in loss.modules())
    clip = coloured(TARGETS, side=16)
    with pytest.raises(ValueError, match="ccrl needs audio"):
        loss(clip, clip, reference=clip, emotion=TARGETS)

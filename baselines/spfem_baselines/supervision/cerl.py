"""CERL: a frame must show the target emotion as a clip of it does, seen through what words say of it.

The emotion half of CDRL (Chen et al., "Contrastive Decoupled Representation Learning and Regularization for
Speech-Preserving Facial Expression Manipulation", IJCV 2025), with the numbers of the authors' repository
(jianmanlincjx/CDRL, ``CERL/model.py``), written from the description.

    state = cerl.pretrain(pairs, encoders)          # once: faces of all seven emotions
    supervision = CERL(encoders, state)
    loss = usual_losses + weight * supervision(generated, source, reference=clip, emotion=labels).total
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from spfem_baselines.supervision.encoders import Encoders
from spfem_baselines.supervision.features import FeaturePool, clip_features, labels, pooled
from spfem_baselines.supervision.interface import (
    EMOTIONS,
    Frozen,
    Need,
    PairBatch,
    Supervised,
    require_given,
    views,
)
from spfem_baselines.supervision.prompting import EmotionPrompts

__all__ = [
    "CERL",
    "EmotionLearner",
    "PerEmotion",
    "Schedule",
    "clip_features",
    "learner",
    "pretrain",
    "tuple_contrast",
]

TEMPERATURE = 0.07
PRETRAIN_RATE = 0.1
PRETRAIN_SEED = 42
TUPLES = 32
"""Of the released pre-training: InfoNCE's temperature, SGD's rate, the seed, tuples in a batch (the same)."""
PUBLISHED_WEIGHT = 50.0
"""Of the loss in NED's manipulator (the same, branch NED_CDRL)."""


@dataclass(frozen=True)
class Schedule:
    """How pre-training steps; by default as released (repository jianmanlincjx/CDRL).

    Attributes:
        rate: SGD's learning rate.
        milestones: steps after which it is a tenth of what it was: 2, 4 and 8 epochs of 500,000 tuples.
        tuples: in a step.
        steps_per_batch: how often tuples are drawn after each batch; each picture meets the frozen encoder
            once.
    """

    rate: float = PRETRAIN_RATE
    milestones: tuple[int, ...] = (31_250, 62_500, 125_000)
    tuples: int = TUPLES
    steps_per_batch: int = 1


RELEASED_SCHEDULE = Schedule()


class PerEmotion(nn.Module):
    """An own MLP for each emotion, D to D/2 to D/2 to D with ReLU between, all at once.

    Args:
        width: D.
        shared: one MLP for all. An MLP that sees one emotion only can forget the picture and say the
            emotion all the same; a shared one cannot. The method has own ones.
    """

    def __init__(self, width: int, *, shared: bool = False) -> None:
        super().__init__()
        sizes = (width, width // 2, width // 2, width)
        rows = 1 if shared else len(EMOTIONS)
        layers = [[nn.Linear(a, b) for a, b in itertools.pairwise(sizes)] for _ in range(rows)]
        self.weights = nn.ParameterList(
            torch.stack([layer.weight.detach().T for layer in same]) for same in zip(*layers, strict=True)
        )
        self.biases = nn.ParameterList(
            torch.stack([layer.bias.detach() for layer in same]) for same in zip(*layers, strict=True)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, 7, D), row e of each through the MLP of emotion e -> (N, 7, D) of unit length."""
        x = features.transpose(0, 1)
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = (F.relu(x) if place else x) @ weight + bias[:, None]
        return F.normalize(x, dim=-1).transpose(0, 1)


class EmotionLearner(nn.Module):
    """What pre-training learns: prompts and heads, so that each prompt finds the face of its emotion.

    Args:
        encoders: frozen; not a part of this module.
        as_released: the places of tokens are not told to the text side, which the released code forgets to
            add.
        shared: one head for all emotions, see `PerEmotion`.
    """

    def __init__(self, encoders: Encoders, *, as_released: bool = False, shared: bool = False) -> None:
        super().__init__()
        self.prompts = EmotionPrompts(encoders, positions=not as_released)
        self.heads = PerEmotion(encoders.width, shared=shared)

    def priors(self, encoders: Encoders) -> torch.Tensor:
        """(7, D) of unit length: the emotions as the text side reads the learnt prompts."""
        return F.normalize(self.prompts(encoders), dim=-1)

    def forward(self, encoders: Encoders, tuples: torch.Tensor) -> Supervised:
        """InfoNCE from text to picture, see `tuple_contrast`, of (N, 7, D) picture features."""
        return tuple_contrast(self.priors(encoders), self.heads(tuples))

    def learnt(self, encoders: Encoders) -> dict[str, torch.Tensor]:
        """The state for `CERL`: prompts, heads and the seven ``priors``."""
        with torch.no_grad():
            priors = self.priors(encoders)
        return {k: v.detach().clone() for k, v in self.state_dict().items()} | {"priors": priors}


def tuple_contrast(
    texts: torch.Tensor, pictures: torch.Tensor, temperature: float = TEMPERATURE
) -> Supervised:
    """How badly each emotion's text finds its picture among seven.

    Args:
        texts: (7, D) of unit length.
        pictures: (N, 7, D) of unit length, one of each emotion in each tuple.
        temperature: divides the cosines.

    Returns:
        The mean cross entropy in nats, with gradient to both; as part ``accuracy``, the share of texts
        whose own picture is the nearest.
    """
    logits = torch.einsum("ed,njd->nej", texts, pictures) / temperature
    truth = torch.arange(logits.shape[1], device=logits.device).expand(logits.shape[:2])
    loss = F.cross_entropy(logits.flatten(0, 1), truth.flatten())
    return Supervised(loss, {"accuracy": (logits.argmax(-1) == truth).float().mean()})


class CERL(Frozen):
    """The generated frames must lie where the reference lies, in the dimensions that say the emotion.

    With E the picture side and T the prior of the target emotion: mean of 1 - cos(E(reference) T,
    E(generated) T), products by element. Frame t of T_g is held against frame floor(t T_r / T_g) of the
    reference's T_r, which is frame t where the clips are of one length, as in the released code.

    Args:
        encoders: those of pre-training.
        state: what `pretrain` returned; only its ``priors`` are read here.

    Parts: ``emotion``, the loss.

    Raises:
        ValueError: no priors for these encoders.
    """

    name = "cerl"
    needs: frozenset[Need] = frozenset({"reference", "emotion"})
    priors: torch.Tensor

    def __init__(self, encoders: Encoders, state: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        wanted = (len(EMOTIONS), encoders.width)
        found = tuple(state["priors"].shape) if "priors" in state else None
        if found != wanted:
            raise ValueError(
                f"CERL with these encoders needs priors of shape {wanted}, the state has {found}"
            )
        self.encoders = encoders
        self.register_buffer("priors", state["priors"].detach().clone())
        self.freeze()

    def forward(
        self,
        generated: torch.Tensor,
        source: torch.Tensor,
        *,
        reference: torch.Tensor | None = None,
        audio: torch.Tensor | None = None,  # noqa: ARG002 - one signature for all supervisions
        emotion: torch.Tensor | None = None,
        text: Sequence[str] | None = None,  # noqa: ARG002
    ) -> Supervised:
        """The loss of clips (B, T, 3, H, W), or frames (B, 3, H, W); only the source's shape is read.

        Raises:
            ValueError: no reference or no emotion, or one that does not fit the clips.
        """
        require_given(self.name, self.needs, reference=reference, emotion=emotion)
        views(generated, source)
        wanted = labels(emotion, generated)
        made = clip_features(self.encoders, generated)
        with torch.no_grad():
            shown = clip_features(self.encoders, _reference(reference, generated))
        shown = shown[:, torch.arange(made.shape[1], device=made.device) * shown.shape[1] // made.shape[1]]
        prior = self.priors[wanted][:, None]
        loss = (1 - F.cosine_similarity(shown * prior, made * prior, dim=-1)).mean()
        return Supervised(loss, {"emotion": loss.detach()})


def _reference(reference: torch.Tensor | None, generated: torch.Tensor) -> torch.Tensor:
    if reference is None or reference.ndim not in (4, 5) or len(reference) != len(generated):
        raise ValueError(f"`reference` must be {len(generated)} clips (T, 3, H, W), one for each generated")
    return reference.detach()


def learner(
    encoders: Encoders, *, as_released: bool = False, shared: bool = False, seed: int = PRETRAIN_SEED
) -> EmotionLearner:
    """Prompts and heads with seeded first weights, on the device of the encoders' embeddings."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = EmotionLearner(encoders, as_released=as_released, shared=shared)
    return made.to(made.prompts.words.device)


def pretrain(
    batches: Iterable[PairBatch],
    encoders: Encoders,
    *,
    as_released: bool = False,
    shared: bool = False,
    schedule: Schedule = RELEASED_SCHEDULE,
    seed: int = PRETRAIN_SEED,
    watch: Callable[[int, Supervised], None] | None = None,
) -> dict[str, torch.Tensor]:
    """Learn prompts and heads by SGD on 7-tuples of faces; no steps are taken before all emotions were seen.

    Args:
        batches: with ``emotion``; pairs are taken apart, for the method needs no pairs.
        encoders: frozen.
        as_released: see `EmotionLearner`.
        shared: see `EmotionLearner`.
        schedule: of SGD.
        seed: of the first weights and of the tuples.
        watch: told each step's number, from 0, and what `tuple_contrast` said.

    Returns:
        The state for `CERL`.

    Raises:
        ValueError: an emotion was never seen.
    """
    learning, pool = learner(encoders, as_released=as_released, shared=shared, seed=seed), FeaturePool()
    optimiser = torch.optim.SGD(learning.parameters(), lr=schedule.rate)
    slower = torch.optim.lr_scheduler.MultiStepLR(optimiser, list(schedule.milestones))
    generator, steps = torch.Generator().manual_seed(seed), itertools.count()
    for batch in batches:
        pooled(pool, encoders, batch)
        for _ in range(0 if pool.missing else schedule.steps_per_batch):
            said = learning(encoders, pool.draw(schedule.tuples, generator))
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(said.total)
            optimiser.step()
            slower.step()
            if watch is not None:
                watch(next(steps), said)
    if pool.missing:
        raise ValueError(f"CERL learns from all seven emotions; never seen: {', '.join(pool.missing)}")
    return learning.learnt(encoders)

"""PCMECL, a reconstruction: the change in the picture must point where the change in a personal text points.

Only the abstract of "PCMECL" (Chen et al., arXiv 2604.25255, 2026) is public; no formula, number or code of
it is.

    state = pcmecl.pretrain(pairs, encoders)        # once: neutral and emotional faces of many people
    supervision = PCMECL(encoders, state)
    loss = usual_losses + weight * supervision(generated, source, emotion=labels).total
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from spfem_baselines.supervision.differencing import (
    TEMPERATURE,
    Choices,
    compared,
    levelled,
    person_of,
    towards,
)
from spfem_baselines.supervision.encoders import Encoders
from spfem_baselines.supervision.features import clip_features, labels
from spfem_baselines.supervision.interface import Frozen, Need, PairBatch, Supervised, require_given, views
from spfem_baselines.supervision.prompting import EmotionPrompts

NARROWING = 16
"""How much narrower than a feature the middle of the meta-net is (CoCoOp, Zhou et al. 2022, section 3.2)."""
PRETRAIN_RATE = 1e-3
PRETRAIN_SEED = 42
"""Adam's learning rate and the seed; ours, nothing is published."""


class PersonalPrompts(nn.Module):
    """Prompts of the seven emotions, moved by what a person looks like.

    A meta-net, linear to a sixteenth, ReLU, linear to the width of a token (CoCoOp), gives a vector that is
    added to all learnt vectors of the prompts. Its last layer begins at zero: a personal prompt begins as
    the generic one.

    Args:
        encoders: frozen; not a part of this module.
        personal: without, there is no meta-net.
    """

    def __init__(self, encoders: Encoders, *, personal: bool = True) -> None:
        super().__init__()
        self.prompts = EmotionPrompts(encoders)
        self.meta: nn.Sequential | None = None
        if personal:
            middle = max(1, encoders.width // NARROWING)
            last = nn.Linear(middle, encoders.token_width)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            self.meta = nn.Sequential(nn.Linear(encoders.width, middle), nn.ReLU(), last)

    def forward(self, encoders: Encoders, person: torch.Tensor) -> torch.Tensor:
        """(N, D) people -> (N, 7, D) texts of any length, the same for all people without a meta-net."""
        if self.meta is None:
            same: torch.Tensor = self.prompts(encoders)
            return same.expand(len(person), -1, -1)
        texts: torch.Tensor = self.prompts(encoders, self.meta(person))
        return texts


class PCMECL(Frozen):
    """Personalised cross-modal emotional correlation learning, a *reconstruction* from the abstract.

    The abstract fixes: a vision-language model supervises the emotion, without paired data; the prompt is
    learnt conditioned on the individual's visual information; to bridge the gap between the modalities, the
    change in visual features is matched with the change in semantic features; the loss is added to existing
    models.

    We chose: CLIP; CDRL's prompts (8 learnt vectors of each emotion and a description), moved by CoCoOp's
    meta-net, which reads the mean picture feature of the source clip; the loss 1 - cos(E(generated) -
    E(source), T(target) - T(origin)), the directional loss of StyleGAN-NADA (Gal et al. 2022), where the
    origin is the mixture of emotions that the source is perceived to show, since sources come without labels;
    `Choices` for what else is open; and where target and origin are the same (their texts are nearer than
    `differencing.STEP`), 1 - cos(E(generated), E(source)), for then nothing is to change. Without
    differencing the loss is 1 - cos(E(generated), T(target)).

    Args:
        encoders: those of pre-training.
        state: what `pretrain` returned.
        choices: ``personal`` as in pre-training.

    Parts: ``emotion``, the loss; ``emotion/step``, the mean length of the visual change, where differences
    are taken.

    Raises:
        ValueError: the state is not of these encoders, or not of these choices.
    """

    name = "pcmecl"
    needs: frozenset[Need] = frozenset({"emotion"})

    def __init__(
        self, encoders: Encoders, state: Mapping[str, torch.Tensor], choices: Choices | None = None
    ) -> None:
        super().__init__()
        self.choices = choices or Choices()
        self.encoders, self.prompts = encoders, learner(encoders, self.choices)
        try:
            self.prompts.load_state_dict(dict(state))
        except RuntimeError as error:
            raise ValueError(f"the state is not of these encoders and choices: {error}") from error
        self.freeze()

    def forward(
        self,
        generated: torch.Tensor,
        source: torch.Tensor,
        *,
        reference: torch.Tensor | None = None,  # noqa: ARG002 - one signature for all supervisions
        audio: torch.Tensor | None = None,  # noqa: ARG002
        emotion: torch.Tensor | None = None,
        text: Sequence[str] | None = None,  # noqa: ARG002
    ) -> Supervised:
        """The loss of clips (B, T, 3, H, W), or frames (B, 3, H, W), of the (B,) target emotions.

        Raises:
            ValueError: the shapes differ, or there is no emotion.
        """
        require_given(self.name, self.needs, emotion=emotion)
        wanted = labels(emotion, generated)
        losses, length = self._compared(generated, source)
        loss = losses[torch.arange(len(wanted), device=wanted.device), :, wanted].mean()
        parts = {"emotion": loss.detach()}
        return Supervised(loss, parts | ({"emotion/step": length} if self.choices.differencing else {}))

    def by_emotion(self, generated: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """What the loss would be for each target: (B, T, 7), or (B, 1, 7) where clips are the unit.

        With differencing, the column of an emotion that is the origin says how much was kept, and is not to
        be ranked among the others.
        """
        return self._compared(generated, source)[0]

    def _compared(self, generated: torch.Tensor, source: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        views(generated, source)
        made = clip_features(self.encoders, generated)
        with torch.no_grad():
            given = clip_features(self.encoders, source)
        with torch.autocast(made.device.type, enabled=False):
            with torch.no_grad():
                texts = self.prompts(self.encoders, person_of(given))
            return compared(made, given, texts, self.choices)


def pretraining_loss(
    prompts: PersonalPrompts, encoders: Encoders, batch: PairBatch, choices: Choices
) -> Supervised:
    """The prompts of a person, known from the neutral clip, must name the emotion of that person's pictures.

    Cross entropy over the seven of the cosines with each frame of both clips (part ``named``); with
    differencing, also over the six but neutral of the cosines of the change from the neutral to the
    emotional frame with the change of the texts (part ``directed``). Temperature `TEMPERATURE`.

    Raises:
        ValueError: the batch does not say its emotions.
    """
    emotion = labels(batch.emotion, batch.emotional)
    with torch.no_grad():
        neutral, emotional = (clip_features(encoders, clip) for clip in (batch.neutral, batch.emotional))
    texts = prompts(encoders, person_of(neutral))
    frames = F.normalize(torch.cat([neutral, emotional], dim=1), dim=-1)
    truth = torch.stack([torch.zeros_like(emotion), emotion], dim=1)
    truth = truth.repeat_interleave(
        torch.tensor([neutral.shape[1], emotional.shape[1]], device=truth.device), 1
    )
    logits = frames @ F.normalize(texts, dim=-1).transpose(1, 2) / TEMPERATURE
    named = F.cross_entropy(logits.flatten(0, 1), truth.flatten())
    hits = (logits.argmax(-1) == truth).float().mean()
    if not choices.differencing:
        return Supervised(named, {"named": named.detach(), "accuracy": hits})
    directed = _directed(neutral, emotional, texts, emotion, choices)
    parts = {"named": named.detach(), "directed": directed.detach(), "accuracy": hits}
    return Supervised(named + directed, parts)


def _directed(
    neutral: torch.Tensor,
    emotional: torch.Tensor,
    texts: torch.Tensor,
    emotion: torch.Tensor,
    choices: Choices,
) -> torch.Tensor:
    """Mean cross entropy of the direction of change; clips whose emotion is neutral have none."""
    made, given = (levelled(each, neutral, normalised=choices.normalised) for each in (emotional, neutral))
    if choices.unit == "clip":
        made, given = made.mean(dim=1, keepdim=True), given.mean(dim=1, keepdim=True)
    levels = levelled(texts, texts, normalised=choices.normalised)
    logits = towards(made - given, levels[:, 1:] - levels[:, :1]) / TEMPERATURE
    truth = (emotion - 1).clamp_min(0)[:, None].expand(logits.shape[:2])
    losses = F.cross_entropy(logits.flatten(0, 1), truth.flatten(), reduction="none").view_as(truth)
    moved = (emotion > 0)[:, None].expand_as(truth)
    return losses[moved].sum() / moved.sum().clamp_min(1)


def learner(encoders: Encoders, choices: Choices, *, seed: int = PRETRAIN_SEED) -> PersonalPrompts:
    """Prompts with seeded first values, on the device of the encoders' embeddings."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        prompts = PersonalPrompts(encoders, personal=choices.personal)
    return prompts.to(prompts.prompts.words.device)


def pretrain(
    batches: Iterable[PairBatch],
    encoders: Encoders,
    choices: Choices | None = None,
    *,
    rate: float = PRETRAIN_RATE,
    seed: int = PRETRAIN_SEED,
    watch: Callable[[int, Supervised], None] | None = None,
) -> dict[str, torch.Tensor]:
    """Learn prompts, one step of Adam on each batch; the encoders stay as they are.

    Args:
        batches: as many as there shall be steps, with ``emotion``. Only with ``unit="frame"`` need frames
            of a pair say the same.
        encoders: frozen.
        choices: those of the supervision.
        rate: Adam's learning rate.
        seed: of the first values.
        watch: told each step's number, from 0, and what `pretraining_loss` said.

    Returns:
        The state for `PCMECL`.

    Raises:
        ValueError: no batches, or they do not say their emotions.
    """
    choices = choices or Choices()
    prompts, step = learner(encoders, choices, seed=seed), -1
    optimiser = torch.optim.Adam(prompts.parameters(), lr=rate)
    for step, batch in enumerate(batches):
        said = pretraining_loss(prompts, encoders, batch, choices)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(said.total)
        optimiser.step()
        if watch is not None:
            watch(step, said)
    if step < 0:
        raise ValueError("PCMECL was given no pairs to learn from")
    return {name: tensor.detach().clone() for name, tensor in prompts.state_dict().items()}

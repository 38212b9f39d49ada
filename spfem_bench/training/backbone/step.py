"""One step of training: the discriminator learns from what was made, then the generator from its terms."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from spfem_baselines.backbone import losses
from spfem_baselines.backbone.discriminator import Discriminator
from spfem_baselines.backbone.generator import Edit
from spfem_baselines.backbone.losses import Guides
from spfem_baselines.backbone.model import Backbone
from spfem_baselines.supervision import Supervised, Supervision
from spfem_baselines.supervisors import supervisor
from spfem_bench.digest import digest_of
from spfem_bench.training.backbone.batches import Batch
from spfem_bench.training.backbone.recipe import Recipe
from spfem_bench.training.loop import seeded

_BETAS = (0.5, 0.99)
_DECAY = 0.01
_CLIP = 1.0
_LAST = 0.1
"""Share of the first learning rate that is left at the end."""
_RISE = 0.02
"""Share of the steps in which the rate rises."""
_GUIDES = {"identity": "identity", "mouth": "landmarks", "sync": "sync", "perceptual": "perceptual"}


@dataclass(frozen=True)
class Helper:
    """A supervision in training.

    Args:
        name: as in the log.
        weight: of its total.
        loss: what it says.
    """

    name: str
    weight: float
    loss: Supervision


@dataclass
class Players:
    """All that learns, and its optimisers.

    Args:
        backbone: what is trained.
        mean: the running average of its weights: what generates.
        judge: the discriminator.
        makers: optimiser of the backbone.
        finders: optimiser of the discriminator.
        step: how many steps were made.
    """

    backbone: Backbone
    mean: Backbone
    judge: Discriminator
    makers: torch.optim.AdamW
    finders: torch.optim.AdamW
    step: int = 0


@dataclass(frozen=True)
class Made:
    """What the generator did with a batch.

    Attributes:
        batch: what it was given.
        style: (B, D) that was asked for.
        frames: (B, T, 3, S, S) its output.
        edit: how it came about.
    """

    batch: Batch
    style: torch.Tensor
    frames: torch.Tensor
    edit: Edit


@dataclass(frozen=True)
class Rules:
    """What is minimised.

    Args:
        recipe: weights and schedule.
        guides: the frozen networks of its terms.
        helpers: supervisions beside them.
    """

    recipe: Recipe
    guides: Guides
    helpers: Sequence[Helper] = field(default_factory=tuple)


def players(recipe: Recipe, device: str) -> Players:
    """Fresh networks; their first weights depend on the recipe's seed alone."""
    shape = recipe.networks()
    backbone = seeded(lambda: Backbone(shape), recipe.seed)
    judge = seeded(lambda: Discriminator(shape), recipe.seed + 1)
    assert isinstance(backbone, Backbone)
    assert isinstance(judge, Discriminator)
    backbone.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    judge.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = copy.deepcopy(backbone).requires_grad_(False)
    schedule = recipe.schedule
    return Players(
        backbone,
        mean,
        judge,
        torch.optim.AdamW(backbone.parameters(), schedule.lr, _BETAS, weight_decay=_DECAY),
        torch.optim.AdamW(judge.parameters(), schedule.discriminator_lr, _BETAS, weight_decay=_DECAY),
    )


def guides(recipe: Recipe, device: str) -> Guides:
    """The supervisors that the recipe's terms need.

    Raises:
        FileNotFoundError: the weights of one are not there; names the command that makes them.
    """
    needed = [name for name in guide_names(recipe) if name in _GUIDES.values()]
    return Guides({name: supervisor(name, device=device) for name in needed})


def guide_names(recipe: Recipe) -> list[str]:
    """The supervisors behind a recipe's terms and captions, sorted."""
    terms = {_GUIDES[term] for term in recipe.wanted if term in _GUIDES}
    return sorted(terms | ({"clip"} if recipe.conditions.get("text", 0) > 0 else set()))


def take_step(now: Players, batch: Batch, rules: Rules) -> dict[str, float]:
    """Learn from one batch, and give the terms for the log (before their weights).

    Raises:
        ValueError: a loss is not finite.
    """
    recipe = rules.recipe
    _set_rates(now, recipe)
    _key(recipe.seed, now.step, rules.helpers)
    with torch.autocast(batch.source.device.type, torch.bfloat16, enabled=recipe.schedule.low_precision):
        made = make(now.backbone, batch)
        said: dict[str, float] = {}
        if "adversarial" in recipe.wanted:
            said["discriminator"] = _teach_judge(now, made)
        with _frozen(now.judge):
            total, parts = _total(now, made, rules)
        _learn(now.makers, total, now.backbone)
    _average(now.mean, now.backbone, recipe.schedule.average, now.step)
    now.step += 1
    return {**said, **parts}


def make(backbone: Backbone, batch: Batch) -> Made:
    """Edit a batch in the style that it asks for."""
    wanted = style_of(backbone, batch)
    frames, edit = backbone(batch.source, wanted, batch.sound)
    return Made(batch, wanted, frames, edit)


def style_of(backbone: Backbone, batch: Batch) -> torch.Tensor:
    """(B, D) the batch's target styles, by its kind of condition."""
    if batch.kind == "label":
        return backbone.styles.of_label(batch.emotion)
    if batch.kind == "reference":
        return backbone.styles.of_clip(batch.reference)
    assert batch.told is not None
    return backbone.styles.of_text(batch.told)


def terms(now: Players, made: Made, guide: Guides) -> Mapping[str, Callable[[], torch.Tensor]]:
    """Every term of the recipe by name, computed when called."""
    batch, frames = made.batch, made.frames
    return {
        "adversarial": lambda: losses.adversarial(now.judge(frames, batch.emotion), real=True),
        "cycle": lambda: losses.cycle(batch.source, _back(now.backbone, made)),
        "style": lambda: losses.style(made.style.detach(), now.backbone.styles.of_clip(frames)),
        "identity": lambda: guide.identity(frames, batch.source, batch.points),
        "mouth": lambda: guide.mouth(frames, batch.source, batch.points),
        "sync": lambda: guide.sync(frames, batch.points, batch.speech),
        "paired": lambda: losses.paired(frames, _there(batch.truth)),
        "perceptual": lambda: guide.perceptual(frames, _there(batch.truth)),
        "motion": lambda: losses.motion(made.edit, batch.points, _there(batch.truth_points)),
        "smooth": lambda: losses.smooth(made.edit),
        "sparse": lambda: losses.sparse(made.edit),
    }


def _there(of_pair: torch.Tensor | None) -> torch.Tensor:
    if of_pair is None:
        raise ValueError(
            "the material has no true pairs: leave paired, perceptual and motion out of the recipe"
        )
    return of_pair


def _back(backbone: Backbone, made: Made) -> torch.Tensor:
    """The output edited back to the source's emotion, in the source's own style where styles are read."""
    batch, styles = made.batch, backbone.styles
    own = styles.of_clip(batch.source) if batch.kind == "reference" else styles.of_label(batch.was)
    frames: torch.Tensor = backbone(made.frames, own, batch.sound)[0]
    return frames


def _teach_judge(now: Players, made: Made) -> float:
    """The discriminator: references are real in the target emotion and sources in theirs, outputs are not."""
    batch = made.batch
    real = losses.adversarial(now.judge(batch.source, batch.was), real=True)
    if batch.truth is not None:
        real = (real + losses.adversarial(now.judge(batch.truth, batch.emotion), real=True)) / 2
    fake = losses.adversarial(now.judge(made.frames.detach(), batch.emotion), real=False)
    _learn(now.finders, (real + fake) / 2, now.judge)
    return float((real + fake).detach() / 2)


def _total(now: Players, made: Made, rules: Rules) -> tuple[torch.Tensor, dict[str, float]]:
    ready, parts, total = terms(now, made, rules.guides), {}, torch.zeros((), device=made.frames.device)
    for name, weight in rules.recipe.wanted.items():
        value = ready[name]().float()
        total, parts[name] = total + weight * value, float(value.detach())
    for helper in rules.helpers:
        said = supervised(helper.loss, made)
        total, parts[helper.name] = total + helper.weight * said.total.float(), float(said.total.detach())
        parts.update({f"{helper.name}.{name}": float(value) for name, value in said.parts.items()})
    return total, {"loss": float(total.detach()), **parts}


def supervised(loss: Supervision, made: Made) -> Supervised:
    """What a supervision says of an output, which it sees as it saw faces when it was pre-trained.

    Where points are known that is the 64 px crop of the supervisors, cut alike from output and source;
    recorded faces come as the backbone's own crops.
    """
    batch = made.batch
    return loss(
        seen(made.frames, batch.points),
        seen(batch.source, batch.points),
        reference=seen(batch.reference, batch.reference_points),
        audio=batch.sound,
        emotion=batch.emotion,
        text=batch.captions,
    )


def seen(frames: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """(B, T, 3, S, S) crops -> (B, T, 3, 64, 64) as the supervisors read faces, or as they are."""
    if not torch.isfinite(points).all():
        return frames
    return losses.aligned(frames.flatten(0, 1), points.flatten(0, 1)).view(*frames.shape[:3], 64, 64)


def _learn(optimiser: torch.optim.Optimizer, loss: torch.Tensor, network: nn.Module) -> None:
    if not torch.isfinite(loss):
        raise ValueError(f"the loss is {float(loss.detach())}: a lower learning rate may mend it")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
    optimiser.step()


class _frozen:  # noqa: N801 - reads as a word: with _frozen(network)
    """No gradient for a network's weights, though through it."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    def __enter__(self) -> None:
        self._network.requires_grad_(False)

    def __exit__(self, *_: object) -> None:
        self._network.requires_grad_(True)


def _set_rates(now: Players, recipe: Recipe) -> None:
    schedule, share = recipe.schedule, rate_share(now.step, recipe.schedule.steps)
    for optimiser, rate in ((now.makers, schedule.lr), (now.finders, schedule.discriminator_lr)):
        for group in optimiser.param_groups:
            group["lr"] = rate * share


def rate_share(step: int, steps: int) -> float:
    """Share of the learning rate at a step: a short rise, then a cosine down to a tenth."""
    rise = max(1, round(_RISE * steps))
    along = min(1.0, max(0.0, (step - rise) / max(1, steps - rise)))
    return min(1.0, (step + 1) / rise) * (_LAST + (1 - _LAST) * 0.5 * (1 + math.cos(math.pi * along)))


def _key(seed: int, step: int, helpers: Sequence[Helper]) -> None:
    """Set every random generator by seed and step, so that a resumed run draws what it would have."""
    own = int(digest_of([seed, step])[:15], 16)
    torch.manual_seed(own)
    for helper in helpers:
        for generator in _generators(helper.loss):
            generator.manual_seed(own)


def _generators(loss: object) -> Iterator[torch.Generator]:
    """The generators that a supervision or a part of it holds."""
    for part in loss.modules() if isinstance(loss, nn.Module) else (loss,):
        yield from (value for value in vars(part).values() if isinstance(value, torch.Generator))


@torch.no_grad()
def _average(mean: nn.Module, net: nn.Module, past: float, step: int) -> None:
    """Move the running average; a young one forgets faster, so that the first weights leave no trace."""
    share = 1 - min(past, (1 + step) / (10 + step))
    for slow, quick in zip(mean.parameters(), net.parameters(), strict=True):
        slow.lerp_(quick, share)

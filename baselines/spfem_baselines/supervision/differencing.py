"""PCMECL's comparison: change in pictures against change in texts, with a switch for each of its ideas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F

TEMPERATURE = 0.07
"""Divides cosines in pre-training and in "perceived"; CDRL's (repository jianmanlincjx/CDRL)."""
STEP = 0.05
"""Changes shorter than this, in lengths of a feature, count in proportion to their length; ours.

The direction of no change is undefined, and near it a cosine's gradient has no bound; so it has one of 1 /
STEP.
"""

Origin = Literal["neutral", "perceived"]
Unit = Literal["frame", "clip"]


@dataclass(frozen=True)
class Choices:
    """The two ideas of the abstract as switches, and what it leaves open.

    Attributes:
        personal: prompts depend on the person's own picture features; otherwise one prompt for all people.
        differencing: compare change with change; otherwise the generated frame with the target's text.
        normalised: bring features to unit length before their difference is taken; otherwise they keep their
            lengths relative to each other.
        origin: the emotion that the change starts from: "perceived", the mixture of emotions that the source
            frames look like, or "neutral", which is right for neutral sources alone: to a smiling source that
            is to be neutral it says that nothing is to change.
        unit: difference frame by frame, or of the means of whole clips.

    Raises:
        ValueError: an unknown origin or unit.
    """

    personal: bool = True
    differencing: bool = True
    normalised: bool = True
    origin: Origin = "perceived"
    unit: Unit = "frame"

    def __post_init__(self) -> None:
        if self.origin not in get_args(Origin) or self.unit not in get_args(Unit):
            raise ValueError(
                f"PCMECL's origin is one of {', '.join(get_args(Origin))} and its unit one of "
                f"{', '.join(get_args(Unit))}, not {self.origin!r} and {self.unit!r}"
            )


def person_of(features: torch.Tensor) -> torch.Tensor:
    """(B, T, D) features of a person's frames -> (B, D) of unit length: the mean of their directions."""
    return F.normalize(F.normalize(features, dim=-1).mean(dim=1), dim=-1)


def levelled(features: torch.Tensor, like: torch.Tensor, *, normalised: bool) -> torch.Tensor:
    """(B, N, D) features at unit length, or, not normalised, over the mean length of ``like`` (B, M, D)."""
    if normalised:
        return F.normalize(features, dim=-1)
    length: torch.Tensor = torch.linalg.vector_norm(like.detach(), dim=-1).mean(dim=1)
    return features / length[:, None, None]


def towards(step: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    """Cosines of steps and changes, (B, N, D) and (B, K, D) -> (B, N, K); short steps count less: `STEP`."""
    bounded = step / torch.linalg.vector_norm(step, dim=-1, keepdim=True).clamp_min(STEP)
    return torch.einsum("bnd,bkd->bnk", bounded, F.normalize(change, dim=-1))


def compared(
    made: torch.Tensor, given: torch.Tensor, texts: torch.Tensor, choices: Choices
) -> tuple[torch.Tensor, torch.Tensor]:
    """The losses of `PCMECL` from raw features.

    Args:
        made: (B, T, D) of generated frames.
        given: (B, T, D) of the source's.
        texts: (B, 7, D) of the prompts.
        choices: what is compared.

    Returns:
        (B, T, 7) losses, one for each target emotion, T being 1 where clips are the unit; and the mean
        length of the visual change.
    """
    made, given = (levelled(each, given, normalised=choices.normalised) for each in (made, given))
    texts = levelled(texts, texts, normalised=choices.normalised)
    if choices.unit == "clip":
        made, given = made.mean(dim=1, keepdim=True), given.mean(dim=1, keepdim=True)
    step = made - given
    length = torch.linalg.vector_norm(step.detach(), dim=-1).mean()
    if not choices.differencing:
        return 1 - F.normalize(made, dim=-1) @ F.normalize(texts, dim=-1).transpose(1, 2), length
    change = texts - origin_of(given, texts, choices.origin)
    kept = (1 - F.cosine_similarity(made, given, dim=-1))[..., None]
    same = torch.linalg.vector_norm(change, dim=-1)[:, None] < STEP
    return torch.where(same, kept, 1 - towards(step, change)), length


def origin_of(given: torch.Tensor, texts: torch.Tensor, origin: Origin) -> torch.Tensor:
    """(B, 1, D): the text that the change starts from.

    Args:
        given: (B, T, D) of source frames.
        texts: (B, 7, D) of the prompts, neutral first.
        origin: see `Choices`.
    """
    if origin == "neutral":
        return texts[:, :1]
    looks = person_of(given)[:, None] @ F.normalize(texts, dim=-1).transpose(1, 2)
    return (looks / TEMPERATURE).softmax(dim=-1) @ texts

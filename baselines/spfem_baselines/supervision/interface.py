"""What a supervision is: a loss between a generated clip and the clip it was made from.

Nothing is inherited: any callable with these attributes supervises. Pictures are RGB in [-1, 1]; clips are
(B, T, 3, H, W), and frame t of the generated clip stands for frame t of its source.

    supervision = ASCCL(pyramid, heads=state)
    said = supervision(generated, source)
    (usual_losses + weight * said.total).backward()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self, runtime_checkable

import torch
from torch import nn

EMOTIONS = ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")
"""The seven of the field, in the order in which ``emotion`` counts them."""

Need = Literal["source", "reference", "audio", "emotion", "text"]
"""Something a supervision must be given beside the generated clip."""


@dataclass(frozen=True)
class Supervised:
    """What a supervision says of one batch.

    Attributes:
        total: scalar; its gradient flows to the generated pictures and nowhere else.
        parts: named scalars without gradient, for the log; what they are, the supervision's docstring says.
    """

    total: torch.Tensor
    parts: Mapping[str, torch.Tensor] = field(default_factory=dict)


@runtime_checkable
class Supervision(Protocol):
    """A loss of fixed networks: a module in eval mode whose weights are frozen, also under ``.train()``.

    Attributes:
        name: short name, as in recipes and tables.
        needs: what must be given beside the generated clip.
    """

    name: str
    needs: frozenset[Need]

    def __call__(
        self,
        generated: torch.Tensor,
        source: torch.Tensor,
        *,
        reference: torch.Tensor | None = None,
        audio: torch.Tensor | None = None,
        emotion: torch.Tensor | None = None,
        text: Sequence[str] | None = None,
    ) -> Supervised:
        """The loss of one batch.

        Args:
            generated: (B, T, 3, H, W) in [-1, 1], with gradient.
            source: (B, T, 3, H, W) in [-1, 1], the frames that were edited.
            reference: (B, Tr, 3, H, W) in [-1, 1], a clip in the target emotion.
            audio: (B, T, A, W) features of each frame's sound.
            emotion: (B,) int64 target emotion, an index into `EMOTIONS`.
            text: B captions of the target expression.

        Raises:
            ValueError: shapes that do not fit, or something in `needs` was not given.
        """
        ...


class Frozen(nn.Module):
    """A module whose weights never change and which stays in eval mode, also inside a model in training.

    Subclasses call `freeze` once their networks are set.
    """

    def freeze(self) -> None:
        """Take every parameter out of training, and put the networks in eval mode."""
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002 - torch's own signature
        """Stay in eval mode, whatever the mode of the model around it."""
        return super().train(False)


@dataclass(frozen=True)
class PairBatch:
    """Clips of one person saying the same words neutrally and in an emotion, frame by frame.

    Attributes:
        neutral: (B, T, 3, H, W) in [-1, 1].
        emotional: (B, T, 3, H, W) in [-1, 1]; frame t says what frame t of ``neutral`` says.
        audio_neutral: (B, T, A, W) features of the sound of each neutral frame; None where not needed.
        audio_emotional: (B, T, A, W) features of the sound of each emotional frame.
        emotion: (B,) int64 emotion of ``emotional``, an index into `EMOTIONS`.
        other: (B, T, 3, H, W) in [-1, 1], the same person saying other words in the emotion of ``emotional``.
        audio_other: (B, T, A, W) features of the sound of ``other``.
    """

    neutral: torch.Tensor
    emotional: torch.Tensor
    audio_neutral: torch.Tensor | None = None
    audio_emotional: torch.Tensor | None = None
    emotion: torch.Tensor | None = None
    other: torch.Tensor | None = None
    audio_other: torch.Tensor | None = None


Views = tuple[torch.Tensor, torch.Tensor]
"""Generated and source pictures of the same shape, (N, 3, H, W) in [-1, 1]: clips laid frame after frame."""


def require_given(name: str, needs: frozenset[Need], **given: object) -> None:
    """See that what a supervision needs was given.

    Raises:
        ValueError: names what is missing.
    """
    missing = sorted(need for need in needs if given.get(need) is None)
    if missing:
        raise ValueError(f"{name} needs {', '.join(missing)} beside the generated clip")


def views(generated: torch.Tensor, source: torch.Tensor) -> Views:
    """Clips or pictures as two batches of pictures, the source cut off from any gradient.

    Args:
        generated: (B, T, 3, H, W) or (B, 3, H, W) in [-1, 1].
        source: of the same shape.

    Raises:
        ValueError: the shapes differ, or are of something else.
    """
    if generated.shape != source.shape:
        raise ValueError(
            f"generated {tuple(generated.shape)} and source {tuple(source.shape)} must have one shape: "
            "frame t of the one stands for frame t of the other"
        )
    if generated.ndim not in (4, 5) or generated.shape[-3] != 3:
        raise ValueError(f"pictures are (B, T, 3, H, W) or (B, 3, H, W), not {tuple(generated.shape)}")
    height, width = generated.shape[-2:]
    return generated.reshape(-1, 3, height, width), source.detach().reshape(-1, 3, height, width)

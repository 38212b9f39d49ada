"""Small encoders for the supervisions of emotion: random CLIP, and one whose features can be told by hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from spfem_baselines.supervision import EMOTIONS, PairBatch
from spfem_baselines.supervision.encoders import ClipEncoders, Prompts
from spfem_baselines.supervision.prompting import DESCRIPTIONS
from spfem_baselines.supervisors.clip import build
from spfem_baselines.supervisors.tokenizer import Tokenizer


def random_clip(seed: int = 0) -> ClipEncoders:
    """The supervisor's architecture with seeded weights, and a tokenizer of the descriptions' words."""
    words = sorted(set(" ".join(DESCRIPTIONS.values()).replace(",", "").split()))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ClipEncoders(build(), Tokenizer(words))


class Colours(nn.Module):
    """A picture is its mean colour, a prompt the mean of its embeddings up to the end: D = E = 3."""

    width, token_width, length = 3, 3, 20

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))

    def image_features(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, 3)."""
        return pictures.mean(dim=(-2, -1)) * self.scale

    def embed(self, texts: Sequence[str]) -> Prompts:
        """One token a text between two marks; which one, its place among the texts says."""
        rows = torch.zeros(len(texts), 3, 3)
        rows[:, 1] = torch.tensor([hues(place) for place in range(len(texts))])
        return Prompts(rows * self.scale, torch.full((len(texts),), 2))

    def text_features(self, prompts: Prompts, *, positions: bool = True) -> torch.Tensor:
        """(N, 3); without positions the sign is turned, so that it can be seen."""
        upto = torch.arange(prompts.embeddings.shape[1]) <= prompts.end[:, None]
        summed = (prompts.embeddings * upto[..., None]).sum(dim=1)
        return (summed if positions else -summed) * self.scale


def hues(place: int) -> tuple[float, float, float]:
    """Seven directions, no two of them alike."""
    return tuple(float(((place + 1) >> bit) & 1) for bit in range(3))  # type: ignore[return-value]


def coloured(emotion: torch.Tensor, frames: int = 2, side: int = 4, seed: int = 0) -> torch.Tensor:
    """(B, T, 3, S, S): clips whose mean colour tells their emotion, with some noise."""
    draw = torch.Generator().manual_seed(seed)
    mean = torch.tensor([hues(int(label)) for label in emotion])[:, None, :, None, None]
    return 0.6 * mean + 0.1 * torch.randn(len(emotion), frames, 3, side, side, generator=draw)


def coloured_pairs(steps: int, side: int = 4) -> list[PairBatch]:
    """Batches in which each of the six emotions is once."""
    emotion = torch.arange(1, len(EMOTIONS))
    return [
        PairBatch(
            coloured(torch.zeros_like(emotion), side=side, seed=2 * step),
            coloured(emotion, side=side, seed=2 * step + 1),
            emotion=emotion,
        )
        for step in range(steps)
    ]

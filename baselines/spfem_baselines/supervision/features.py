"""Features of clips, and a pool of them by emotion."""

from __future__ import annotations

import torch

from spfem_baselines.supervision.encoders import Encoders
from spfem_baselines.supervision.interface import EMOTIONS, PairBatch

POOL = 4096
"""Pictures of each emotion that tuples are drawn from, the latest; our choice."""


def clip_features(encoders: Encoders, pictures: torch.Tensor) -> torch.Tensor:
    """(B, T, 3, H, W), or (B, 3, H, W) as clips of one frame -> (B, T, D) in float32, of any length."""
    clips = pictures if pictures.ndim == 5 else pictures[:, None]
    return encoders.image_features(clips.flatten(0, 1)).float().reshape(*clips.shape[:2], -1)


def labels(emotion: torch.Tensor | None, pictures: torch.Tensor) -> torch.Tensor:
    """The (B,) emotions of a batch, on its device.

    Raises:
        ValueError: none, not one for each clip, or not of the seven.
    """
    clips = len(pictures)
    if emotion is None or emotion.shape != (clips,):
        raise ValueError(f"`emotion` must hold {clips} indices into {', '.join(EMOTIONS)}")
    if not 0 <= int(emotion.min()) <= int(emotion.max()) < len(EMOTIONS):
        raise ValueError(f"an emotion is an index from 0 to {len(EMOTIONS) - 1}, not {emotion.tolist()}")
    return emotion.to(pictures.device)


class FeaturePool:
    """The latest picture features of each emotion, of which tuples are drawn: any people, any words.

    Args:
        capacity: kept of each emotion.
    """

    def __init__(self, capacity: int = POOL) -> None:
        self.capacity = capacity
        self.kept: dict[int, torch.Tensor] = {}

    def add(self, features: torch.Tensor, emotion: torch.Tensor) -> None:
        """Take (N, D) features of (N,) emotions; the oldest beyond the capacity go."""
        for label in sorted(set(emotion.tolist())):
            new = features[emotion == label]
            old = self.kept.get(label, new[:0])
            self.kept[label] = torch.cat([old, new])[-self.capacity :]

    @property
    def missing(self) -> list[str]:
        """The emotions of which no picture was seen."""
        return [name for label, name in enumerate(EMOTIONS) if label not in self.kept]

    def draw(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """(count, 7, D): of each emotion a picture at random, with replacement; none may be missing."""
        rows = [self.kept[label] for label in range(len(EMOTIONS))]
        drawn = [row[torch.randint(len(row), (count,), generator=generator).to(row.device)] for row in rows]
        return torch.stack(drawn, dim=1)


def pooled(pool: FeaturePool, encoders: Encoders, batch: PairBatch) -> None:
    """Put the frames of a batch's pairs into a pool, the neutral ones as neutral.

    Raises:
        ValueError: the batch does not say its emotions.
    """
    emotion = labels(batch.emotion, batch.emotional)
    with torch.no_grad():
        for clip, label in ((batch.neutral, torch.zeros_like(emotion)), (batch.emotional, emotion)):
            features = clip_features(encoders, clip)
            pool.add(features.flatten(0, 1), label.repeat_interleave(features.shape[1]))

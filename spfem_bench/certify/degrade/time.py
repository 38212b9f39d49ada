"""Harm to the order of frames: nothing is drawn anew, and the number of frames stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


def drop(frames: Frames, share: float, rng: np.random.Generator) -> Frames:
    """Lose frames here and there and show the one before in their place.

    Args:
        frames: (T, H, W, 3).
        share: of the frames that are lost, 0 to 1; the first is always kept.
        rng: says which; of two shares the larger loses all that the smaller loses, given equal streams.
    """
    order = 1 + rng.permutation(len(frames) - 1)
    lost = order[: round(share * (len(frames) - 1))]
    shown = np.arange(len(frames))
    shown[lost] = 0
    return frames[np.maximum.accumulate(shown)]


def freeze(frames: Frames, share: float) -> Frames:
    """Hold one frame for a span in the middle of the clip.

    Args:
        frames: (T, H, W, 3).
        share: of the clip for which the picture stands, 0 to 1.
    """
    count = round(share * len(frames))
    start = (len(frames) - count) // 2
    shown = np.arange(len(frames))
    shown[start : start + count] = start
    return frames[shown]


def late(frames: Frames, count: int) -> Frames:
    """The picture comes ``count`` frames late; until then the first frame is held, and the end is lost."""
    return frames[np.maximum(np.arange(len(frames)) - count, 0)]


def splice(frames: Frames, other: Frames, share: float) -> Frames:
    """The clip's beginning, then another clip's frames of the same instants.

    Args:
        frames: (T, H, W, 3).
        other: (T, H, W, 3), frame by frame in the place of ``frames``.
        share: of the frames that come from ``other``, 0 to 1.
    """
    start = len(frames) - round(share * len(frames))
    return np.concatenate([frames[:start], other[start : len(frames)]])

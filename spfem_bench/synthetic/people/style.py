"""How one person emotes and moves: the part of an identity that a still picture does not show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.face.units import UNITS


@dataclass(frozen=True, slots=True)
class Style:
    """Habits of one person; factors are 1 on average.

    Args:
        gain: (16,) how far each action unit goes.
        lean: (16,) share by which the image-left half leads (negative: the right half).
        smile_spread: how far a smile spreads this person's vowels.
        anger_tighten: how far anger tightens this person's lips while speaking.
        suppression: how far speech holds back the mouth's expression.
        articulation: how far the mouth moves in speech.
        nod: amplitude of the head's motion.
        blink_rate: blinks in a second.
    """

    gain: NDArray[np.float64]
    lean: NDArray[np.float64]
    smile_spread: float
    anger_tighten: float
    suppression: float
    articulation: float
    nod: float
    blink_rate: float


def style_of(speaker: int, seed: int = 0) -> Style:
    """The habits of the person of this index.

    Args:
        speaker: index, 0 or more.
        seed: of the population.
    """
    draw = generator(seed, 11, speaker)

    def about_one(spread: float) -> float:
        return float(np.exp(spread * np.clip(draw.standard_normal(), -2, 2)))

    overall = about_one(0.06)
    return Style(
        gain=overall * np.exp(0.13 * np.clip(draw.standard_normal(len(UNITS)), -1.8, 1.8)),
        lean=0.10 * np.clip(draw.standard_normal(len(UNITS)), -2, 2),
        smile_spread=about_one(0.3),
        anger_tighten=about_one(0.3),
        suppression=about_one(0.25),
        articulation=about_one(0.12),
        nod=about_one(0.3),
        blink_rate=0.28 * about_one(0.3),
    )

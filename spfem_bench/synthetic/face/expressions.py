"""The seven emotions as patterns of action units, at three intensities, in each person's own way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.synthetic.face.units import INDEX, UNITS
from spfem_bench.synthetic.people.style import Style

PATTERNS: Mapping[str, Mapping[str, float]] = {
    "neutral": {},
    "angry": {"AU4": 1.0, "AU5": 0.45, "AU7": 0.7, "AU10": 0.15, "AU17": 0.35, "AU23": 0.95},
    "disgusted": {"AU4": 0.35, "AU7": 0.4, "AU9": 1.0, "AU10": 0.85, "AU15": 0.35, "AU17": 0.3, "AU25": 0.15},
    "fear": {"AU1": 1.0, "AU2": 0.55, "AU4": 0.55, "AU5": 0.95, "AU20": 1.0, "AU25": 0.4, "AU26": 0.15},
    "happy": {"AU6": 0.85, "AU12": 1.0, "AU25": 0.45},
    "sad": {"AU1": 0.95, "AU4": 0.45, "AU5": -0.55, "AU15": 1.0, "AU17": 0.55},
    "surprised": {"AU1": 1.0, "AU2": 1.0, "AU5": 0.8, "AU18": 0.1, "AU25": 0.5, "AU26": 0.8},
}
"""Full expressions (level 3) of the mean person, after the prototypes of EMFACS (Friesen and Ekman 1983).

A negative AU5 is a drooping upper lid.
"""

INTENSITIES: Mapping[int, float] = {1: 0.45, 2: 0.72, 3: 1.0}
"""MEAD's three levels as shares of the full expression."""


def pattern(emotion: str, intensity: int = 3) -> NDArray[np.float64]:
    """(16,) action units of the mean person, in the order of `UNITS`.

    Raises:
        UsageError: an emotion or level that is not in the tables.
    """
    if emotion not in PATTERNS or intensity not in INTENSITIES:
        known = ", ".join(SPFEM_EMOTIONS)
        raise UsageError(
            f"no rendered expression {emotion!r} at level {intensity}: use one of {known}, at level 1, 2 or 3"
        )
    values = np.zeros(len(UNITS))
    for name, value in PATTERNS[emotion].items():
        values[INDEX[name]] = value
    return values * INTENSITIES[intensity]


def blended(first: str, second: str, share: float, intensity: int = 3) -> NDArray[np.float64]:
    """(16,) between two emotions: ``share`` 0 is all ``first``, 1 all ``second``."""
    return (1 - share) * pattern(first, intensity) + share * pattern(second, intensity)


def personal(units: NDArray[np.float64], style: Style) -> NDArray[np.float64]:
    """(16, 2) what this person does for a pattern, image-left and image-right half of the face."""
    own = units * style.gain
    return np.stack([own * (1 + style.lean), own * (1 - style.lean)], axis=-1)

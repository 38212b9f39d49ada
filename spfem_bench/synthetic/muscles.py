"""How emotions move the face: a table of muscle-like parameters, after the action units of FACS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError


@dataclass(frozen=True, slots=True)
class Muscles:
    """Activations from 0 (at rest) to 1 (as far as the mean person goes); names of action units behind.

    Args:
        inner_raise: AU1, inner brow up.
        outer_raise: AU2, outer brow up (negative: down).
        brow_lower: AU4, brows down and together.
        lid_raise: AU5, upper lid up (negative: drooping).
        lid_tight: AU7, lower lid up.
        nose_wrinkle: AU9.
        lip_raise: AU10, upper lip up.
        corner_pull: AU12, mouth corners up and out.
        corner_depress: AU15, mouth corners down.
        lip_stretch: AU20, mouth corners out.
        lip_press: AU24, lips thin and closed.
        jaw_drop: AU26, the jaw hangs even without a word.
        pucker: AU18, a narrow mouth.
    """

    inner_raise: float = 0.0
    outer_raise: float = 0.0
    brow_lower: float = 0.0
    lid_raise: float = 0.0
    lid_tight: float = 0.0
    nose_wrinkle: float = 0.0
    lip_raise: float = 0.0
    corner_pull: float = 0.0
    corner_depress: float = 0.0
    lip_stretch: float = 0.0
    lip_press: float = 0.0
    jaw_drop: float = 0.0
    pucker: float = 0.0

    def scaled(self, factor: float) -> Muscles:
        """Every activation times ``factor``."""
        return replace(self, **{name: value * factor for name, value in asdict(self).items()})


EXPRESSIONS: Mapping[str, Muscles] = {
    "neutral": Muscles(),
    "angry": Muscles(brow_lower=1.0, outer_raise=0.25, lid_tight=0.45, lip_press=0.9, corner_depress=0.35),
    "disgusted": Muscles(
        brow_lower=0.45, lid_tight=0.7, nose_wrinkle=1.0, lip_raise=1.0, corner_depress=0.45, pucker=0.3
    ),
    "fear": Muscles(inner_raise=0.95, outer_raise=0.25, brow_lower=0.15, lid_raise=0.8, lip_stretch=1.0),
    "happy": Muscles(corner_pull=1.0, lid_tight=0.45, lip_stretch=0.2, outer_raise=0.15),
    "sad": Muscles(inner_raise=0.9, outer_raise=-0.5, lid_raise=-0.75, corner_depress=1.0),
    "surprised": Muscles(inner_raise=1.0, outer_raise=1.0, lid_raise=1.0, jaw_drop=1.0, pucker=0.8),
}
"""At intensity 3, for each of the seven emotions."""

INTENSITIES: Mapping[int, float] = {1: 0.45, 2: 0.72, 3: 1.0}
"""MEAD's levels as shares of the full expression."""


def expression(emotion: str, intensity: int = 3) -> Muscles:
    """Muscles of an emotion at level 1, 2 or 3.

    Raises:
        UsageError: an emotion or level that is not in the tables.
    """
    if emotion not in EXPRESSIONS or intensity not in INTENSITIES:
        known = ", ".join(SPFEM_EMOTIONS)
        raise UsageError(
            f"no rendered expression {emotion!r} at level {intensity}: use one of {known}, at level 1, 2 or 3"
        )
    return EXPRESSIONS[emotion].scaled(INTENSITIES[intensity])

"""What a rendered dataset is made of, whatever the layout it is written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spfem_bench.datasets.records import SPFEM_EMOTIONS, ClipRecord
from spfem_bench.errors import UsageError
from spfem_bench.synthetic.clip import ClipSpec

RENDERER = 2
"""Version of the renderer: raised whenever the same parameters would give other frames or sound."""

Row = tuple[ClipRecord, ClipSpec]
Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parameters of a rendered dataset.

    Args:
        speakers: number of people.
        sentences: sentences of each person in each emotion.
        emotions: to show.
        intensities: of every emotion but neutral, which has the level 1 alone.
        seconds: length of each clip; None for as long as its sentence takes.
        seed: of the population, see `spfem_bench.synthetic.splits`.
        size: height and width in pixels.
    """

    speakers: int = 6
    sentences: int = 2
    emotions: tuple[str, ...] = SPFEM_EMOTIONS
    intensities: tuple[int, ...] = (3,)
    seconds: float | None = 2.0
    seed: int = 0
    size: int = 128

    def levels(self, emotion: str) -> tuple[int, ...]:
        """The levels an emotion is shown at, ascending."""
        return (1,) if emotion == "neutral" else tuple(sorted(set(self.intensities)))

    def as_json(self) -> dict[str, Any]:
        """What a manifest says of the parameters."""
        known = asdict(self)
        known["emotions"] = sorted(set(self.emotions))
        known["intensities"] = sorted(set(self.intensities))
        return {**known, "renderer": RENDERER}


def require_room(recipe: Recipe, layout: str, *, speakers: int, sentences: int, intensities: int = 3) -> None:
    """Nothing where a layout has room for a recipe.

    Raises:
        UsageError: it has fewer people, sentences or levels; says how many.
    """
    asked = {
        "speakers": (recipe.speakers, speakers),
        "sentences": (recipe.sentences, sentences),
        "intensities": (max(recipe.intensities, default=1), intensities),
    }
    for name, (wanted, most) in asked.items():
        if wanted > most:
            raise UsageError(f"the layout {layout} has {name} up to {most}, not {wanted}: ask for fewer")
    if min(recipe.intensities, default=1) < 1:
        raise UsageError(f"intensities count from 1, not {min(recipe.intensities)}: give 1 to {intensities}")

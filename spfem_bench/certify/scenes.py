"""What is degraded: a trial with an output that is as good as can be, and what else can be made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from spfem_metrics import Side, TrialFacts
from spfem_metrics.media import ArrayMedia

Sides = Mapping[Side, ArrayMedia]


class Variants(Protocol):
    """What only the maker of a scene can give; each method returns None where it cannot be made.

    A share of 0 is the scene as it stands, 1 the whole change.
    """

    @property
    def reseeded(self) -> ArrayMedia:
        """The output with other camera noise."""
        ...

    def identity_blend(self, share: float) -> ArrayMedia | None:
        """The output with a face between the person's and a stranger's."""
        ...

    def words_blend(self, share: float) -> ArrayMedia | None:
        """The output with a mouth between its own articulation and that of another sentence."""
        ...

    def emotion_blend(self, share: float) -> ArrayMedia | None:
        """The output with an expression between the target's and a neutral one."""
        ...

    def added_emotion(self, share: float, *, interaction: bool) -> Sides | None:
        """A scene whose output is its source with ``share`` of another emotion, nothing else changed."""
        ...

    @property
    def stranger(self) -> ArrayMedia | None:
        """Another person's clip, as many frames of the same size."""
        ...

    @property
    def other_emotion(self) -> ArrayMedia | None:
        """The person in another emotion than the target, as many frames of the same size."""
        ...

    @property
    def other_words(self) -> ArrayMedia | None:
        """The person saying something else, as many frames of the same size."""
        ...


@dataclass(frozen=True)
class Scene:
    """One trial before any harm.

    Args:
        facts: what metrics may know of it.
        sides: its clips; ``output`` is the clean one, of as many frames as ``source`` and ``truth``, which
            show the same instants. It differs from the truth by camera noise, as no output of a model is ever
            its truth to the bit: a distance from an identical picture would make every change look alike.
        real: the clip on the real side of set metrics.
        variants: what else can be made.
        seed: of whatever degradations draw.
    """

    facts: TrialFacts
    sides: Sides
    real: ArrayMedia
    variants: Variants
    seed: int

    @property
    def output(self) -> ArrayMedia:
        """The clean output."""
        return self.sides["output"]

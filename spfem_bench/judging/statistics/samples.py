"""Values by speaker, in an order that depends on nothing but the values.

Rows come in any order and speakers under any name; the random draws must not notice. Speakers are therefore
ordered by their values, and a sample is turned so that its mean is not negative: swapping the two sides of a
comparison then mirrors every result to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spfem_bench.judging.statistics.types import Floats, Question
from spfem_metrics.errors import InputError
from spfem_metrics.functional.checks import floats


@dataclass(frozen=True)
class Sample:
    """Values of speakers, each speaker's sorted, the speakers sorted by them.

    Args:
        groups: for each speaker its (n,) values, n >= 1, turned by ``sign``.
        sign: 1, or -1 where the values given were these with the other sign.
    """

    groups: tuple[Floats, ...]
    sign: int

    @classmethod
    def of(cls, values: ArrayLike, speakers: Sequence[str]) -> Sample:
        """Checked, turned and sorted.

        Args:
            values: (N,) finite, N >= 1.
            speakers: (N,) the speaker of each.

        Raises:
            InputError: there are no values, they are not finite, or speakers and values differ in number.
        """
        found = floats("values", values, 1)
        if not len(found) or len(found) != len(speakers):
            raise InputError(
                f"{len(found)} values of {len(speakers)} speakers: need as many, and at least one"
            )
        names = np.asarray(speakers, dtype=object)
        groups = [found[names == name] for name in dict.fromkeys(speakers)]
        ahead, behind = _ordered(groups), _ordered([-group for group in groups])
        turned = _key(behind) > _key(ahead)
        return cls(behind if turned else ahead, -1 if turned else 1)

    @property
    def size(self) -> int:
        """Number of values."""
        return sum(map(len, self.groups))

    @property
    def means(self) -> Floats:
        """(S,) mean of each speaker."""
        return np.array([math.fsum(group) / len(group) for group in self.groups])

    def strata(self, question: Question) -> tuple[Floats, ...]:
        """Within what is drawn: one stratum of speakers' means, or a stratum of clips for each speaker."""
        return (self.means,) if question == "any-actors" else self.groups


def _ordered(groups: Sequence[Floats]) -> tuple[Floats, ...]:
    return tuple(sorted((np.sort(group) for group in groups), key=lambda group: group.tolist()))


def _key(groups: Sequence[Floats]) -> tuple[float, list[list[float]]]:
    """By which a sample and its mirror are told apart: the mean of means, then all values."""
    mean = math.fsum(math.fsum(group) / len(group) for group in groups)
    return mean, [group.tolist() for group in groups]

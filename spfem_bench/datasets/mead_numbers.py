"""How MEAD numbers its clips: two schemes, and where the sentences said in every emotion stand in them.

    contiguous-disgust-last   1 to 30 (neutral 1 to 40); the shared sentences are 001-003, disgust's 028-030
    gappy-disgust-first       take numbers with gaps; the shared sentences are 001-003 in every emotion

A clip number therefore is no sentence number, and clips must not be paired by it.
"""

from __future__ import annotations

import numpy as np

from spfem_bench.datasets.records import EMOTIONS

SCHEME_A, SCHEME_B = "contiguous-disgust-last", "gappy-disgust-first"
"""The two main numberings."""

COMMON = 3
"""Sentences that are said in every emotion."""

_NEUTRAL, _OTHER = 40, 30
_FIRST_GAPPY, _LAST_NEUTRAL, _LAST_OTHER = 7, 77, 57


def mead_numbers(scheme: str, emotion: str) -> list[int]:
    """The clip numbers of a complete actor and emotion, ascending.

    Args:
        scheme: `SCHEME_A` or `SCHEME_B`.
        emotion: a label of the data set; neutral has 40 clips, others 30.
    """
    count = _NEUTRAL if emotion == "neutral" else _OTHER
    if scheme == SCHEME_A:
        return list(range(1, count + 1))
    # take numbers: kept recordings between discarded ones
    last = _LAST_NEUTRAL if emotion == "neutral" else _LAST_OTHER
    gappy = np.linspace(_FIRST_GAPPY, last, count - COMMON)
    return [*range(1, COMMON + 1), *(int(number) for number in gappy)]


def mead_sentence(scheme: str, emotion: str, rank: int) -> int:
    """Index of the words of a clip: 0 to 2 are said in every emotion, others in one.

    Args:
        scheme: `SCHEME_A` or `SCHEME_B`.
        emotion: a label of the data set.
        rank: of the clip among `mead_numbers`, from 1.
    """
    last = scheme == SCHEME_A and emotion == "disgusted"
    place = rank - (_OTHER - COMMON) if last else rank
    return place - 1 if 1 <= place <= COMMON else 100 * (1 + EMOTIONS.index(emotion)) + rank

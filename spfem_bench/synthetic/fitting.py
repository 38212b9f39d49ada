"""Fits the ``linear-shift`` model on rendered people of its own.

    python -m spfem_bench.synthetic.fitting OUT.npz

The people come from a population of which no dataset is made and no network that judges was trained.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.synthetic.clip import ClipSpec, render_frames, true_pair, truth
from spfem_bench.synthetic.splits import population

PEOPLE = 48
FRAMES = range(4, 54, 5)

_EYES = (slice(36, 42), slice(42, 48))


def pairs(people: int = PEOPLE) -> Iterator[tuple[str, ClipSpec, ClipSpec]]:
    """(emotion, neutral clip, its true pair) of every person and emotion."""
    seed = population("fitted").seed
    for person in range(people):
        neutral = ClipSpec(person, person, seed=seed, seconds=2.4)
        for emotion in SPFEM_EMOTIONS:
            yield emotion, neutral, true_pair(neutral, emotion)


def fit_linear_shift(path: Path) -> None:
    """Fit the model on true pairs and store it."""
    from spfem_baselines.linear import Pairs, fit

    def rows() -> Iterator[Pairs]:
        for emotion, neutral, target in pairs():
            yield emotion, _frames(neutral), _marks(neutral), _marks(target)

    fit(rows()).save(path)


def _frames(spec: ClipSpec) -> NDArray[np.uint8]:
    return np.concatenate(list(render_frames(spec, FRAMES)))


def _marks(spec: ClipSpec) -> NDArray[np.float32]:
    """(T, 70, 2) the centres of the eyes, then the 68 landmarks: the model places a face by its eyes."""
    marks = truth(spec, FRAMES).landmarks
    eyes = [marks[:, eye].mean(axis=1, keepdims=True) for eye in _EYES]
    return np.concatenate([*eyes, marks], axis=1)


def main(arguments: list[str]) -> None:
    """See the module.

    Raises:
        UsageError: not one argument.
    """
    if len(arguments) != 1:
        raise UsageError("fitting takes one argument, the .npz file to write")
    fit_linear_shift(Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])

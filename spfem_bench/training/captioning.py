"""Captions as numbers: what each still is told to be, and which stills a caption fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.fsio import write_atomically
from spfem_bench.synthetic.captions import PROMPTS, captions, person_words, vocabulary
from spfem_bench.synthetic.people.identity import identity_of
from spfem_bench.training.samples import Stills

Encode = Callable[[Sequence[str]], NDArray[np.int64]]
"""Texts -> (N, tokens) numbers of the set's tokenizer."""

LEVELLED, OWN, PROMPTED = (0, 1), (2, 3, 4, 5), 6
"""Kinds of captions: an emotion with its level, something of this very still, an emotion at any level."""

SHARES: NDArray[np.float64] = np.array([0.15, 0.10, 0.10, 0.10, 0.10, 0.05, 0.40])
"""How often each kind is drawn."""


def write_words(path: Path) -> None:
    """Freeze the captions' vocabulary into a list with one word on each line.

    Raises:
        StorageError: the folder cannot be written.
    """
    write_atomically(path, "\n".join(vocabulary()) + "\n")


@dataclass(frozen=True)
class Captions:
    """Captions of N stills.

    Args:
        tokens: (N, 6, L) one caption of each kind but the last, in the order of `captions`.
        prompts: (7, P, L) prompts of each emotion, which serve as the last kind.
        emotion: (N,) index of the emotion.
        level: (N,) 1 to 3.
    """

    tokens: NDArray[np.int16]
    prompts: NDArray[np.int16]
    emotion: NDArray[np.int64]
    level: NDArray[np.int64]

    def drawn(
        self, rows: NDArray[np.int64], draw: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """A caption for each of B stills, and what it fits.

        Args:
            rows: (B,) stills.
            draw: of the kinds.

        Returns:
            (B, L) tokens, and (B, B) where still i (row) is shown by caption j (column).
        """
        kinds = draw.choice(len(SHARES), len(rows), p=SHARES)
        own = self.tokens[rows, np.minimum(kinds, 5)]
        told = self.prompts[self.emotion[rows], draw.integers(self.prompts.shape[1], size=len(rows))]
        tokens = np.where((kinds == PROMPTED)[:, None], told, own).astype(np.int64)
        return tokens, self._fits(rows, kinds)

    def _fits(self, rows: NDArray[np.int64], kinds: NDArray[np.int64]) -> NDArray[np.bool_]:
        emotion, level = self.emotion[rows], self.level[rows]
        alike = emotion[:, None] == emotion
        graded = alike & (level[:, None] == level) & np.isin(kinds, LEVELLED)
        return np.asarray(np.eye(len(rows), dtype=bool) | graded | (alike & (kinds == PROMPTED)))


def captioned(data: Stills, encode: Encode) -> Captions:
    """Captions of all stills, each drawn from its person, clip and frame."""
    population = data.plan.population
    person, clip, frame = (data.whole(name) for name in ("person", "clip", "frame"))
    emotion, level, units = data.whole("emotion"), data.whole("intensity"), data.floats("units")
    words = [person_words(identity_of(index, population)) for index in range(data.plan.people)]
    rows = [
        encode(captions(SPFEM_EMOTIONS[emotion[i]], int(level[i]), units[i], words[person[i]], key))
        for i, key in enumerate(zip((population,) * len(data), clip.tolist(), frame.tolist(), strict=True))
    ]
    return Captions(np.stack(rows).astype(np.int16), prompted(encode).astype(np.int16), emotion, level)


def prompted(encode: Encode) -> NDArray[np.int64]:
    """(7, P, L) tokens of the zero-shot prompts, as many of each emotion as the poorest has."""
    fewest = min(len(texts) for texts in PROMPTS.values())
    return np.stack([encode(PROMPTS[name][:fewest]) for name in SPFEM_EMOTIONS])


def classes(
    embed: Callable[[torch.Tensor], torch.Tensor], texts: Sequence[Sequence[str]], encode: Encode
) -> NDArray[np.float32]:
    """(C, D) one unit vector for each class: the mean over its texts (Radford et al. 2021, 3.1.4)."""
    with torch.inference_mode():
        means = [embed(torch.from_numpy(encode(some))).mean(dim=0) for some in texts]
        return np.asarray(torch.nn.functional.normalize(torch.stack(means), dim=1).numpy(), np.float32)

"""Expressions with captions to pre-train ExpCLIP on, as TEAD has them: words, emotion, muscles.

Half are acted: an instant of a rendered clip, told by its emotion, its muscles or both. Half are free: up to
three muscles that no emotion need combine, told by themselves. No picture is painted for either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from spfem_baselines.supervision.expclip import TextEncoder
from spfem_baselines.supervision.expressions import Expressions
from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.synthetic.captions import PROMPTS, captions, person_words
from spfem_bench.synthetic.clip import ClipSpec, Scene, Take
from spfem_bench.synthetic.draws import generator
from spfem_bench.synthetic.face.units import UNITS
from spfem_bench.synthetic.people.identity import identity_of
from spfem_bench.synthetic.speech.sentences import SENTENCES

Floats = NDArray[np.float32]

ACTED = 4
"""Captions of an acted expression: of the emotion by adjective and by noun, of the muscles, of both.

A prompt that names the emotion at any level comes beside them.
"""
_MUSCLES = 2
_AT_ONCE = 256


@dataclass(frozen=True)
class Plan:
    """Which expressions.

    Args:
        count: N, of which every second is free.
        people: whose habits the acted ones have.
        population: seed of the people.
    """

    count: int
    people: int = 400
    population: int = 2000


@dataclass(frozen=True)
class Described:
    """N expressions.

    Args:
        coefficients: (N, 16) action units.
        captions: N times one or more captions.
        features: (M, W) of all captions, one expression's after another's.
        begins: (N + 1,) where each expression's captions begin, and the end.
        emotion: (N,) index of the emotion, -1 of the free ones.
    """

    coefficients: Floats
    captions: Sequence[Sequence[str]]
    features: Floats
    begins: NDArray[np.int64]
    emotion: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.coefficients)

    def batch(self, draw: np.random.Generator, size: int) -> Expressions:
        """Drawn expressions, each with one of its captions."""
        rows = draw.integers(0, len(self), size)
        chosen = draw.integers(self.begins[rows], self.begins[rows + 1])
        return Expressions(*(torch.from_numpy(x) for x in (self.coefficients[rows], self.features[chosen])))

    def batches(self, seed: int, size: int, first: int = 0) -> Iterator[Expressions]:
        """Endless batches, each from a stream of its own: batch i is the same however many came before."""
        step = first
        while True:
            yield self.batch(np.random.default_rng((seed, step)), size)
            step += 1


def described(plan: Plan, texts: TextEncoder) -> Described:
    """The expressions of a plan, with the features of their captions."""
    rows = [_free(plan, i) if i % 2 else _acted(plan, i) for i in range(plan.count)]
    units, told, emotion = zip(*rows, strict=True)
    every = [caption for some in told for caption in some]
    begins = np.concatenate([[0], np.cumsum([len(some) for some in told])])
    return Described(np.stack(units), told, _features(every, texts), begins, np.array(emotion))


def _features(every: Sequence[str], texts: TextEncoder) -> Floats:
    with torch.inference_mode():
        starts = range(0, len(every), _AT_ONCE)
        parts = [texts.text_features(every[start : start + _AT_ONCE]).float().cpu() for start in starts]
    return np.asarray(torch.cat(parts).numpy(), np.float32)


def _acted(plan: Plan, index: int) -> tuple[Floats, tuple[str, ...], int]:
    """One instant of a clip, speech included."""
    draw = generator(plan.population, 89, index)
    mood, level = int(draw.integers(len(SPFEM_EMOTIONS))), int(draw.integers(1, 4))
    emotion, person = SPFEM_EMOTIONS[mood], int(draw.integers(plan.people))
    level = 1 if emotion == "neutral" else level
    take = Take(emotion, level, int(draw.integers(4)))
    words = int(draw.integers(SENTENCES))
    spec = ClipSpec(person, words, emotion, level, seed=plan.population, take=take)
    units = Scene(spec).track.units[int(draw.integers(spec.frame_count))].mean(axis=-1).astype(np.float32)
    told = _told(plan, emotion, level, units, (person, index))[:ACTED]
    plain = PROMPTS[emotion][int(draw.integers(len(PROMPTS[emotion])))]
    return units, (*told, plain), mood


def _free(plan: Plan, index: int) -> tuple[Floats, tuple[str, ...], int]:
    """One to three muscles, each anything from weak to full."""
    draw = generator(plan.population, 97, index)
    moved = draw.choice(len(UNITS), int(draw.integers(1, 4)), replace=False)
    units = np.zeros(len(UNITS), np.float32)
    units[moved] = draw.uniform(0.25, 1.1, len(moved))
    person = int(draw.integers(plan.people))
    return units, (_told(plan, "neutral", 1, units, (person, index))[_MUSCLES],), -1


def _told(plan: Plan, emotion: str, level: int, units: Floats, key: tuple[int, int]) -> tuple[str, ...]:
    who = person_words(identity_of(key[0], plan.population))
    return captions(emotion, level, units, who, (plan.population, 101, key[1]))

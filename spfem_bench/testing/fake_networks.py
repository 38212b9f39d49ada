"""What the networks of a rendered face say in fake observations: sync, text, pictures, landmarks, units."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spfem_metrics import Arrays
from spfem_metrics.metrics.text import CAPTIONS

Floats = NDArray[np.float32]

LANDMARKS = 68
UNITS = 16
WIDTH = 64
"""Length of the embeddings of lip-sync and text, and of perceptual features."""


def seeded(name: str) -> np.random.Generator:
    """A generator of random numbers that depends on the name only."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.PCG64(seed))


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length 1."""
    return np.asarray(vector / np.linalg.norm(vector, axis=-1, keepdims=True))


def turned(embedding: NDArray[np.float64], rng: np.random.Generator, cosine: float) -> Floats:
    """Unit vectors at exactly this cosine to the given ones."""
    other = rng.normal(size=embedding.shape)
    aside = unit(other - (other * embedding).sum(axis=1, keepdims=True) * embedding)
    return np.asarray(cosine * embedding + np.sqrt(1 - cosine**2) * aside, np.float32)


def late(series: NDArray[np.generic], lag: int) -> NDArray[np.float64]:
    """The series ``lag`` frames later, its first value held."""
    index = np.clip(np.arange(len(series)) - lag, 0, len(series) - 1)
    return np.asarray(series, np.float64)[index]


def said(text: str) -> Floats:
    """(64,) the unit embedding that a fake text network gives a text, the same on every machine."""
    return np.asarray(unit(seeded(f"text {text}").normal(size=WIDTH)), np.float32)


@dataclass(frozen=True)
class FakeTexts:
    """A text network that gives every caption of an emotion the embedding at which fake images of it aim.

    Args:
        strange: words that it does not know.
    """

    strange: Sequence[str] = ()
    definition: str = "fake-texts@1"

    def embed(self, text: str) -> Floats:
        """(64,) of unit length."""
        meant = [emotion for emotion, own in CAPTIONS.items() if text in own]
        return said(meant[0] if meant else text)

    def refusal(self, text: str) -> str:
        """Names the strange words."""
        unknown = [word for word in text.split() if word in self.strange]
        return f"the text network does not know: {', '.join(unknown)}" if unknown else ""


def shown(rng: np.random.Generator, text: str, frames: int, cosine: float) -> Arrays:
    """``text``: images at this cosine to a text."""
    embedding = turned(np.tile(said(text).astype(np.float64), (frames, 1)), rng, cosine)
    return {"embedding": embedding, "valid": np.ones(frames, bool)}


def sound(rng: np.random.Generator, frames: int) -> Floats:
    """(T, 64) embeddings of sound that never repeats itself."""
    return unit(rng.normal(size=(frames, WIDTH))).astype(np.float32)


def spoken(rng: np.random.Generator, audio: NDArray[np.generic], lag: int, cosine: float) -> Arrays:
    """``sync``: a mouth that says this sound, so many frames late."""
    heard, every = np.asarray(audio, np.float64), np.ones(len(audio), bool)
    video = turned(unit(late(heard, lag)), rng, cosine)
    return {"video": video, "audio": heard.astype(np.float32), "video_valid": every, "audio_valid": every}


def pictured(rng: np.random.Generator, frames: int, moved: float) -> Arrays:
    """``perceptual``: features around one place, moved along every axis."""
    return {"features": (rng.normal(size=(frames, WIDTH)) + moved).astype(np.float32)}


def landmarks(rng: np.random.Generator, frames: int, noise: float) -> Floats:
    """(T, 68, 2) px: the same points in every fake face, plus noise."""
    place = seeded("landmarks").uniform([24, 20], [104, 116], (LANDMARKS, 2))
    return (place + noise * rng.normal(size=(frames, LANDMARKS, 2))).astype(np.float32)


def units(emotion: str, frames: int) -> Floats:
    """(T, 16) activations of an emotion, 0 where neutral."""
    rest: Mapping[str, float] = {"neutral": 0.0}
    row = rest.get(emotion, 1.0) * seeded(f"units {emotion}").random(UNITS)
    return np.tile(row.astype(np.float32), (frames, 1))

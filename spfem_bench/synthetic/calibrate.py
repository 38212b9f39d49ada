"""Fits the constants of ``palette-v0`` and of the ``linear-shift`` model on rendered people of their own.

    python -m spfem_bench.synthetic.calibrate palette OUT.json
    python -m spfem_bench.synthetic.calibrate linear-shift OUT.npz

The people come from populations (seeds) of which no dataset is made, and the two share nobody: what judges
never supervises.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.fsio import write_atomically
from spfem_bench.synthetic.clip import ClipSpec, render_frames, truth
from spfem_metrics.synthetic.constants import Palette
from spfem_metrics.synthetic.locate import locate
from spfem_metrics.synthetic.measure import read

JUDGE_SEED, MODEL_SEED = 1_000, 2_000
PEOPLE = 48
KEPT_DIRECTIONS = 7
FRAMES = range(2, 50, 5)

Measured = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]


def measure(people: int = PEOPLE, seed: int = JUDGE_SEED) -> Measured:
    """Expression (N, E), traits (N, F), emotion index (N,) and person (N,) of rendered frames."""
    rows = [row for person in range(people) for row in _of_person(person, seed)]
    expression, traits, emotion, who = zip(*rows, strict=True)
    return np.stack(expression), np.stack(traits), np.array(emotion), np.array(who)


def _of_person(person: int, seed: int) -> Iterator[tuple[Any, ...]]:
    for index, emotion in enumerate(SPFEM_EMOTIONS):
        for intensity in (2, 3) if emotion != "neutral" else (1,):
            spec = ClipSpec(person, person, emotion, intensity, seed=seed)
            for image in _frames(spec):
                face = locate(image)
                reading = None if face is None else read(image, face)
                if reading is not None:
                    yield reading.expression, reading.traits, index, person


def fit_palette(measured: Measured) -> Palette:
    """Prototypes and covariance of the emotions; directions in which people differ."""
    expression, traits, emotion, who = measured
    rest, scale = expression[emotion == 0].mean(axis=0), expression.std(axis=0)
    standard = (expression - rest) / scale
    prototypes = np.stack([standard[emotion == k].mean(axis=0) for k in range(len(SPFEM_EMOTIONS))])
    within = np.cov(standard - prototypes[emotion], rowvar=False)
    precision = np.asarray(np.linalg.inv(within + 0.02 * np.eye(len(within))), np.float64)
    return Palette("", rest, scale, prototypes, precision, traits.mean(axis=0), _directions(traits, who))


def _directions(traits: NDArray[np.float64], who: NDArray[np.int64]) -> NDArray[np.float64]:
    """(D, F) discriminant directions, scaled so that people have unit variance along each."""
    spread = traits.std(axis=0)
    standard = (traits - traits.mean(axis=0)) / spread
    people = np.unique(who)
    means = np.stack([standard[who == person].mean(axis=0) for person in people])
    within = np.cov(standard - means[np.searchsorted(people, who)], rowvar=False) + 0.02 * np.eye(len(spread))
    between = np.cov(means, rowvar=False)
    whiten = np.linalg.inv(np.linalg.cholesky(within))
    values, vectors = np.linalg.eigh(whiten @ between @ whiten.T)
    values, vectors = values[::-1][:KEPT_DIRECTIONS], vectors[:, ::-1][:, :KEPT_DIRECTIONS]
    return np.asarray((whiten.T @ vectors / np.sqrt(values)).T / spread)


def palette_json(palette: Palette) -> str:
    """The constants as text, seven significant digits."""
    names = ("rest", "scale", "prototypes", "precision", "trait_mean", "trait_basis")
    arrays = {name: _rounded(getattr(palette, name)) for name in names}
    made = "python -m spfem_bench.synthetic.calibrate palette"
    return json.dumps({"made_by": made, "arrays": arrays}, indent=1) + "\n"


def _rounded(values: NDArray[np.float64]) -> Any:
    return json.loads(json.dumps(values.tolist()), parse_float=lambda text: float(f"{float(text):.7g}"))


def pairs(people: int = PEOPLE, seed: int = MODEL_SEED) -> Iterator[tuple[str, ClipSpec, ClipSpec]]:
    """(emotion, neutral clip, its true pair) of every training person and emotion."""
    for person in range(people):
        neutral = ClipSpec(person, person, seed=seed)
        for emotion in SPFEM_EMOTIONS:
            yield emotion, neutral, ClipSpec(person, person, emotion, seed=seed)


def fit_linear_shift(path: Path) -> None:
    """Fit the model on true pairs and store it."""
    from spfem_baselines.linear import Pairs, fit

    def rows() -> Iterator[Pairs]:
        chosen = list(FRAMES)
        for emotion, neutral, target in pairs():
            before, after = truth(neutral).landmarks[chosen], truth(target).landmarks[chosen]
            yield emotion, _frames(neutral), before, after

    fit(rows()).save(path)


def _frames(spec: ClipSpec) -> NDArray[np.uint8]:
    return np.concatenate(list(render_frames(spec, FRAMES)))


def main(arguments: list[str]) -> None:
    """See the module.

    Raises:
        UsageError: not ``palette OUT`` or ``linear-shift OUT``.
    """
    if len(arguments) != 2 or arguments[0] not in ("palette", "linear-shift"):
        raise UsageError("calibrate takes 'palette OUT.json' or 'linear-shift OUT.npz'")
    path = Path(arguments[1])
    if arguments[0] == "palette":
        write_atomically(path, palette_json(fit_palette(measure())))
    else:
        fit_linear_shift(path)


if __name__ == "__main__":
    main(sys.argv[1:])

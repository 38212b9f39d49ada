"""The numbers of ``palette-v0``, fitted on rendered people who are in no test set.

``palette_v0.json`` is written by ``python -m spfem_bench.synthetic.calibrate``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

EMOTIONS = ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")
FILE = "palette_v0.json"


@dataclass(frozen=True)
class Palette:
    """Fitted constants.

    Args:
        digest: first eight hexadecimal digits of the file's sha256.
        rest: (E,) mean expression geometry of neutral faces.
        scale: (E,) its standard deviation over all emotions.
        prototypes: (7, E) mean standardised coefficients of each emotion.
        precision: (E, E) inverse of the covariance within emotions.
        trait_mean: (F,) mean traits of the population.
        trait_basis: (D, F) directions in which people differ most against how much one person varies.
    """

    digest: str
    rest: NDArray[np.float64]
    scale: NDArray[np.float64]
    prototypes: NDArray[np.float64]
    precision: NDArray[np.float64]
    trait_mean: NDArray[np.float64]
    trait_basis: NDArray[np.float64]

    def coefficients(self, expression: NDArray[np.float64]) -> NDArray[np.float64]:
        """(E,) or (T, E) standardised: 0 is the mean neutral face, 1 one standard deviation of the data."""
        return np.asarray((expression - self.rest) / self.scale)

    def probabilities(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """(T, 7) softmax of minus half the squared Mahalanobis distance to each prototype."""
        offset = coefficients[:, None, :] - self.prototypes
        distance = np.einsum("tke,ef,tkf->tk", offset, self.precision, offset)
        power = np.exp(-0.5 * (distance - distance.min(axis=1, keepdims=True)))
        return np.asarray(power / power.sum(axis=1, keepdims=True))

    def embedding(self, traits: NDArray[np.float64]) -> NDArray[np.float64]:
        """(T, D) unit vectors; the mean person would be the zero vector, so strangers' cosine is about 0."""
        vectors = (traits - self.trait_mean) @ self.trait_basis.T
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(length, 1e-9))


@cache
def palette() -> Palette:
    """The shipped constants."""
    content = files("spfem_metrics.synthetic").joinpath(FILE).read_bytes()
    data = json.loads(content)
    arrays = {name: np.array(values, np.float64) for name, values in data["arrays"].items()}
    return Palette(digest=hashlib.sha256(content).hexdigest()[:8], **arrays)

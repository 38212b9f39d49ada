"""Distance from the true pair in the features of a network: what LPIPS is to photographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import sign
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature


@dataclass(frozen=True)
class PerceptualDistance:
    """Mean over frames of the pair extractor ``perceptual-distance``; part: ``frames``."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="perceptual-distance",
        label="Perceptual",
        version=1,
        direction="lower",
        unit="distance",
        bounds=(0.0, float("inf")),
        needs=(Need("truth", "perceptual-distance"),),
        about=(
            "Mean over frames of a distance between a network's features of the output's picture and of the "
            "true pair's, after LPIPS (Zhang et al. 2018), on this suite's own network: its numbers compare "
            "with no published LPIPS. Frames are paired as the protocol aligns output and true pair."
        ),
        order=("oracle", "copy-source", "noise"),
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign(self.info, definitions, mean="frames-then-trials")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean over frames."""
        arrays = observation.pairs.get(("truth", "perceptual-distance"))
        if arrays is None or not len(arrays["distance"]):
            return Unscored("no true pair")
        distances = np.asarray(arrays["distance"], np.float64)
        return Reading(float(distances.mean()), {"frames": float(len(distances))})

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)

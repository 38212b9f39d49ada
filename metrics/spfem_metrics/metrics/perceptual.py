"""Distance from the true pair in the features of a network: LPIPS, and its stand-in on rendered clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from spfem_metrics.errors import DefinitionError
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import sign
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

LpipsNet = Literal["alex", "vgg", "squeeze"]


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
        whole_frames=True,
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign(self.info, definitions, mean="frames-then-trials")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean over frames."""
        return _frame_mean(observation, "perceptual-distance")

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


@dataclass(frozen=True)
class LpipsDistance:
    """Mean over frames of the pair extractor ``lpips-NET``, named after it; part: ``frames``.

    Args:
        net: ``alex``, ``vgg`` or ``squeeze``; their numbers do not compare.

    Raises:
        DefinitionError: another net.
    """

    net: LpipsNet = "alex"

    def __post_init__(self) -> None:
        if self.net not in get_args(LpipsNet):
            raise DefinitionError(f"lpips takes net alex, vgg or squeeze, not {self.net!r}")

    @property
    def info(self) -> MetricInfo:
        """Named after the network."""
        return _lpips_info(self.net)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign(self.info, definitions, mean="frames-then-trials")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean over frames."""
        return _frame_mean(observation, f"lpips-{self.net}")

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


def lpips(net: LpipsNet = "alex") -> LpipsDistance:
    """The metric ``lpips-NET``."""
    return LpipsDistance(net)


def _frame_mean(observation: Observation, extractor: str) -> Reading | Unscored:
    arrays = observation.pairs.get(("truth", extractor))
    if arrays is None or not len(arrays["distance"]):
        return Unscored("no true pair")
    distances = np.asarray(arrays["distance"], np.float64)
    return Reading(float(distances.mean()), {"frames": float(len(distances))})


def _lpips_info(net: LpipsNet) -> MetricInfo:
    trunk = {"alex": "AlexNet", "vgg": "VGG-16", "squeeze": "SqueezeNet 1.1"}[net]
    return MetricInfo(
        name=f"lpips-{net}",
        label=f"LPIPS ({net})",
        version=1,
        direction="lower",
        unit="distance",
        bounds=(0.0, float("inf")),
        needs=(Need("truth", f"lpips-{net}"),),
        about=(
            f"Mean over frames of LPIPS 0.1 (Zhang et al. 2018) on {trunk} between the output's picture and "
            "the true pair's, whole pictures, background included. It depends on the pictures' size: only "
            "numbers of one size compare. Frames are paired as the protocol aligns output and true pair."
        ),
        order=("oracle", "copy-source", "noise"),
        whole_frames=True,
    )

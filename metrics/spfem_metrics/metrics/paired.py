"""SSIM and PSNR against the true pair, where one exists."""

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

_NEEDS = (Need("truth", "image-quality"),)
_PAIRED = (
    "Frames are paired as the protocol aligns output and true pair; whole pictures, background included."
)


@dataclass(frozen=True)
class SSIM:
    """Structural similarity to the true pair; parts: ``frames``, share of ``identical`` ones."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="ssim",
        label="SSIM",
        version=1,
        direction="higher",
        unit="similarity",
        bounds=(-1.0, 1.0),
        needs=_NEEDS,
        about="Mean over frames of SSIM (Wang et al. 2004) to the true pair. " + _PAIRED,
        order=("oracle", "copy-source", "noise"),
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign(self.info, definitions, mean="frames-then-trials")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean over frames."""
        return _frame_mean(observation, "ssim")

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


@dataclass(frozen=True)
class PSNR:
    """Peak signal-to-noise ratio to the true pair; parts: ``frames``, share of ``identical`` ones."""

    info: ClassVar[MetricInfo] = MetricInfo(
        name="psnr",
        label="PSNR",
        version=1,
        direction="higher",
        unit="dB",
        bounds=(0.0, 100.0),
        needs=_NEEDS,
        about=(
            "Mean over frames of the frame's PSNR to the true pair, as papers average it (the PSNR of the "
            "pooled "
            "error is lower). Identical frames count 100 dB. " + _PAIRED
        ),
        order=("oracle", "copy-source", "noise"),
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign(self.info, definitions, mean="frames-then-trials")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean over frames."""
        return _frame_mean(observation, "psnr")

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)


def _frame_mean(observation: Observation, name: str) -> Reading | Unscored:
    arrays = observation.pairs.get(("truth", "image-quality"))
    if arrays is None or not len(arrays[name]):
        return Unscored("no true pair")
    values = np.asarray(arrays[name], np.float64)
    identical = float(np.asarray(arrays["identical"], bool).mean())
    return Reading(float(values.mean()), {"frames": float(len(values)), "identical": identical})

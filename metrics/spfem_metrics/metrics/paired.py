"""SSIM and PSNR against the true pair, where one exists.

Both are means over frames, then over trials. PSNR of the error pooled over all frames, as torchmetrics has
it, is another number, never above this one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

import numpy as np

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.images import SsimForm
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
        whole_frames=True,
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
class NamedSSIM:
    """Another form of SSIM, by the pair extractor ``ssim-FORM`` and named after it; part: ``frames``.

    Args:
        form: a key of `spfem_metrics.functional.images.SSIM_RULES`.

    Raises:
        DefinitionError: another form.
    """

    form: SsimForm = "skimage"

    def __post_init__(self) -> None:
        if self.form not in get_args(SsimForm):
            raise DefinitionError(f"ssim takes form {', '.join(get_args(SsimForm))}, not {self.form!r}")

    @property
    def info(self) -> MetricInfo:
        """Named after the form."""
        return _ssim_info(self.form)

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign(self.info, definitions, mean="frames-then-trials")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean over frames."""
        arrays = observation.pairs.get(("truth", f"ssim-{self.form}"))
        if arrays is None or not len(arrays["ssim"]):
            return Unscored("no true pair")
        values = np.asarray(arrays["ssim"], np.float64)
        return Reading(float(values.mean()), {"frames": float(len(values))})

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
        whole_frames=True,
    )

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        return sign(self.info, definitions, mean="frames-then-trials")

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean over frames."""
        return _frame_mean(observation, "psnr")

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials; the notes count the frames that are identical, whose 100 dB are a convention."""
        return mean_score(rows, identical_frames(rows))


def identical_frames(rows: Sequence[Row]) -> tuple[str, ...]:
    """A note on how many generated frames are the true pair's own, where any are."""
    parts = [
        row.outcome.parts
        for row in rows
        if row.trial.side == "generated" and isinstance(row.outcome, Reading)
    ]
    same = round(math.fsum(part.get("identical", 0.0) * part["frames"] for part in parts))
    whole = round(math.fsum(part["frames"] for part in parts))
    return (f"{same} of {whole} frames are identical to the true pair's and count 100 dB",) if same else ()


def _frame_mean(observation: Observation, name: str) -> Reading | Unscored:
    arrays = observation.pairs.get(("truth", "image-quality"))
    if arrays is None or not len(arrays[name]):
        return Unscored("no true pair")
    values = np.asarray(arrays[name], np.float64)
    identical = float(np.asarray(arrays["identical"], bool).mean())
    return Reading(float(values.mean()), {"frames": float(len(values)), "identical": identical})


_FORMS: Mapping[SsimForm, str] = {
    "wang": "per channel, as scikit-image gives it with Gaussian weights and population covariance",
    "wang-gray": "of the gray pictures, as Wang et al. 2004 define it",
    "skimage": "by scikit-image's default (7x7 uniform windows, sample covariance), as in EAT's evaluation",
    "skimage-gray": "of the gray pictures by scikit-image's default (7x7 uniform windows, sample covariance)",
    "torchmetrics": "with windows about the pixels of the border too, as torchmetrics has it since 1.4.2",
}


def _ssim_info(form: SsimForm) -> MetricInfo:
    return MetricInfo(
        name=f"ssim-{form}",
        label=f"SSIM ({form})",
        version=1,
        direction="higher",
        unit="similarity",
        bounds=(-1.0, 1.0),
        needs=(Need("truth", f"ssim-{form}"),),
        about=(
            f"Mean over frames of SSIM to the true pair, {_FORMS[form]}. It compares with no other form. "
            + _PAIRED
        ),
        order=("oracle", "copy-source", "noise"),
        whole_frames=True,
    )

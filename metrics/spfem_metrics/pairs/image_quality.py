"""The pair extractors ``image-quality`` (SSIM and PSNR) and ``ssim-FORM`` (other forms of SSIM)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.beside import in_order, threads
from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Arrays
from spfem_metrics.functional.images import K1, K2, SSIM_RULES, SsimForm, psnr, ssim, ssim_by
from spfem_metrics.media import Media
from spfem_metrics.pairs.fitting import fitted
from spfem_metrics.pairs.lockstep import Picture, lockstep
from spfem_metrics.sampling import Frames, check_frames, pairs_word, taken

CAP = 100.0
"""dB of identical frames."""


@dataclass(frozen=True)
class ImageQuality:
    """Compares whole pictures; an output of another size is brought to the other clip's size first.

    Resizing is by area where both sides shrink, bilinear otherwise. Arrays over P pairs: ``ssim`` (P,)
    float64, ``psnr`` (P,) float64 dB, ``identical`` (P,) bool; with ``frames`` over those taken of the pairs.
    """

    frames: Frames = "all"
    name: str = "image-quality"

    @property
    def definition(self) -> str:
        """Window, constants, border, channels, cap, range, resize, pairs where not all are compared."""
        return (
            "ssim:gauss11-1.5,k.01-.03,valid,rgb-mean,psnr:rgb,cap100,range255,"
            f"resize:to-other-area-or-linear{pairs_word(self.frames)}"
        )

    def compare(self, output: Media, other: Media, pairs: NDArray[np.int64]) -> Arrays:
        """SSIM and PSNR of each pair of frames that is taken.

        Raises:
            InputError: pairs out of order or range, or pictures under 11 px.
        """
        met = lockstep(output, other, taken(pairs, self.frames))
        rows = list(in_order(_compare, met, threads()))
        return {
            "ssim": np.array([row[0] for row in rows], np.float64),
            "psnr": np.array([row[1] for row in rows], np.float64),
            "identical": np.array([row[2] for row in rows], bool),
        }


def image_quality(
    *, weights: Mapping[str, Path] | None = None, device: str = "cpu", frames: Frames = "all"
) -> ImageQuality:
    """The pair extractor ``image-quality``.

    Args:
        weights: none are needed.
        device: not used.
        frames: pairs compared of each two clips at most, evenly spaced, or ``all``.

    Raises:
        DefinitionError: neither a whole number of at least 1 nor ``all``.
    """
    del weights, device
    check_frames(frames)
    return ImageQuality(frames)


@dataclass(frozen=True)
class SsimPictures:
    """Compares whole pictures by one form of SSIM, an output of another size as `ImageQuality` does.

    Array over P pairs: ``ssim`` (P,) float64; with ``frames`` over those taken of the pairs.
    """

    form: SsimForm
    frames: Frames = "all"

    @property
    def name(self) -> str:
        """Each form is another extractor, so that a suite can hold several."""
        return f"ssim-{self.form}"

    @property
    def definition(self) -> str:
        """Window, constants, border, covariance, channels, range, resize, pairs unless all are compared."""
        rule = SSIM_RULES[self.form]
        return (
            f"ssim:{rule.window},k{K1:g}-{K2:g},{rule.border},{rule.covariance}-cov,{rule.channels},range255,"
            f"crop:frame,resize:to-other-area-or-linear{pairs_word(self.frames)}"
        )

    def compare(self, output: Media, other: Media, pairs: NDArray[np.int64]) -> Arrays:
        """SSIM of each pair of frames that is taken.

        Raises:
            InputError: pairs out of order or range, or pictures smaller than the window.
        """
        rule = SSIM_RULES[self.form]
        met = lockstep(output, other, taken(pairs, self.frames))
        found = in_order(lambda pair: ssim_by(rule, *fitted(pair)), met, threads())
        return {"ssim": np.fromiter(found, np.float64)}


def ssim_pictures(
    *,
    weights: Mapping[str, Path] | None = None,
    device: str = "cpu",
    form: SsimForm = "skimage",
    frames: Frames = "all",
) -> SsimPictures:
    """The pair extractor ``ssim-FORM``.

    Args:
        weights: none are needed.
        device: not used.
        form: a key of `spfem_metrics.functional.images.SSIM_RULES`.
        frames: pairs compared of each two clips at most, evenly spaced, or ``all``.

    Raises:
        DefinitionError: another form, or ``frames`` that cannot be.
    """
    del weights, device
    check_frames(frames)
    if form not in SSIM_RULES:
        raise DefinitionError(f"ssim takes form {', '.join(SSIM_RULES)}, not {form!r}")
    return SsimPictures(form, frames)


def _compare(pair: tuple[Picture, Picture]) -> tuple[float, float, bool]:
    ours, theirs = fitted(pair)
    return ssim(ours, theirs), psnr(ours, theirs, cap=CAP), bool(np.array_equal(ours, theirs))
